"""Which runs choose the best length of a configuration, and how its lengths are ordered."""

import math
from dataclasses import replace
from typing import Any

import pytest

from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.arm_lengths import ArmLengths, shared_units
from sweeper.evidence.data.claim_runs import claim_runs, runs_key
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.sequential.looks import Looks
from tests.reports.studies import Levels
from tests.sweeper.evidence.length_studies import contrast, length_study, u_shaped

LATE = u_shaped(best={0: 200, 1: 800}, depth={0: 0.0, 1: -0.03})
BUDGETS = {"p": 400, "long": 1600}


def study(**options: Any) -> StudyData:
    return length_study(LATE, claims=[contrast()], **{"budgets": BUDGETS, **options})


def runs_of(data: StudyData) -> Runs:
    return claim_runs(data)[runs_key(data.study.claims[0])]


def arms(runs: Runs) -> dict[tuple[str, str], ArmLengths]:
    return {(arm.levels["trick"], arm.levels["other"]): arm for arm in runs.lengths.values()}


def seeds_below(data: StudyData, end: int) -> frozenset[int]:
    return frozenset(int(trial) for trial in data.trials.loc[data.trials["seed"] < end, "trial_id"])


@pytest.mark.parametrize("state", ["failed", "pruned", math.nan])
def test_a_run_that_is_lost_later_changes_no_earlier_choice(state: str | float) -> None:
    def lost(phase: str, levels: Levels, seed: int) -> Any:
        return state if phase == "long" and levels["trick"] and seed == 3 else None

    data = study(outcome=lost)
    earlier = arms(runs_of(data).only(seeds_below(data, 3)))["1", "0"]
    without = arms(runs_of(study(outcome=lost, seeds=(0, 1, 2))))["1", "0"]
    assert (earlier.best, earlier.value) == (without.best, without.value)
    assert earlier.best.step == 800
    later = arms(runs_of(data))["1", "0"]
    assert later.best.step == 400


def test_a_seed_is_left_out_of_the_choice_of_lengths_too() -> None:
    (found,) = judge_claims(study())
    (without,) = judge_claims(study(seeds=(0, 1, 2)))
    (check,) = (each for each in found.sturdiness.checks if each.subject == "seed 3")
    assert (check.estimate, check.low, check.high) == (without.estimate, without.low, without.high)


def test_a_claim_needs_the_runs_of_all_lengths() -> None:
    data = study()
    ((need,),) = Looks.of(data).needs
    of_both = data.trials[
        [each["other"] == 0 for each in map(data.configurations.__getitem__, data.trials["trial_id"])]
    ]
    assert need.trials == frozenset(of_both["trial_id"])
    assert {len(trials) for trials in need.by_seed.values()} == {4}  # two configurations with two budgets


@pytest.mark.parametrize("fewer", ["p", "again"])
def test_phases_that_repeat_runs_less_often_take_none_away(fewer: str) -> None:
    data = study(budgets={"p": 400, "more": 400, "again": 400})
    repeated = tuple(trial for pair in zip(data.members["p"], data.members["more"], strict=True) for trial in pair)
    members = {name: data.members["p"] if name == fewer else repeated for name in data.members}
    runs = runs_of(replace(data, members=members))
    assert {len(cell.trial_ids) for cell in runs.phases["more"].cells} == {2}


def test_a_budget_at_which_the_choosing_metric_diverged_is_not_the_best() -> None:
    def lost(phase: str, levels: Levels, seed: int) -> Any:
        return math.nan if phase == "long" and levels["trick"] and seed == 1 else None

    data = study(outcome=lost)
    runs = runs_of(data)
    assert runs.chooser is not None
    assert not runs.measure.diverged
    assert {length.budget for length in arms(runs)["1", "0"].lengths} == {'{"steps": 400}'}


def test_lengths_are_ordered_by_a_cost_that_is_known_of_all() -> None:
    data = study(looks=())
    unknown = set(data.members["long"])
    measured = {
        metric: {
            trial: replace(curve, flops=[math.nan]) if trial in unknown else curve for trial, curve in curves.items()
        }
        for metric, curves in data.measured.items()
    }
    found = arms(runs_of(replace(data, measured=measured)))
    assert [length.budget for length in found["1", "0"].lengths] == ['{"steps": 400}', '{"steps": 1600}']
    assert (found["0", "0"].edge, found["1", "0"].edge) == ("shortest", "longest")


def test_lengths_of_unknown_order_have_no_edge() -> None:
    arm = arms(runs_of(study(looks=())))["1", "0"]
    first, last = arm.lengths
    assert arm.edge == "longest"
    unknown = replace(arm, lengths=(replace(first, cost={"epochs": 2.0}), replace(last, cost={"steps": 1600.0})))
    assert shared_units(unknown.lengths) == []
    assert unknown.edge == ""
