"""What verdicts rest on: one seed, one block, the pool or the best value. What only loses power is not named."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

import sweeper
from sweeper.evidence.claims import censored, sturdiness
from sweeper.evidence.claims.alternatives import Analysis, validation_names
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.claims.statements import gather
from sweeper.evidence.claims.table import verdict_row
from sweeper.store.reading.reader import Curve
from tests.sweeper.evidence.claims.claim_studies import contrast, judge, perplexity, screen

CLAIM = {
    "id": "new-helps",
    "contrast": {"factor": "arm", "from": "base", "to": "new"},
    "expect": "decrease",
}


def arms(differences: Sequence[float], *, noise: int = 0, sd: float = 1.0, others: int = 6) -> pd.DataFrame:
    """Two arms with given differences, one a seed, among other arms that give the pooled variance."""
    generator = np.random.default_rng(noise)
    rows = []
    for seed, difference in enumerate(differences):
        shared = 10 + generator.normal(0, 2)
        rows += [("base", seed, shared - difference / 2), ("new", seed, shared + difference / 2)]
        rows += [(f"other {place}", seed, shared + sd * generator.normal()) for place in range(others)]
    return pd.DataFrame(rows, columns=["arm", "seed", "loss"])


def one(frame: pd.DataFrame, claim=CLAIM, **more) -> ClaimVerdict:
    (found,) = sweeper.judge(frame, metric="loss", claims=[claim], **more)
    return found


def outcomes(found: ClaimVerdict) -> dict[str, str]:
    gravest: dict[str, str] = {}
    for outcome, names in found.sturdiness.by_outcome():
        gravest |= {name.partition(" (")[0]: outcome for name in names}
    return gravest


def test_a_gain_that_one_seed_makes_rests_on_that_seed():
    found = one(arms([-0.5, -4.6, -0.3], noise=11))
    assert found.verdict == "supported"
    assert found.sturdiness.note == "fragile: rests on seed 1"


def test_a_seed_has_the_name_that_it_has_in_the_frame():
    frame = arms([-0.5, -4.6, -0.3], noise=11)
    assert one(frame.assign(seed=frame["seed"].map({0: "x", 1: "y", 2: "z"}))).sturdiness.rests_on == ("seed y",)


def test_a_gain_whose_own_pairs_vary_more_than_the_pool_rests_on_the_pool():
    found = one(arms([-4.2, -4.2, -0.5], noise=0, others=8))
    assert found.verdict == "supported"
    assert found.sturdiness.note == "fragile: rests on the pooled variance"


def test_a_gain_that_three_pairs_alone_are_too_few_to_show_is_not_fragile():
    found = one(arms([-4.2, -4.2, -0.5], noise=0))
    assert found.verdict == "supported"
    checks = {check.analysis: check for check in found.sturdiness.checks if not check.subject}
    assert checks[Analysis.OWN_PAIRS].verdict == "undecided"
    assert checks[Analysis.OWN_PAIRS].outcome == "lost power"
    assert not found.sturdiness.note


def test_a_clear_gain_passes_all_checks():
    found = one(arms([-6.0, -6.2, -5.9, -6.1]))
    assert set(outcomes(found).values()) == {"same"}
    assert len([each for each in found.sturdiness.checks if each.analysis is Analysis.WITHOUT_SEED]) == 4


def test_a_gain_on_one_of_two_datasets_rests_on_that_dataset():
    frames = [
        arms([gain + each for each in SMALL[:4]], noise=place).assign(dataset=name)
        for place, (name, gain) in enumerate(SIDES.items())
    ]
    found = one(pd.concat(frames, ignore_index=True), strata=["dataset"])
    assert found.verdict == "supported"
    assert found.sturdiness.rests_on == ("dataset = big",)


SIDES = {"big": -6.0, "small": -0.1}
SMALL = (0.011, -0.007, 0.005, -0.009, 0.013, -0.013)


OPPOSITE = (-3.0, 3.0)


def test_a_change_that_two_datasets_have_in_opposite_directions_is_undecided():
    claim = {**CLAIM, "equivalence": CLAIM["contrast"], "within": 1.5}
    del claim["contrast"], claim["expect"]
    frames = [
        arms([gain + each for each in SMALL], noise=place, sd=0.3).assign(dataset=str(place))
        for place, gain in enumerate(OPPOSITE)
    ]
    found = one(pd.concat(frames, ignore_index=True), claim, strata=["dataset"])
    assert found.verdict == "undecided"
    assert "so the claim on it is undecided" in " ".join(found.notes)


def test_a_gain_on_each_of_two_datasets_that_one_is_too_small_to_show_is_not_fragile():
    frames = [arms([-1.5, -1.3, -1.7], noise=place + 3).assign(dataset=str(place)) for place in range(2)]
    found = one(pd.concat(frames, ignore_index=True), strata=["dataset"])
    assert found.verdict == "supported"
    assert outcomes(found)["each block on its own"] in ("same", "lost power")
    assert not [each for each in found.sturdiness.checks if each.outcome == "fragile"]


def test_seeds_and_analyses_are_listed_by_outcome():
    found = one(arms([-0.5, -4.6, -0.3], noise=11))
    assert found.sturdiness.by_outcome() == (
        ("same", ("each seed left out (seeds 0 and 2)",)),
        ("lost power", ("own pairs only", "outlying arms out of the pool")),
        ("fragile", ("each seed left out (seed 1)",)),
    )


def test_an_undecided_verdict_is_never_fragile():
    found = one(arms([-0.1, 4.0, -4.0, 0.2]))
    assert found.verdict == "undecided"
    assert not found.sturdiness.rests_on


def test_a_claim_without_a_pair_has_no_checks():
    frame = arms([-1.0, -1.2])
    frame.loc[frame["arm"] == "new", "loss"] = math.nan
    found = one(frame)
    assert (found.verdict, found.sturdiness.checks) == ("untested", ())


def noisy_curves(row):
    """Curves whose best value falls with `a`, by one lucky dip; they all end at about the same value."""
    end = math.exp(4.6 + 0.002 * np.random.default_rng(row.id).normal())
    values = [2 * end, end * (0.9 if row.configuration["a"] else 1.0), end]
    return Curve(steps=[10, 50, 100], tokens=[1] * 3, device_seconds=[1.0] * 3, flops=[1.0] * 3, values=values)


def test_a_gain_of_the_best_value_only_rests_on_it():
    found = judged_by_curves(noisy_curves)
    assert found.verdict == "supported"
    assert found.sturdiness.rests_on == ("the best value of each curve",)


def test_a_gain_of_the_last_values_too_does_not():
    def falling(row):
        end = perplexity()(row.configuration, row.seed)
        return Curve(steps=[50, 100], tokens=[1] * 2, device_seconds=[1.0] * 2, flops=[1.0] * 2, values=[2 * end, end])

    found = judged_by_curves(falling)
    assert outcomes(found)["last value for best"] == "same"
    assert not found.sturdiness.rests_on


def judged_by_curves(curves) -> ClaimVerdict:
    """The claim that `a` helps, by values that are the best of the curves."""

    class Row:
        def __init__(self, number, levels, seed):
            self.id, self.configuration, self.seed = number, levels, seed

    def value(levels, seed):
        number = 1 + list(screen().rows).index(levels) * 3 + seed
        return min(curves(Row(number, levels, seed)).values)

    (found,) = judge(contrast("a"), phases=[screen(value)], curves=curves, metric_options={"value": "best"})
    return found


def test_a_gain_on_the_test_text_only_rests_on_it():
    def results(row):
        test = perplexity()(row.configuration, row.seed)
        return {"test_perplexity": test}

    def flat(levels, seed):
        return math.exp(4.6 + 0.02 * seed + 0.002 * np.random.default_rng([seed, *str(levels).encode()]).normal())

    (found,) = judge({**contrast("a"), "metric": "test_perplexity"}, phases=[screen(flat)], results=results)
    assert found.verdict == "supported"
    assert found.sturdiness.rests_on == ("the test metric",)


@pytest.mark.parametrize(("metric", "name"), [("test_loss", "valid_loss"), ("test_acc", "val_acc")])
def test_validation_metrics_are_known_by_their_names(metric, name):
    assert name in validation_names(metric)
    assert not validation_names(name)


def test_failed_runs_are_left_out_in_one_check_only_where_there_are_any():
    frame = arms([-6.0, -6.2, -5.9, -6.1])
    frame["state"] = "completed"
    frame.loc[(frame["arm"] == "base") & (frame["seed"] == 0), ["loss", "state"]] = [math.nan, "diverged"]
    assert outcomes(one(frame))["failed runs left out"] == "same"
    assert "failed runs left out" not in outcomes(one(arms([-6.0, -6.2, -5.9, -6.1])))


def test_one_difference_per_seed_is_checked_only_where_a_seed_has_several_pairs():
    assert "one difference per seed" not in outcomes(one(arms([-6.0, -6.2, -5.9])))
    grid = pd.DataFrame(
        [
            (a, b, seed, 10 + 2 * seed - a + 0.1 * np.random.default_rng([a, b, seed]).normal())
            for a in (0, 1)
            for b in (0, 1)
            for seed in range(4)
        ],
        columns=["arm", "b", "seed", "loss"],
    )
    claim = {**CLAIM, "contrast": {"factor": "arm", "from": 0, "to": 1}}
    assert outcomes(one(grid, claim))["one difference per seed"] == "same"


def test_the_row_of_a_verdict_has_what_it_rests_on_and_every_check():
    row = verdict_row(one(arms([-0.5, -4.6, -0.3], noise=11)))
    assert row["fragile"] == ("seed 1",)
    (check,) = [each for each in row["checks"] if each["subject"] == "seed 1"]
    assert (check["analysis"], check["verdict"], check["outcome"]) == ("each seed left out", "undecided", "fragile")
    assert check["estimate"] == pytest.approx(-0.4)


def test_the_other_claims_count_in_a_check_as_in_the_verdict():
    frame = arms([-2.5, -4.5, -3.6], noise=1)
    others = [{**CLAIM, "id": f"more than {size}", "at_least": size} for size in range(50, 56)]
    alone, among = one(frame), sweeper.judge(frame, metric="loss", claims=[CLAIM, *others])[0]

    def own(found):
        (check,) = [each for each in found.sturdiness.checks if each.analysis is Analysis.OWN_PAIRS]
        return check.verdict

    assert (alone.verdict, among.verdict) == ("supported", "supported")
    assert (own(alone), own(among)) == ("supported", "undecided")


def grid_of(seeds: int, *, lacking: Sequence[int] = (), failed: Sequence[int] = ()) -> pd.DataFrame:
    """Runs of two factors with an interaction; some rows are not there, some failed."""
    noise = np.random.default_rng(5).normal(0, 0.3, size=(2, 3, seeds))
    rows = [
        (x, y, s, 9.0 - x + 0.2 * y + 0.4 * s + noise[x, y, s]) for x in (0, 1) for y in range(3) for s in range(seeds)
    ]
    frame = pd.DataFrame(rows, columns=["x", "y", "seed", "loss"]).assign(state="completed")
    frame.loc[list(failed), ["loss", "state"]] = [math.nan, "failed"]
    return frame.drop(index=list(lacking))


KINDS = [
    {"id": "contrast", "contrast": {"factor": "x", "from": 0, "to": 1}, "expect": "decrease", "at_least": "3%"},
    {"id": "where", "contrast": {"factor": "y", "from": 0, "to": 2, "where": {"x": 1}}, "expect": "increase"},
    {"id": "same", "equivalence": {"factor": "y", "from": 0, "to": 1}, "within": 0.5},
    {"id": "interaction", "expect": "increase",
     "interaction": {"factor": "x", "from": 0, "to": 1, "with": {"factor": "y", "from": 0, "to": 2}}},
    {"id": "arms", "contrast": {"from": {"levels": {"x": 0, "y": 0}}, "to": {"levels": {"x": 1, "y": 2}}},
     "expect": "decrease"},
    {"id": "figure", "constant": {"levels": {"x": 1, "y": 0}, "value": 9.0}, "expect": "below"},
    {"id": "most", "ordering": {"largest": "x", "among": ["x", "y"]}},
]  # fmt: skip


@pytest.mark.parametrize(("lacking", "failed"), [((), ()), ((2, 9), ()), ((), (4,)), ((1, 2, 3, 14), (8, 20))])
def test_leaving_a_seed_out_of_known_pairs_is_the_same_as_pairing_anew(
    lacking: Sequence[int], failed: Sequence[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = grid_of(4, lacking=lacking, failed=failed)
    known = [each.sturdiness.checks for each in sweeper.judge(frame, metric="loss", claims=KINDS)]
    monkeypatch.setattr(sturdiness, "assess_without_seed", lambda *_: None)
    assert [each.sturdiness.checks for each in sweeper.judge(frame, metric="loss", claims=KINDS)] == known
    assert any(check.analysis is Analysis.WITHOUT_SEED for checks in known for check in checks)


def test_runs_are_paired_as_often_however_many_seeds_there_are(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    monkeypatch.setattr(censored, "gather", lambda *args: calls.append(args) or gather(*args))
    for seeds in (3, 9):
        calls.clear()
        for each in sweeper.judge(grid_of(seeds), metric="loss", claims=KINDS[:6]):
            assert each.sturdiness.checks
        assert len(calls) <= 6 * 4  # the declared analysis and three other ones
