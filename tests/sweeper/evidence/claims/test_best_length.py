"""Claims that compare configurations, each at its own best length."""

import math
from dataclasses import replace
from statistics import fmean

import pytest

from sweeper.evidence.claims.envelopes import compute_panels
from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.claim_runs import claim_runs, runs_key
from sweeper.evidence.formatting import grouped
from sweeper.spec.declared import declared_claims, declared_phases
from sweeper.store.reading.declarations import Declaration
from tests.reports.studies import factor
from tests.sweeper.evidence.length_studies import ROWS, TEST, VALID, contrast, length_study, u_shaped

# The trick needs four times the steps, and is worth .03 there; at 400 steps or less it looks harmful.
LATE = u_shaped(best={0: 200, 1: 800}, depth={0: 0.0, 1: -0.03})


def judged(*claims, truth=LATE, **options):
    return {verdict.id: verdict for verdict in judge_claims(length_study(truth, claims=claims, **options))}


def arms_of(truth=LATE, claim=None, **options):
    claim = claim or contrast()
    data = length_study(truth, claims=[claim], **options)
    runs = claim_runs(data)[runs_key(data.study.claims[0])]
    return {(arm.levels["trick"], arm.levels["other"]): arm for arm in runs.lengths.values()}


def test_a_trick_that_needs_patience_helps_at_its_own_length_only():
    # Both arms run for 400 steps in p; the trick also runs on, to 1,600 steps.
    patient = u_shaped(best={0: 200, 1: 1600}, depth={0: 0.0, 1: -0.03})
    claims = contrast("own"), contrast("same", at="same_length"), contrast("usual", at=None)
    found = judged(*claims, truth=patient, budgets={"p": 400, "long": 1600}, rows={"long": [ROWS[1]]})
    assert found["own"].verdict == "supported"
    assert found["own"].low < -0.03 < found["own"].high
    assert found["same"].verdict == "refuted"
    assert found["same"].estimate > 0
    ends = patient(ROWS[1], 400) - patient(ROWS[0], 400)
    assert found["same"].estimate == pytest.approx(ends, abs=0.006)
    # Without at, a test is that of each run's best evaluation, as ever.
    assert found["usual"].estimate > found["same"].estimate + 0.01
    assert "each at its best length" in found["own"].sentence
    assert "best length" not in found["same"].sentence


def test_the_length_is_chosen_on_validation_and_reported_on_test():
    arms = arms_of(gap=0.5)
    assert [arms[level, "0"].best.step for level in ("0", "1")] == [200, 800]
    own = arms["1", "0"]
    assert own.chooser.metric.name == VALID
    assert fmean(own.values[:, own.choice.place] - own.chosen_by[:, own.choice.place]) == pytest.approx(0.5, abs=0.005)


def test_lengths_are_those_of_runs_with_other_budgets_as_well():
    arms = arms_of(budgets={"p": 100, "mid": 400, "long": 800}, looks=())
    assert [(length.budget, length.step) for length in arms["0", "0"].lengths] == [
        ('{"steps": 100}', None), ('{"steps": 400}', None), ('{"steps": 800}', None),
    ]  # fmt: skip
    assert arms["1", "0"].best.budget == '{"steps": 800}'
    assert arms["1", "0"].edge == "longest"


def test_a_test_that_is_measured_once_belongs_to_the_whole_run():
    arms = arms_of(budgets={"p": 400, "long": 1600}, tested="end")
    assert [length.step for length in arms["0", "0"].lengths] == [None, None]
    of_validation = arms_of(claim=contrast(metric=VALID), budgets={"p": 400, "long": 1600}, tested="end")
    assert len(of_validation["0", "0"].lengths) == 10  # 4 looks up to 400 steps, 6 up to 1,600


def test_the_studys_value_makes_best_lengths_the_usual_ones():
    options = {"value": "best_length", "budgets": {"p": 400, "long": 1600}}
    found = judged(contrast("usual", at=None), contrast("own"), contrast("same", at="same_length"), **options)
    assert found["usual"].estimate == found["own"].estimate
    # At the same length, the end of each run counts: the trick is behind there, and would not be by its best look.
    assert found["same"].estimate == pytest.approx(LATE(ROWS[1], 400) - LATE(ROWS[0], 400), abs=0.006)


def test_notes_name_the_lengths_and_an_edge():
    found = judged(contrast(), budgets={"p": 400, "long": 800})["c"]
    notes = " ".join(found.notes)
    assert "Best lengths by the mean over seeds of validation loss: the baseline after step 200 of" in notes
    assert "trick = 1 after step 800 of 800 steps" in notes or "trick = 1 after 800 steps" in notes
    assert "trick = 1 is best at the longest of its 9 lengths, so a longer one may be better still." in notes
    assert "Runs differ in evaluations" not in notes


def test_a_trend_has_notes_on_its_lengths_and_curves_at_all_levels():
    factors = {"trick": factor(0, 1), "size": factor(1, 2, 4)}
    rows = [{"trick": trick, "size": size} for size in (4, 1, 2) for trick in (0, 1)]

    def truth(levels, steps):
        return LATE(levels, steps) - 0.01 * levels["trick"] * levels["size"]

    trend = {"phase": "p", "factor": "trick", "from": 0, "to": 1, "over": "size"}
    claimed = {
        "id": "t", "text": "T.", "metric": {"name": TEST, "direction": "minimize"}, "trend": trend, "expect": "grows",
        "at": "best_length",
    }  # fmt: skip
    verdicts = judge_claims(length_study(truth, claims=[claimed], rows={"p": rows}, factors=factors))
    (found,) = verdicts
    assert found.verdict == "supported"
    assert any(note.startswith("Best lengths by the mean over seeds of validation loss: ") for note in found.notes)
    runs = found.examination.tested[0].runs
    cells = [cell for part in found.examination.tested[0].evidence.parts for unit in part.comparison.units
             for cell, _ in unit.terms]  # fmt: skip
    assert len(runs.behind(cells)) == 4 * 4  # seeds of two arms at the first and the last level
    (panel,) = compute_panels(verdicts)
    assert len(panel.curves) == len(rows)


@pytest.mark.parametrize(("tested", "is_said"), [("end", True), ("looks", False)])
def test_a_note_says_where_there_was_nothing_to_choose(tested, is_said):
    found = judged(contrast(), tested=tested)["c"]
    said = "Each has one length only, so this is what a comparison at the same length shows."
    assert (said in found.notes) == is_said


def test_a_choice_among_equals_costs_certainty():
    flat = u_shaped(best={0: 200, 1: 200}, depth={0: 0.0, 1: 0.0}, curvature=0.0)
    budgets, rows = {"p": 1600, "a": 100, "b": 200, "c": 400}, {name: [ROWS[1]] for name in "abc"}
    options = {"looks": (), "of_run": 0.01, "of_test": 0.0, "truth": flat}
    found, alone = (judged(contrast(), **options, **more)["c"] for more in ({"budgets": budgets, "rows": rows}, {}))
    optimism = arms_of(flat, looks=(), of_run=0.01, of_test=0.0, budgets=budgets, rows=rows)["1", "0"].choice.optimism
    assert optimism > 0.001
    errors = [(each.high - each.low) for each in (found, alone)]
    assert errors[0] > 0
    part = found.examination.tested[0].evidence.headline
    mean = fmean(unit.value for unit in part.comparison.complete)
    assert found.estimate == pytest.approx(mean)  # the optimism is in the values
    assert part.estimate.standard_error > optimism


def test_one_seed_does_not_show_how_lucky_its_best_length_is():
    found = judged(contrast(), seeds=(0,))["c"]
    assert found.verdict == "undecided"
    assert "one seed does not show" in found.sentence
    assert math.isfinite(found.estimate)


def test_a_seed_that_was_not_run_at_the_best_length_is_left_out():
    data = length_study(LATE, claims=[contrast()], budgets={"p": 400, "long": 1600}, rows={"long": [ROWS[1]]})
    rows = data.trials
    gone = int(rows[(rows["phase"] == "long") & (rows["seed"] == 3)]["trial_id"].iloc[0])
    members = {**data.members, "long": tuple(trial for trial in data.members["long"] if trial != gone)}
    (found,) = judge_claims(type(data)(**{**{f: getattr(data, f) for f in data.__slots__}, "members": members}))
    assert found.n == 3


@pytest.mark.parametrize(("seeds", "noted"), [((10, 11, 12), True), ((3, 11, 12), False)])
def test_lengths_that_only_other_seeds_have_are_named(seeds, noted):
    budgets, options = {"p": 400, "long": 1600}, {"rows": {"long": [ROWS[0]]}, "seeds_of": {"long": seeds}}
    found = judged(contrast(), budgets=budgets, **options)["c"]
    said = (
        f"No seed links the best length of the baseline to 6 other lengths of it, e.g. after step 50 of "
        f"{grouped(1600)} steps: other seeds may be why it is better after step 200 of 400 steps."
    )
    assert (said in found.notes) == noted


@pytest.mark.parametrize("state", ["failed", "pruned"])
def test_a_budget_at_which_a_run_was_lost_is_not_the_best(state):
    def lost(phase, levels, seed):
        return state if phase == "long" and levels["trick"] and seed == 1 else None

    arms = arms_of(budgets={"p": 400, "long": 1600}, outcome=lost)
    assert {length.budget for length in arms["1", "0"].lengths} == {'{"steps": 400}'}


def test_a_run_that_is_lost_at_every_length_counts_as_the_worst():
    def lost(phase, levels, seed):
        return "failed" if levels["trick"] and seed == 1 else None

    found = judged(contrast(), outcome=lost)["c"]
    assert found.verdict != "supported"
    assert found.evidence.diverged == 1


def test_orderings_and_interactions_compare_best_lengths():
    ordering = contrast(
        "o", contrast=None, ordering={"phase": "p", "largest": "trick", "among": ["other"]}, expect=None
    )
    (found,) = judge_claims(length_study(LATE, claims=[{k: v for k, v in ordering.items() if k != "contrast"}]))
    assert found.verdict == "supported"
    assert found.estimate == pytest.approx(0.03, abs=0.006)


def test_without_results_a_claim_is_that_of_its_phase():
    data = length_study(LATE, claims=[contrast()], outcome=lambda *_: "waiting")
    (found,) = judge_claims(data)
    assert found.verdict == "untested"


def test_checks_of_a_verdict_choose_lengths_again():
    found = judged(contrast())["c"]
    names = {(check.analysis.value, check.subject) for check in found.sturdiness.checks}
    assert ("each seed left out", "seed 3") in names
    assert ("validation for test", "") in names
    assert not found.sturdiness.note


def test_claims_on_a_test_are_checked_on_validation_at_any_lengths():
    for changes in ({}, {"at": "same_length"}, {"at": "best_length"}):
        found = judged({**contrast(at=None), **changes})["c"]
        assert "validation for test" in {check.analysis.value for check in found.sturdiness.checks}, changes


def test_a_metric_of_two_scales_is_chosen_on_the_studys():
    # A share that is maximized, measured at each look beside the loss.
    claim = contrast(metric={"name": TEST, "direction": "maximize"}, expect="increase")
    assert arms_of(claim=claim)["1", "0"].best.step == 800


def test_a_phase_that_was_added_later_gives_further_lengths_to_choose_from():
    claims = contrast("own"), contrast("same", at="same_length")
    data = length_study(LATE, claims=claims, budgets={"p": 400, "long": 1600})
    declared = Declaration(claims=declared_claims(data.study), phases=declared_phases(data.study))
    late = max(data.trials["started_at"]) + 1.0
    changed = replace(data, declaration=declared, changes=((late, ('phases.long: added ({"name": "long"})',)),))
    own, same = judge_claims(changed)
    assert own.caveats.exploratory == ("phase long, with further lengths, was added after the first results",)
    assert not same.is_exploratory
    unchanged = judge_claims(replace(changed, changes=()))
    assert not any(each.is_exploratory for each in unchanged)


def test_a_phase_that_was_added_later_with_other_seeds_gives_no_further_lengths():
    claims = contrast("old"), contrast("new", contrast={**contrast()["contrast"], "phase": "again"})
    data = length_study(LATE, claims=claims, budgets={"p": 400, "again": 400}, seeds_of={"again": (10, 11, 12, 13)})
    declared = Declaration(claims=declared_claims(data.study), phases=declared_phases(data.study))
    late = max(data.trials["started_at"]) + 1.0
    changed = replace(data, declaration=declared, changes=((late, ('phases.again: added ({"name": "again"})',)),))
    assert not any(each.is_exploratory for each in judge_claims(changed))


def test_a_phase_that_was_added_later_with_seeds_that_a_claim_compares_is_named():
    # The trick is best after 800 steps, which two seeds had before.
    budgets = {"p": 400, "long": 1600, "again": 1600}
    data = length_study(LATE, claims=[contrast()], budgets=budgets, seeds_of={"long": (0, 1), "again": (2, 3)})
    declared = Declaration(claims=declared_claims(data.study), phases=declared_phases(data.study))
    late = max(data.trials["started_at"]) + 1.0
    changed = replace(data, declaration=declared, changes=((late, ('phases.again: added ({"name": "again"})',)),))
    (found,) = judge_claims(changed)
    assert found.caveats.exploratory == ("phase again, with further seeds, was added after the first results",)


@pytest.mark.parametrize("is_phase", [True, False])
@pytest.mark.parametrize(("depth", "is_moved"), [(0.2, True), (0.0, False)])
def test_seeds_that_were_added_later_and_move_a_best_length_make_a_verdict_exploratory(depth, is_moved, is_phase):
    # The claim compares the four seeds of p; those of the other phase, at the same budget, help to choose the length.
    def deeper_at_800(metric, levels, seed, step, value):
        return value - depth if seed >= 10 and levels["trick"] == 0 and step == 800 else value

    budgets, seeds_of = {"p": 1600, "again": 1600}, {"again": (10, 11, 12, 13, 14)}
    data = length_study(LATE, claims=[contrast()], budgets=budgets, seeds_of=seeds_of, read=deeper_at_800)
    declared = Declaration(claims=declared_claims(data.study), phases=declared_phases(data.study))
    if is_phase:
        late = max(data.trials["started_at"]) + 1.0
        changed = replace(data, declaration=declared, changes=((late, ('phases.again: added ({"name": "again"})',)),))
    else:
        changed = replace(data, declaration=replace(declared, late={"again": data.members["again"]}))
    (found,) = judge_claims(changed)
    said = (
        "seeds that were added after the first results changed the best length of the baseline "
        "(without them after step 200)"
    )
    assert found.caveats.exploratory == ((said,) if is_moved else ())
    assert not judge_claims(data)[0].is_exploratory


@pytest.mark.parametrize(("places", "is_exploratory"), [(slice(4, 8), True), (slice(8, 12), False)])
def test_runs_of_any_length_that_were_added_later_make_a_verdict_exploratory(places, is_exploratory):
    # The phase has four seeds of the baseline, then of the trick, then of another configuration.
    claims = contrast("own"), contrast("same", at="same_length")
    data = length_study(LATE, claims=claims, budgets={"p": 400, "long": 1600})
    late = {"long": data.members["long"][places]}
    declared = Declaration(claims=declared_claims(data.study), phases=declared_phases(data.study), late=late)
    own, same = judge_claims(replace(data, declaration=declared))
    assert own.is_exploratory is is_exploratory
    assert not same.is_exploratory


def test_a_look_takes_what_was_used_by_then_and_a_whole_run_its_budget():
    looks = arms_of(budgets={"p": 400})["0", "0"]
    assert [length.cost["steps"] for length in looks.lengths] == [50, 100, 200, 400]
    assert looks.lengths[0].cost == {"steps": 50, "tokens": 500, "flops": 5e7}
    data = length_study(LATE, claims=[contrast()], budgets={"p": 400}, tested="end")
    (verdict,) = judge_claims(replace(data, measured={}))
    for arm in verdict.examination.tested[0].runs.lengths.values():
        assert [length.cost for length in arm.lengths] == [{"steps": 400.0}]
