"""What claims can detect, against formulas that are written here anew, and against verdicts on simulated runs."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, stats

import sweeper
from sweeper.evidence.planned import power
from sweeper.evidence.planned.power import CURVE
from sweeper.evidence.planned.wording import amount, power_json
from sweeper.planning.plan import make_plan
from sweeper.spec.study import Study
from tests.sweeper.documents import factor, phase, study
from tests.sweeper.evidence.planned.studies import (
    LOG,
    contrast,
    detection,
    equivalence,
    one_at_a_time,
    power_of,
    simulated,
)

SD = math.log1p(0.01)  # of one run, as the studies assume
REPLICATES = 500


FACTORS = {"a": factor([0, 1, 2]), "b": factor([0, 1, 2]), "c": factor([0, 1, 2])}
TWO_LEVELS = {f"f{k}": factor([0, 1]) for k in range(4)}
SQUARE = {name: TWO_LEVELS[name] for name in ("f0", "f1")}
MAIN = {"factor": "f0", "from": 0, "to": 1}
LOWER = {"contrast": MAIN, "expect": "decrease"}


def planned_study(factors: dict[str, Any], design: Any, claim: dict[str, Any]) -> Study:
    """A study of three seeds with a claim that is written as for a frame."""
    form = next(key for key in claim if key != "expect")
    empty = {"contrast": {"where": {}}, "ordering": {"order": None}}.get(form, {})
    planned = {"id": "c", **claim, form: {"phase": "p", **empty, **claim[form]}}
    return study(factors, phase("p", design, seeds=[0, 1, 2]), claims=[planned], metric=LOG, assume={"sd": "1%"})


def noncentral_t(distance: float, n: int, df: int, alpha: float) -> float:
    critical = stats.t.isf(alpha, df)
    return float(stats.nct.sf(critical, df, distance / (SD * math.sqrt(2.0 / n))))


def tost(half: float, n: int, df: int, alpha: float) -> float:
    """Joint power of both tests at no effect, integrated over the chi-squared distribution of the variance."""
    error, critical = SD * math.sqrt(2.0 / n), stats.t.isf(alpha, df)
    upper = min(df * (half / (critical * error)) ** 2, stats.chi2.isf(1e-13, df))

    def given(square: float) -> float:
        reach = half - critical * error * math.sqrt(square / df)
        return float((2 * stats.norm.cdf(reach / error) - 1) * stats.chi2.pdf(square, df)) if reach > 0 else 0.0

    return float(integrate.quad(given, 0.0, upper, limit=200)[0])


def smallest(power: Callable[..., float], n: int, df: int, alpha: float, reached: float = 0.8) -> float:
    """The distance at which a power is reached."""
    return float(optimize.brentq(lambda distance: power(distance, n, df, alpha) - reached, 1e-4, 5.0))


def two_configurations(claim: dict[str, Any], *, seeds: int, claims: int = 1) -> Study:
    """A study without arms over which a variance could be pooled, whose claims all say the same."""
    planned = [{**claim, "id": f"c{k}"} for k in range(claims)]
    ran = phase("p", "grid", seeds=list(range(seeds)))
    return study({"a": factor([0, 1])}, ran, claims=planned, metric=LOG, assume={"sd": "1%"})


@pytest.mark.parametrize("claims", [1, 4])
@pytest.mark.parametrize("seeds", [2, 3, 10])
def test_a_difference_is_detected_as_the_noncentral_t_says(seeds: int, claims: int) -> None:
    found = detection(two_configurations(contrast(), seeds=seeds, claims=claims))
    assert (found.pairs, found.seeds, found.df) == (seeds, seeds, seeds - 1)
    assert found.distance == pytest.approx(smallest(noncentral_t, seeds, seeds - 1, 0.05 / claims), rel=1e-4)


@pytest.mark.parametrize("seeds", [3, 8])
def test_an_equivalence_has_the_power_of_its_two_tests(seeds: int) -> None:
    found = detection(two_configurations(equivalence("2%"), seeds=seeds))
    assert found.distance == pytest.approx(smallest(tost, seeds, seeds - 1, 0.05), rel=1e-3)


@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_a_pooled_variance_detects_more_but_for_arms_that_stand_out_by_chance(seeds: int) -> None:
    found = detection(one_at_a_time([contrast()], seeds=seeds))
    assert found.df == 4 * (seeds - 1)
    pooled, alone = (smallest(noncentral_t, seeds, df, 0.05) for df in (4 * (seeds - 1), seeds - 1))
    assert pooled < found.distance < min(alone, 1.3 * pooled)


def test_the_curve_is_what_the_plan_would_detect_with_those_seeds() -> None:
    claims = [contrast(at_least="1%"), contrast(2, expect="no_worse", within="1%")]
    for place in range(2):
        found = detection(one_at_a_time(claims), place)
        again = [detection(one_at_a_time(claims, seeds=seeds), place).distance for seeds in CURVE]
        assert [seeds for seeds, _ in found.curve] == list(CURVE)
        assert [distance for _, distance in found.curve] == pytest.approx(again, rel=1e-5)


def test_a_large_plan_is_extrapolated_from_fewer_seeds_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    made = one_at_a_time([contrast(at_least="1%"), contrast(2, expect="no_worse", within="1%")])
    before = power_of(made).claims
    monkeypatch.setattr(power, "MANY_TRIALS", 1)
    for found, other in zip(power_of(made).claims, before, strict=True):
        assert [distance for _, distance in found.curve] == pytest.approx([distance for _, distance in other.curve])
        assert found.seeds_needed == other.seeds_needed


@pytest.mark.parametrize(
    ("design", "claim", "df"),
    [
        ("one_at_a_time", {"contrast": {"factor": "a", "from": 0, "to": 1}, "expect": "decrease"}, 12),
        ("one_at_a_time", {"ordering": {"largest": "a", "among": ["b", "c"]}}, 12),
        ("one_at_a_time", {"constant": {"levels": {}, "value": 2.0}, "expect": "below"}, 2),
    ],
)
def test_the_degrees_of_freedom_are_those_of_the_verdict(design: str, claim: dict[str, Any], df: int) -> None:
    made = planned_study(FACTORS, design, claim)
    assert detection(made).df == pytest.approx(df)
    methods = methods_of(made, claim, studies=8)
    assert len(methods) >= 3
    assert all(method.endswith(f" {df} df") for method in methods), methods


def methods_of(made: Study, claim: dict[str, Any], *, studies: int) -> list[str]:
    """The methods of a claim in studies of noise, but for those where an arm stands out by chance."""
    trials, generator = make_plan(made).trials, np.random.default_rng(5)
    methods = []
    for _ in range(studies):
        noise = generator.normal(0.0, SD, len(trials))
        rows = [
            {**(trial.configuration or {}), "seed": trial.seed, "loss": math.exp(one)}
            for trial, one in zip(trials, noise, strict=True)
        ]
        (verdict,) = sweeper.judge(pd.DataFrame(rows), metric="loss", scale="log", factors=list(FACTORS),
                                   claims=[{"id": "c", **claim}])  # fmt: skip
        methods.append(verdict.evidence.method)
    return [method for method in methods if "own pairs" not in method and "without" not in method]


@pytest.mark.parametrize(
    ("claim", "shown"),
    [
        (contrast(), "decrease"),
        (contrast(at_least="1%"), "decrease"),
        (contrast(expect="increase"), "increase"),
        (contrast(expect="no_worse", within="1%"), "no_worse"),
        (equivalence("1%"), "equal"),
    ],
)
def test_amounts_are_percentages_in_the_direction_of_the_claim(claim: dict[str, Any], shown: str) -> None:
    found = detection(one_at_a_time([claim]))
    value, unit = amount(found, found.size(found.distance))
    beyond = -math.log(0.99) if claim.get("at_least") else 0.0
    wanted = 1 - math.exp(-beyond - found.distance) if shown == "decrease" else math.expm1(found.distance)
    assert (value, unit) == (pytest.approx(100 * wanted), "%")


def delivered(claim: dict[str, Any], truth: float, *, seeds: int = 3, others: int = 0, sd: float = SD) -> float:
    """The share of simulated studies in which `sweeper.judge` supports a claim."""
    generator = np.random.default_rng(7)
    statement = {"factor": "a", "from": 0, "to": 1}
    # Claims that are false and plain to see: they never spare the first one a step of Holm's.
    false = [{"id": f"f{k}", "contrast": {**statement, "to": 2}, "expect": "decrease", "at_least": 9.0}
             for k in range(others)]  # fmt: skip
    supported = 0
    for _ in range(REPLICATES):
        frame = simulated(generator, seeds=seeds, sd=sd, effect=truth)
        verdict = sweeper.judge(frame, metric="loss", scale="log", claims=[{"id": "c", **claim}, *false])[0]
        supported += verdict.verdict == "supported"
    return supported / REPLICATES


STATEMENT = {"factor": "a", "from": 0, "to": 1}


@pytest.mark.parametrize("others", [0, 3])
def test_a_difference_that_is_said_to_be_detected_is_in_four_of_five_studies(others: int) -> None:
    planned = [contrast(at_least="1%"), *(contrast(2, id=f"f{k}") for k in range(others))]
    found = detection(one_at_a_time(planned))
    claim = {"contrast": STATEMENT, "expect": "decrease", "at_least": "1%"}
    assert delivered(claim, -found.size(found.distance), others=others) == pytest.approx(0.8, abs=0.04)


def test_a_margin_that_is_said_to_be_shown_is_in_four_of_five_studies_without_an_effect() -> None:
    found = detection(one_at_a_time([contrast(expect="no_worse", within="1%")]))
    claim = {"contrast": STATEMENT, "expect": "no_worse", "within": found.distance}
    assert delivered(claim, 0.0) == pytest.approx(0.8, abs=0.04)


def test_an_equivalence_that_is_said_to_be_shown_is_in_four_of_five_studies_without_an_effect() -> None:
    found = detection(one_at_a_time([equivalence("1%")], seeds=5))
    claim = {"equivalence": STATEMENT, "within": found.distance}
    assert delivered(claim, 0.0, seeds=5) == pytest.approx(0.8, abs=0.04)


def test_the_seeds_that_are_said_to_do_are_the_fewest_that_do_and_have_a_price() -> None:
    def at(seeds: int) -> bool | None:
        return detection(one_at_a_time([contrast(at_least="1.5%")], seeds=seeds)).is_enough

    found = detection(one_at_a_time([contrast(at_least="1.5%")]), hours_per_trial=0.5)
    needed = found.seeds_needed
    assert needed is not None
    assert found.is_enough is False
    assert (at(needed - 1), at(needed)) == (False, True)
    assert found.more_hours == pytest.approx(0.5 * 5 * (needed - 3))


def test_other_numbers_of_seeds_are_priced_with_the_whole_study() -> None:
    found = power_of(one_at_a_time([contrast()]), hours_per_trial=0.5)
    assert found.hours == tuple((seeds, pytest.approx(0.5 * 5 * seeds)) for seeds in CURVE)
    assert all(price is None for _, price in power_of(one_at_a_time([contrast()])).hours)


def test_an_ordering_pays_for_its_choice_and_shares_the_power_among_its_comparisons() -> None:
    factors = {name: factor([0, 1, 2]) for name in "abc"}
    statement = {"phase": "p", "largest": "a", "among": ["b", "c"], "order": None}
    claim = {"id": "o", "ordering": statement, "at_least": 0}
    made = study(factors, phase("p", "one_at_a_time", seeds=list(range(8))), claims=[claim], metric=LOG,
                 assume={"sd": "1%"})  # fmt: skip
    found = detection(made)
    # Both others must be beaten, so each in 90% of studies. The level of `a` is picked from two, so alpha is halved;
    # the better of two equal rivals looks better than it is, by Blom's score on one of the two sides.
    looks_better = stats.norm.ppf((2 - 0.375) / (2 + 0.25)) * SD / math.sqrt(8)
    pooled, alone = (smallest(noncentral_t, 8, df, 0.025, 0.9) + looks_better for df in (6 * 7, 7))
    assert pooled < found.distance < alone


def test_a_fraction_is_planned_with_the_residuals_of_its_fit() -> None:
    factors = {f"f{k}": factor([0, 1]) for k in range(4)}
    claim = {
        "id": "c",
        "contrast": {"phase": "p", "factor": "f0", "from": 0, "to": 1, "where": {}},
        "expect": "decrease",
    }
    made = study(factors, phase("p", {"fractional": {"resolution": 4}}, seeds=list(range(3))), claims=[claim],
                 metric=LOG, assume={"sd": "1%"})  # fmt: skip
    found = detection(made)
    assert found.df == 24 - 3 - 7  # runs less seeds, 4 main effects and 3 chains of interactions
    # Its variance lies between the pooled one and that of one effect per seed.
    pooled, alone = (smallest(noncentral_t, 12, df, 0.05) for df in (14, 2))  # 12 runs per level
    assert pooled < found.distance < alone


@pytest.mark.slow
@pytest.mark.parametrize(
    ("factors", "design", "claim", "effect_of"),
    [
        (
            TWO_LEVELS,
            {"fractional": {"resolution": 4}},
            {"contrast": MAIN, "expect": "decrease"},
            lambda row: row["f0"],
        ),
        (TWO_LEVELS, "grid", LOWER, lambda row: row["f0"]),
        (
            TWO_LEVELS,
            "grid",
            {"interaction": {**MAIN, "with": {**MAIN, "factor": "f1"}}, "expect": "decrease"},
            lambda row: row["f0"] * row["f1"],
        ),
        (FACTORS, "one_at_a_time", {"ordering": {"largest": "a", "among": ["b", "c"]}}, lambda row: row["a"] == 1),
        (FACTORS, "one_at_a_time", {"constant": {"levels": {}, "value": 2.0}, "expect": "below"}, lambda _: 1.0),
        (SQUARE, "grid", {"contrast": {**MAIN, "where": {"f1": 0}}, "expect": "decrease"}, lambda row: row["f0"]),
        (SQUARE, "grid", {"ordering": {"largest": "f0", "among": ["f1"]}}, lambda row: row["f0"]),
    ],
    ids=["fraction", "average", "interaction", "ordering", "constant", "one pair of a grid", "gains in a grid"],
)
def test_what_is_said_of_other_claims_is_delivered_too(
    factors: dict[str, Any], design: Any, claim: dict[str, Any], effect_of: Callable[[dict[str, Any]], float]
) -> None:
    made = planned_study(factors, design, claim)
    distance, trials = detection(made).distance, make_plan(made).trials
    generator, supported = np.random.default_rng(3), 0
    for _ in range(400):
        by_seed = generator.normal(0.0, 0.0 if "constant" in claim else 5 * SD, 3)
        noise = generator.normal(0.0, SD, len(trials))
        rows = [
            {**trial.configuration, "seed": trial.seed,  # type: ignore[dict-item]  # a fixed design has configurations
             "loss": 2.0 * math.exp(by_seed[trial.seed] - distance * effect_of(dict(trial.configuration or {})) + one)}
            for trial, one in zip(trials, noise, strict=True)
        ]  # fmt: skip
        (verdict,) = sweeper.judge(pd.DataFrame(rows), metric="loss", scale="log", factors=list(factors),
                                   claims=[{"id": "c", **claim}])  # fmt: skip
        supported += verdict.verdict == "supported"
    assert supported / 400 == pytest.approx(0.8, abs=0.05)


def test_what_has_no_power_says_why_and_for_divergence_what_it_takes() -> None:
    statement = {"phase": "p", "factor": "a", "from": 0, "to": 1, "where": {}}
    found = detection(one_at_a_time([{"id": "d", "divergence": statement, "expect": "decrease"}]))
    assert found.reason == (
        "counts failed runs: shown if pairs of at least 5 seeds differ, all of them one way, but there are only 3"
    )
    assert math.isnan(found.distance)
    search = phase("s", {"sampler": "tpe", "trials": 5})
    drawn = study(
        {"a": factor([0, 1])}, search, claims=[{"id": "c", "contrast": {**statement, "phase": "s"}}], metric=LOG
    )
    assert detection(drawn).reason == "depends on what phase s draws or promotes"


def test_one_seed_detects_nothing_but_has_a_curve() -> None:
    found = detection(one_at_a_time([contrast()], seeds=1))
    assert "only one seed" in found.reason
    assert math.isnan(found.distance)
    assert [math.isfinite(distance) for _, distance in found.curve] == [True] * len(CURVE)


def test_the_document_has_numbers_in_the_unit_of_the_claims() -> None:
    made = one_at_a_time([contrast(at_least="1%"), contrast(2)])
    document = power_json(power_of(made, hours_per_trial=1.0))
    assert (document["alpha"], document["claims_tested_together"], document["missing"]) == (0.025, 2, None)
    first = document["claims"][0]  # type: ignore[index]
    assert (first["id"], first["test"], first["unit"], first["enough"]) == ("c1", "decrease", "%", False)
    assert first["margin"] == pytest.approx(1.0)
    assert (first["sd"], first["sd_from"]) == (pytest.approx(SD), "assumed")
    assert first["curve"][1] == {"seeds": 3, "detects": pytest.approx(first["detects"])}
    assert document["curve"][1] == {"seeds": 3, "device_hours": pytest.approx(15.0)}  # type: ignore[index]
