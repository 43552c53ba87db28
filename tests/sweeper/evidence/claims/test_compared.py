"""A comparison has the same estimate and interval everywhere it is shown."""

import math
from dataclasses import replace

import numpy as np
import pytest

from sweeper.evidence.claims.compared import Compared, as_claimed, claimed, effect_sides
from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.comparison import infer, paired_by_seed
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.runs import study_runs
from sweeper.evidence.effects.effects import effect_table
from sweeper.evidence.effects.two_configurations import by_largest_phase
from sweeper.spec.declared import declared_claims, declared_phases
from sweeper.store.reading.declarations import Declaration
from tests.reports.studies import Levels, Phase, factor, study_data
from tests.sweeper.evidence.claims.claim_studies import claim

FACTORS = {"corpus": factor("small", "large"), "a": factor(0, 1), "b": factor(0, 1, 2)}
ROWS = [{"corpus": corpus, "a": a, "b": b} for corpus in ("small", "large") for a in (0, 1) for b in (0, 1, 2)]


def value(levels: Levels, seed: int) -> float:
    draw = np.random.default_rng([seed, levels["a"], levels["b"], levels["corpus"] == "large"]).normal()
    return math.exp(4.0 + (levels["corpus"] == "large") - 0.05 * levels["a"] + 0.02 * float(draw))


def quiet(levels: Levels, seed: int) -> float:
    return 50.0 - 5.0 * levels["a"] + 0.02 * ((7 * seed + 3 * levels["b"] + 2 * levels["a"]) % 5)


def grid(*claims: object) -> StudyData:
    phase = Phase("p", "grid", ROWS, value, seeds=(0, 1, 2), blocks=("corpus",))
    return study_data(FACTORS, phase, claims=claims)  # type: ignore[arg-type]  # mappings


def test_every_effect_has_the_interval_that_a_claim_on_it_would_have() -> None:
    data = grid()
    runs = study_runs(data)
    phase, effects = runs.phases["p"], effect_table(data, runs)
    assert {effect.block for effect in effects} == {"", "corpus = small", "corpus = large"}
    for effect in effects:
        _, start, end = effect_sides(effect, runs)
        sides = [[cell for cell in phase.cells if side & set(cell.trial_ids)] for side in (start, end)]
        found = infer(paired_by_seed(sides[0], sides[1], phase.pool)).interval()
        if effect.factor == "a":  # of b, a level is on both sides of no pair, and the pairs are the same too
            assert found == pytest.approx((effect.low, effect.high))


def test_an_effect_takes_the_interval_of_the_claim_about_it_in_either_direction() -> None:
    contrast = {"phase": "p", "factor": "a", "from": 1, "to": 0, "where": {"corpus": "small"}}
    data = grid(claim(contrast=contrast, expect="increase", metric=None))
    (verdict,) = judge_claims(data)
    known = claimed([verdict])
    wider = {
        sides: replace(each, low=each.low - 0.1, high=each.high + 0.1, claim="looks") for sides, each in known.items()
    }  # as the interval over several looks is
    before, runs = effect_table(data), study_runs(data)
    after = as_claimed(before, runs, wider)
    changed = [(one, two) for one, two in zip(before, after, strict=True) if one.low != two.low]
    ((one, two),) = changed
    assert (two.factor, two.block) == ("a", "corpus = small")
    assert (two.low, two.high) == pytest.approx((-verdict.high - 0.1, -verdict.low + 0.1))
    assert two.estimate == pytest.approx(one.estimate)
    assert math.isnan(two.p)
    assert as_claimed(before, runs, known) == before


def test_an_exploratory_claim_shows_nothing_and_gives_way_to_another_one() -> None:
    contrast = {"phase": "p", "factor": "a", "from": 0, "to": 1, "where": {"b": 0}}
    options = {"contrast": contrast, "expect": "decrease", "metric": None}
    phase = Phase("p", "list", [{"a": a, "b": b} for a in (0, 1) for b in (0, 1, 2)], quiet)
    factors = {"a": factor(0, 1), "b": factor(0, 1, 2)}
    data = study_data(factors, phase, claims=[claim("late", **options), claim("early", **options)])
    verdicts = judge_claims(data)
    assert {each.shown for each in claimed(verdicts).values()} == {"lower", "higher"}
    both = declared_claims(data.study)
    for names in (("early",), ()):
        early = {name: both[name] for name in names}
        declaration = Declaration(claims=early, phases=declared_phases(data.study))
        late = judge_claims(replace(data, declaration=declaration))
        assert [each.is_exploratory for each in late] == [True, not early]
        found = claimed(late)
        assert {each.claim for each in found.values()} == ({"early"} if early else {""})
        assert {each.shown for each in found.values()} == ({"lower", "higher"} if early else {""})
        assert {each.n for each in found.values()} == {3}


def test_the_same_pairs_in_two_phases_have_the_interval_of_the_first() -> None:
    rows = [{"a": a, "b": b} for a in (0, 1) for b in (0, 1, 2)]

    def spread(levels: Levels, seed: int) -> float:
        return value({**levels, "corpus": "small"}, seed) ** (1.0 + 0.01 * seed * levels["b"])

    # One phase pools the variance over b, the other one has a variance at each of its levels.
    phases = Phase("plain", "list", rows, spread), Phase("blocked", "grid", rows, spread, blocks=("b",))
    data = study_data({"a": factor(0, 1), "b": factor(0, 1, 2)}, *phases)
    data = replace(data, members=dict.fromkeys(data.members, data.members["plain"]))
    runs = study_runs(data)
    before = effect_table(data, runs)
    own, after = (
        {effect.phase: (effect.low, effect.high) for effect in effects if not effect.block}
        for effects in (before, as_claimed(before, runs, {}))
    )
    assert own["plain"] != pytest.approx(own["blocked"])
    assert after == dict.fromkeys(own, own["plain"])


def test_a_factor_that_earlier_runs_do_not_know_has_its_baseline_there() -> None:
    rows: list[Levels] = [{"a": 0}, {"a": 1}, {"a": 0, "b": 1}]
    phase = Phase("p", "one_at_a_time", rows, lambda row, seed: value({"b": 0, "corpus": "small", **row}, seed))
    data = study_data({"a": factor(0, 1), "b": factor(0, 1)}, phase)
    runs = study_runs(data)
    (effect,) = (each for each in effect_table(data, runs) if each.factor == "b")
    assert effect_sides(effect, runs) == (effect.metric, frozenset((1, 2, 3)), frozenset((7, 8, 9)))


def test_a_ladder_and_the_same_left_out_have_the_interval_of_the_grid_that_has_most_of_the_runs() -> None:
    rows = [{"a": a, "b": b} for a in (0, 1) for b in (0, 1)]

    def small(levels: Levels, seed: int) -> float:
        return value({**levels, "corpus": "small"}, seed)

    phases = (
        Phase("grid", "grid", rows, small),
        Phase("ladder", "ladder", [rows[0], rows[2], rows[3]], small),
        Phase("out", "leave_one_out", [rows[3], rows[1], rows[2]], small),
    )
    data = study_data({"a": factor(0, 1), "b": factor(0, 1)}, *phases)
    runs = study_runs(data)
    own = {effect.phase: effect for effect in effect_table(data, runs) if effect.factor == "b"}
    assert own["ladder"].high - own["ladder"].low != pytest.approx(own["out"].high - own["out"].low)
    found = {
        effect.phase: effect
        for effect in by_largest_phase(effect_table(data, runs), data, runs)
        if effect.factor == "b"
    }
    grid = runs.phases["grid"]
    cells = [[cell for cell in grid.cells if cell.levels == {"a": "1", "b": level}] for level in ("0", "1")]
    expected = infer(paired_by_seed(cells[0], cells[1], grid.pool)).interval()
    assert (found["ladder"].low, found["ladder"].high) == pytest.approx(expected)
    assert (-found["out"].high, -found["out"].low) == pytest.approx(expected)
    assert (found["out"].level_from, found["out"].level_to, found["out"].kind) == ("1", "0", "loss when left out")
    assert found["grid"] == own["grid"]


def test_what_is_shown_turns_with_the_direction() -> None:
    found = Compared(estimate=-0.1, low=-0.2, high=-0.05, n=3, claim="c", shown="lower")
    assert found.reversed == Compared(estimate=0.1, low=0.05, high=0.2, n=3, claim="c", shown="higher")
    assert found.reversed.reversed == found
