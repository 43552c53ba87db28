"""Best lengths of configurations whose runs were not all evaluated at the same steps.

The trick is worth .03 at 800 steps and looks harmful at few. Whatever is missing, it must not be refuted.
"""

import math

import pytest

from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.claim_runs import claim_runs, runs_key
from tests.sweeper.evidence.length_studies import ROWS, TEST, contrast, length_study, u_shaped

TRUTH = u_shaped(best={0: 200, 1: 800}, depth={0: 0.0, 1: -0.03})


def judged(**options):
    data = length_study(options.pop("truth", TRUTH), claims=[contrast()], **options)
    (found,) = judge_claims(data)
    arms = claim_runs(data)[runs_key(data.study.claims[0])].lengths.values()
    return found, next(arm for arm in arms if arm.levels == {"trick": "1", "other": "0"}), " ".join(found.notes)


def of_trick(change):
    """Change the evaluations of the runs with the trick."""
    return lambda levels, seed, looks: change(seed, looks) if levels["trick"] else looks


def test_a_run_that_stops_early_leaves_the_lengths_of_the_others_as_they_are():
    found, arm, notes = judged(looks_of=of_trick(lambda seed, looks: looks[:3] if seed == 2 else looks))
    assert (arm.best.step, arm.absent, len(arm.lengths)) == (800, (2,), 6)
    assert (found.verdict, found.n) == ("supported", 3)
    assert found.low < -0.03 < found.high
    assert "Seed 2 of trick = 1 has no value at that length, and is left out." in notes


def test_an_early_end_after_the_best_length_loses_nothing():
    found, arm, notes = judged(looks_of=of_trick(lambda seed, looks: looks[:5] if seed == 2 else looks))
    assert (arm.best.step, arm.absent, found.n) == (800, (), 4)
    assert "left out" not in notes


def test_an_evaluation_without_a_number_is_lost_for_its_seed_only():
    def read(metric, levels, seed, step, value):
        return math.nan if (metric, levels["trick"], seed, step) == (TEST, 1, 3, 800) else value

    found, arm, notes = judged(read=read)
    assert (arm.best.step, arm.absent, found.verdict, found.n) == (800, (3,), "supported", 3)
    assert found.low < -0.03 < found.high
    assert "Seed 3 of trick = 1 has no value at that length" in notes
    assert "longest" not in notes


@pytest.mark.parametrize("kept", [1600, 50])
def test_a_run_that_was_evaluated_once_is_left_out(kept):
    found, arm, notes = judged(looks_of=of_trick(lambda seed, looks: [kept] if seed == 1 else looks))
    assert (arm.best.step, arm.absent, found.verdict, found.n) == (800, (1,), "supported", 3)
    assert "Seed 1 of trick = 1 has no value at that length" in notes


def test_evaluations_that_few_runs_have_are_no_lengths_and_that_is_said():
    found, arm, notes = judged(looks_of=of_trick(lambda seed, looks: looks if seed == 0 else looks[:5]))
    assert [length.step for length in arm.lengths] == [50, 100, 200, 400, 800]
    assert found.verdict == "supported"
    assert "1 evaluation of trick = 1, e.g. after step 1\u202f600, is no length" in notes


@pytest.mark.parametrize("first_is_common", [True, False])
def test_runs_that_were_evaluated_at_steps_of_their_own_test_nothing(first_is_common):
    def shifted(seed, looks):
        return [50 if first_is_common and look == 50 else look + seed for look in looks]

    found, arm, _ = judged(looks_of=of_trick(shifted))
    assert arm.uneven
    assert found.verdict == "untested"
    assert math.isnan(found.estimate)
    assert "the runs of trick = 1 were evaluated at different steps" in found.sentence.replace("The", "the")
    assert "seed 1 after step" in found.sentence
    assert "at: same_length" in found.sentence


def test_without_an_effect_uneven_looks_support_nothing():
    flat = u_shaped(best={0: 200, 1: 200}, depth={0: 0.0, 1: 0.0}, curvature=0.0)
    shift = of_trick(lambda seed, looks: [look + seed for look in looks])
    for each in range(10):
        found, _, _ = judged(truth=flat, looks_of=shift, seeds=range(10 * each, 10 * each + 5), of_look=0.01)
        assert found.verdict == "untested"


def test_a_budget_that_does_not_count_since_a_run_failed_is_named():
    def lost(phase, levels, seed):
        return "failed" if phase == "long" and levels["trick"] and seed == 3 else None

    _, arm, notes = judged(budgets={"p": 200, "long": 1600}, outcome=lost)
    assert {length.budget for length in arm.lengths} == {'{"steps": 200}'}
    assert "The runs of trick = 1 for 1\u202f600 steps are no lengths of it, although it may be best there" in notes
    assert "that of seed 3 (trial " in notes
    assert "trick = 1 is best at the longest" not in notes.replace("Trick", "trick")


def test_a_configuration_whose_best_length_has_other_seeds_is_said_to_have_them():
    found, _, _ = judged(
        budgets={"p": 200, "long": 1600}, seeds_of={"long": (4, 5, 6, 7)}, rows={"p": ROWS, "long": [ROWS[1]]}
    )
    assert found.verdict == "untested"
    assert "trick = 1 is best after step 800 of 1\u202f600 steps, and has that length with seeds 4, 5, 6 and 7" in (
        found.sentence.replace("Trick", "trick")
    )
    assert "in phase p it has seeds 0, 1, 2 and 3" in found.sentence


def test_whole_runs_of_programs_that_print_no_step_take_their_budgets():
    def once(levels, seed, looks):
        return [1]

    _, arm, notes = judged(budgets={"p": 1600, "mid": 400, "short": 100}, looks=(), looks_of=once)
    assert [length.cost["steps"] for length in arm.lengths] == [100, 400, 1600]
    assert "trick = 1 is best at the longest of its 3 lengths" in notes
