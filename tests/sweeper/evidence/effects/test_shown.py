"""What is shown of effects holds with all of a phase considered, and says on what an effect depends."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sweeper.evidence.data.runs import study_runs
from sweeper.evidence.effects import shown as module
from sweeper.evidence.effects.effects import effect_table
from sweeper.evidence.effects.factorial_phase import factorial_phase
from sweeper.evidence.effects.shown import AtLevel, Change, Direction, Shown, shown_effects, with_implied
from sweeper.evidence.statistics.paired import Estimate
from tests.reports.studies import Levels, Phase, factor, study_data

CORPORA = ("wiki", "ptb")


def noise(levels: Levels, seed: int, size: float = 0.004) -> float:
    key = [seed, *(ord(letter) for letter in repr(sorted(levels.items())))]
    return size * float(np.random.default_rng(key).normal())


def shown(factors: Any, phase: Phase, claims: dict[Change, Direction] | None = None, **study: Any) -> list[Shown]:
    data = study_data(factors, phase, **study)
    runs = study_runs(data)
    return list(shown_effects(runs, runs.phases[phase.name], effect_table(data, runs), claims))


def one_at_a_time(factors: Any, **others: Any) -> list[dict[str, Any]]:
    base = {name: each["baseline"] for name, each in factors.items()}
    rows = [base] + [{**base, name: each["levels"][1]} for name, each in factors.items() if name not in others]
    return [{**row, **{name: level}} for name, levels in others.items() for level in levels for row in rows] or rows


def corpus_study(gain: Any, seeds: int = 4) -> list[Shown]:
    factors = {"corpus": factor(*CORPORA), "a": factor(0, 1)}

    def value(levels: Levels, seed: int) -> float:
        return math.exp(4.0 - gain(levels) + noise(levels, seed))

    rows = one_at_a_time(factors, corpus=CORPORA)
    return shown(factors, Phase("screen", "one_at_a_time", rows, value, seeds=range(seeds), blocks=("corpus",)))


def test_an_effect_that_one_of_many_shows_by_chance_is_not_picked_out_and_a_clear_one_is() -> None:
    factors = {f"f{number}": factor(0, 1) for number in range(40)}
    rows = one_at_a_time(factors)

    def value(levels: Levels, seed: int) -> float:
        return 2.0 - 0.3 * levels["f0"] - 0.07 * levels["f7"] + noise(levels, seed, 0.05)

    phase = Phase("p", "one_at_a_time", rows, value, seeds=(0, 1))
    data = study_data(factors, phase, metric="loss")
    runs = study_runs(data)
    effects = effect_table(data, runs)
    assert any(0.01 < effect.p < 0.05 for effect in effects if effect.factor == "f7")  # as of 40 nulls two will
    found = shown_effects(runs, runs.phases["p"], effects)
    assert [(each.factor, each.shown) for each in found if each.shown != "unclear"] == [("f0", "better")]


def test_an_effect_that_is_clear_in_one_stratum_only_is_not_said_to_differ_without_a_test() -> None:
    """2.0% on both corpora, with noise by which only one of them would be called significant."""
    factors = {"corpus": factor(*CORPORA), "a": factor(0, 1)}
    jumps = {"wiki": (0.03, -0.02, 0.025, -0.035), "ptb": (0.001, -0.001, 0.0, 0.0)}

    def value(levels: Levels, seed: int) -> float:
        return math.exp(4.0 + levels["a"] * (0.02 + jumps[levels["corpus"]][seed]))

    rows = one_at_a_time(factors, corpus=CORPORA)
    (found,) = shown(factors, Phase("screen", "one_at_a_time", rows, value, seeds=range(4), blocks=("corpus",)))
    assert found.depends is None
    assert found.shown == "unclear"


def test_an_effect_of_either_sign_depends_on_its_stratum() -> None:
    (found,) = corpus_study(lambda levels: levels["a"] * (0.04 if levels["corpus"] == "wiki" else -0.03))
    assert found.depends is not None
    assert [(each.level, each.shown) for each in found.depends.levels] == [
        ("corpus = wiki", "better"),
        ("corpus = ptb", "worse"),
    ]


def test_of_two_that_differ_the_larger_effect_has_the_direction_that_the_lesser_is_shown_to_have() -> None:
    """3% on ptb is clear of zero; on wiki, where runs vary, 30% is clear of those 3% alone, and so of zero."""
    steady, varying = Estimate(value=-0.03, standard_error=0.001, df=8, n=4, method="t"), -0.3
    levels = [
        AtLevel(level="wiki", estimate=replace(steady, value=varying, standard_error=0.05)),
        AtLevel(level="ptb", estimate=steady, shown="better"),
    ]
    for apart in ((0, 1), (1, 0)):
        assert [each.shown for each in with_implied(levels, apart)] == ["better", "better"]
    worse = [replace(each, estimate=replace(each.estimate, value=-each.estimate.value)) for each in levels]
    found = with_implied([worse[0], replace(worse[1], shown="worse")], (0, 1))
    assert [each.shown for each in found] == ["worse", "worse"]
    lesser = [replace(levels[0], shown="better"), replace(levels[1], shown="unclear")]
    assert [each.shown for each in with_implied(lesser, (0, 1))] == ["better", "unclear"]


def test_a_mean_over_strata_names_the_one_that_a_claim_shows_to_do_the_opposite() -> None:
    """Blocks too noisy to be told apart, of which a claim, made in advance, shows one to be worse."""
    factors = {"corpus": factor("wiki", "ptb", "web", "news"), "a": factor(0, 1)}
    jumps = (0.02, -0.02, 0.015, -0.015)

    def value(levels: Levels, seed: int) -> float:
        size = 1.0 if levels["corpus"] == "ptb" else 0.02
        return math.exp(4.0 + levels["a"] * ((0.002 if levels["corpus"] == "ptb" else -0.05) + size * jumps[seed]))

    rows = [{"corpus": corpus, "a": a} for corpus in factors["corpus"]["levels"] for a in (0, 1)]
    phase = Phase("p", "one_at_a_time", rows, value, seeds=range(4), blocks=("corpus",))
    (found,) = shown(factors, phase, {("a", "0", "1", ""): "better", ("a", "0", "1", "corpus = ptb"): "worse"})
    assert (found.shown, found.is_mean) == ("better", True)
    assert found.depends is not None
    assert found.depends.apart is None
    assert [(each.level, each.shown) for each in found.depends.levels] == [("corpus = ptb", "worse")]


def fractional(strata: Sequence[str], gain: Any, seeds: int = 3) -> dict[str, Shown]:
    factors = {"corpus": factor(*strata), **{name: factor(0, 1) for name in "abc"}}
    rows = [
        {"corpus": corpus, "a": a, "b": b, "c": c} for corpus in strata for a in (0, 1) for b in (0, 1) for c in (0, 1)
    ]

    def value(levels: Levels, seed: int) -> float:
        return math.exp(4.0 - gain(levels) + noise(levels, seed))

    phase = Phase("f", "fractional", rows, value, seeds=range(seeds), blocks=("corpus",))
    return {each.factor: each for each in shown(factors, phase)}


def test_a_main_effect_of_a_fit_is_looked_at_in_each_stratum_too() -> None:
    found = fractional(CORPORA, lambda row: row["a"] * (0.05 if row["corpus"] == "wiki" else -0.04))["a"]
    assert found.depends is not None
    assert [(each.level, each.shown) for each in found.depends.levels] == [
        ("corpus = wiki", "better"),
        ("corpus = ptb", "worse"),
    ]


def test_an_interaction_of_a_fit_is_named_with_the_stratum_in_which_it_is() -> None:
    both = fractional(CORPORA, lambda row: 0.1 * row["a"] * row["b"])["a"].depends
    assert both is not None
    assert (both.factor, both.blocks) == ("b", ())

    def on_wiki(row: Levels) -> float:
        """Return a gain with the same main effects on both corpora."""
        return 0.1 * row["a"] * row["b"] if row["corpus"] == "wiki" else 0.05 * (row["a"] + row["b"])

    one = fractional(CORPORA, on_wiki)["a"].depends
    assert one is not None
    assert (one.factor, one.blocks) == ("b", ("corpus = wiki",))


def test_each_stratum_is_fitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr(module, "factorial_phase", lambda *given: calls.append(1) or factorial_phase(*given))
    fractional(CORPORA, lambda row: 0.05 * row["a"])
    assert len(calls) == len(CORPORA)


def test_the_same_effect_in_all_strata_is_shown_in_each() -> None:
    (found,) = corpus_study(lambda levels: 0.05 * levels["a"])
    assert (found.shown, found.is_mean, found.depends) == ("better", False, None)


@pytest.mark.parametrize("design", ["grid", "list"])
def test_a_main_effect_over_a_factor_at_whose_levels_it_turns_is_not_shown_but_the_interaction_is(design: str) -> None:
    factors = {"dropout": factor(0.0, 0.2), "share": factor(1.0, 0.25, 0.5)}
    gains = {0.25: 0.06, 0.5: 0.03, 1.0: -0.02}
    rows = [{"dropout": dropout, "share": share} for dropout in (0.0, 0.2) for share in gains]

    def value(levels: Levels, seed: int) -> float:
        gain = gains[levels["share"]] if levels["dropout"] else 0.0
        return math.exp(4.0 + 0.1 * math.log2(1 / levels["share"]) - gain + noise(levels, seed))

    found = shown(factors, Phase("share", design, rows, value, seeds=range(5)))
    dropout = next(each for each in found if each.factor == "dropout")
    assert dropout.shown == "unclear"
    assert dropout.depends is not None
    assert dropout.depends.factor == "share"
    assert {each.level: each.shown for each in dropout.depends.levels} == {
        "0.25": "better",
        "0.5": "better",
        "1": "worse",
    }


def test_an_interaction_of_a_fraction_takes_the_place_of_its_main_effects() -> None:
    factors = {name: factor(0, 1) for name in "abc"}
    rows = [{"a": a, "b": b, "c": a ^ b} for a in (0, 1) for b in (0, 1)] + [
        {"a": a, "b": b, "c": 1 - (a ^ b)} for a in (0, 1) for b in (0, 1)
    ]

    def value(levels: Levels, seed: int) -> float:
        gain = 0.1 * (levels["a"] and levels["b"]) + 0.03 * levels["c"]
        return math.exp(4.0 - gain + noise(levels, seed))

    found = {each.factor: each for each in shown(factors, Phase("f", "fractional", rows, value, seeds=range(3)))}
    assert found["a"].depends is not None
    assert found["a"].depends.factor == "b"
    assert (found["c"].shown, found["c"].depends) == ("better", None)


def test_a_claim_needs_no_allowance_for_the_other_effects() -> None:
    factors = {f"f{number}": factor(0, 1) for number in range(40)}

    def value(levels: Levels, seed: int) -> float:
        return 2.0 - 0.1 * levels["f0"] + noise(levels, seed, 0.05)

    phase = Phase("p", "one_at_a_time", one_at_a_time(factors), value, seeds=(0, 1))
    assert all(each.shown == "unclear" for each in shown(factors, phase, metric="loss"))
    (known, *rest) = shown(factors, phase, {("f0", "0", "1", ""): "better"}, metric="loss")
    assert (known.factor, known.shown) == ("f0", "better")
    assert all(each.shown == "unclear" for each in rest)


def test_equal_values_show_nothing() -> None:
    factors = {"a": factor(0, 1), "b": factor(0, 1)}
    rows = [{"a": a, "b": b} for a in (0, 1) for b in (0, 1)]
    found = shown(factors, Phase("p", "grid", rows, lambda levels, seed: 2.0), metric="loss")
    assert [(each.shown, each.depends) for each in found] == [("unclear", None)] * 2
