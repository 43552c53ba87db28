import math
import random
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.errors import UsageError
from sweeper.planning.pruning import bracket_of, rule_named, rule_of, rungs, should_prune
from sweeper.spec.phase import Pruner, PrunerName

PRUNERS = ["median", "asha", "hyperband", "wilcoxon"]
BUDGET = 64
CURVES = st.dictionaries(st.integers(1, 40), st.floats(-5, 5), max_size=10)


def flat(value: float, steps: int = 16) -> dict[int, float]:
    return dict.fromkeys(range(1, steps + 1), value)


def prune(pruner: str, own: dict[int, float], others: list[dict[int, float]], direction: str = "minimize") -> bool:
    return should_prune(
        rule_named(pruner),
        direction=direction,
        own_curve=own,
        other_curves=others,
        max_resource=BUDGET,
        own_index=0,
        other_indices=list(range(1, len(others) + 1)),
    )


@pytest.mark.parametrize("pruner", PRUNERS)
def test_the_worst_of_many_is_pruned_and_the_best_is_not(pruner: str) -> None:
    others = [flat(1.0 + place / 100) for place in range(20)]
    assert prune(pruner, flat(5.0), others)
    assert not prune(pruner, flat(0.5), others)


@pytest.mark.parametrize("pruner", PRUNERS)
@settings(max_examples=40)
@given(own=CURVES, others=st.lists(CURVES, max_size=8), seed=st.integers(0, 99))
def test_neither_the_order_of_reports_nor_that_of_trials_matters(
    pruner: str, own: dict[int, float], others: list[dict[int, float]], seed: int
) -> None:
    shuffle = random.Random(seed).sample
    places = list(range(1, len(others) + 1))
    first = should_prune(
        rule_named(pruner),
        direction="minimize",
        own_curve=own,
        other_curves=others,
        max_resource=BUDGET,
        own_index=0,
        other_indices=places,
    )
    mixed = shuffle(list(zip(others, places, strict=True)), len(others))
    again = should_prune(
        rule_named(pruner),
        direction="minimize",
        own_curve=dict(shuffle(list(own.items()), len(own))),
        other_curves=[dict(shuffle(list(curve.items()), len(curve))) for curve, _ in mixed],
        max_resource=BUDGET,
        own_index=0,
        other_indices=[place for _, place in mixed],
    )
    assert first == again


@pytest.mark.parametrize("pruner", PRUNERS)
@settings(max_examples=40)
@given(own=CURVES, others=st.lists(CURVES, max_size=8))
def test_maximizing_is_minimizing_the_negative(
    pruner: str, own: dict[int, float], others: list[dict[int, float]]
) -> None:
    turned = [{step: -value for step, value in curve.items()} for curve in others]
    assert prune(pruner, own, others) == prune(
        pruner, {step: -value for step, value in own.items()}, turned, direction="maximize"
    )


@pytest.mark.parametrize("pruner", PRUNERS)
def test_nothing_is_pruned_without_others_or_reports(pruner: str) -> None:
    assert not prune(pruner, flat(5.0), [])
    assert not prune(pruner, {}, [flat(1.0)] * 20)
    assert not prune(pruner, {1: math.nan}, [flat(1.0)] * 20)
    assert not prune(pruner, flat(5.0), [{}] * 20)


def test_none_prunes_nothing() -> None:
    assert not prune("none", flat(5.0), [flat(1.0)] * 20)


def test_the_median_compares_the_best_so_far_with_those_that_came_as_far() -> None:
    others = [flat(value) for value in (1.0, 2.0, 3.0, 4.0, 5.0)]
    assert prune("median", {1: 3.1}, others)
    assert not prune("median", {1: 2.9, 2: 9.0}, others)  # its best is better
    assert not prune("median", {1: 3.1}, others[:4])  # too few
    assert not prune("median", {17: 3.1}, others)  # none came as far


def test_the_last_report_before_a_step_counts_where_steps_differ() -> None:
    others = [{10 * step: value for step in range(1, 5)} for value in (1.0, 2.0, 3.0, 4.0, 5.0)]
    assert prune("median", {10: 9.0, 25: 3.1}, others)


def test_asha_keeps_the_best_quarter_at_the_highest_rung_that_the_trial_reached() -> None:
    others = [flat(float(value), steps=20) for value in range(1, 8)]  # with the trial, eight came to each rung
    assert not prune("asha", flat(1.5), others)
    assert prune("asha", flat(2.5), others)
    late = {**flat(9.0, steps=15), 16: 0.5}
    assert prune("asha", {step: late[step] for step in range(1, 16)}, others)
    assert not prune("asha", late, others)  # at the rung of step 16 it is the best


def test_asha_has_rungs_at_a_sixteenth_and_a_quarter_of_the_budget() -> None:
    assert rungs(rule_named("asha"), 3200) == (200, 800)
    assert rungs(rule_named("hyperband"), 2700) == pytest.approx((100, 300, 900))
    assert rungs(rule_named("hyperband"), 2700, bracket=2) == pytest.approx((900,))
    assert rungs(rule_of(Pruner(name="asha", reduction=2, min_resource=0.2)), 1000) == (200, 400, 800)


@pytest.mark.parametrize("pruner", ["asha", "hyperband"])
def test_nobody_is_judged_before_the_lowest_rung_however_often_it_reports(pruner: str) -> None:
    others = [flat(1.0 + place / 100, steps=64) for place in range(20)]
    lowest = math.ceil(rungs(rule_named(pruner), BUDGET)[0])
    assert not prune(pruner, flat(9.0, steps=lowest - 1), others)
    assert prune(pruner, flat(9.0, steps=lowest), others)


def test_a_rung_between_two_reports_takes_the_next_one() -> None:
    others = [{11: 1.0 + place / 100, 22: 1.0 + place / 100} for place in range(7)]
    assert prune("asha", {11: 9.0}, others)  # the rung of step 4
    assert prune("asha", {11: 0.5, 22: 9.0}, others)  # that of step 16
    assert not prune("asha", {11: 9.0, 22: 0.5}, others)


@pytest.mark.parametrize("pruner", ["asha", "hyperband"])
def test_without_a_known_budget_rungs_judge_nobody(pruner: str) -> None:
    others = [flat(1.0)] * 20
    assert not should_prune(
        rule_named(pruner), direction="minimize", own_curve=flat(9.0), other_curves=others, max_resource=None
    )


@pytest.mark.parametrize("pruner", ["median", "wilcoxon"])
def test_a_least_share_of_the_budget_holds_for_every_pruner(pruner: PrunerName) -> None:
    others = [{step: 1.0 / step for step in range(1, 65)}] * 20
    asked = {
        share: should_prune(
            rule_of(Pruner(name=pruner, min_resource=share)),
            direction="minimize",
            own_curve=flat(9.0, steps=16),
            other_curves=others,
            max_resource=BUDGET,
        )
        for share in (0.2, 0.5)
    }
    assert asked == {0.2: True, 0.5: False}


def test_a_rung_judges_nobody_before_enough_have_come() -> None:
    assert not prune("asha", flat(9.0), [flat(1.0)] * 2)
    assert prune("asha", flat(9.0), [flat(1.0)] * 3)


def test_hyperbands_brackets_share_the_trials_two_to_one() -> None:
    counts = Counter(bracket_of(place) for place in range(27))
    assert counts == {0: 18, 1: 6, 2: 2, 3: 1}


def test_a_late_bracket_does_not_prune_early() -> None:
    others, places = [flat(1.0, steps=81) for _ in range(26)], [place for place in range(27) if place != 2]
    early = {1: 9.0, 2: 9.0}

    def asked(place: int) -> bool:
        rest = [other for other in range(27) if other != place]
        return should_prune(
            rule_named("hyperband"),
            direction="minimize",
            own_curve=early,
            other_curves=others,
            max_resource=54,
            own_index=place,
            other_indices=rest,
        )

    assert len(places) == len(others)
    assert asked(0)  # bracket 0 judges at step 2
    assert not asked(2)  # bracket 1 at three times that


def test_wilcoxon_takes_consistent_differences_and_not_single_ones() -> None:
    best = {step: 1.0 / step for step in range(1, 11)}
    assert prune("wilcoxon", {step: value + 0.1 for step, value in best.items()}, [best])
    assert not prune("wilcoxon", {**best, 10: 5.0}, [best])
    assert not prune("wilcoxon", {step: best[step] + 0.1 for step in (1, 2, 3)}, [best])  # too few


def test_a_pruner_that_there_is_not_is_refused() -> None:
    with pytest.raises(UsageError, match=r"'medium' is not a pruner. Pruners: none, median"):
        rule_named("medium")


def test_hundreds_of_long_curves_give_one_answer_each() -> None:
    others = [{step: 1.0 + place / 500 + 1 / step for step in range(1, 101)} for place in range(500)]
    for pruner in PRUNERS:
        assert prune(pruner, dict.fromkeys(range(1, 101), 9.0), others)
