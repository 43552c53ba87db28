"""Verdicts on claims whose trials are missing, failed, pruned or changed, and the table that all of them end in."""

import math

import numpy as np
import pytest

from sweeper.evidence.claims.judge import all_supported, judge_claims
from sweeper.evidence.claims.table import verdict_row
from sweeper.evidence.sequential.verdicts import claims_table
from sweeper.store.reading.reader import Curve
from tests.reports.studies import Phase, factor, falling, study_data
from tests.sweeper.evidence.claims.claim_studies import FACTORS, claim, contrast, judge, perplexity, screen


def test_claims_without_trials_are_untested_and_still_count_for_holm():
    alone = judge(contrast("a"))[0]
    first, second = judge(
        contrast("a"), claim("later", contrast={**contrast("b")["contrast"], "to": 0.9}, expect="decrease")
    )
    assert second.verdict == "untested"
    assert second.sentence == "No trial of phase screen has b = 0.9; its levels there: 0, 0.3."
    assert first.p_adjusted == pytest.approx(2 * alone.p_adjusted)


def test_a_study_that_has_not_started_is_untested():
    (found,) = judge(contrast("a"), phases=[screen(lambda *_: "waiting")])
    assert found.verdict == "untested"
    assert found.notes == ("6 trials have not ended yet: the verdict is not final.",)
    assert not all_supported([found])


def test_one_pair_is_undecided():
    (found,) = judge(contrast("a"), phases=[screen(seeds=(0,))])
    assert found.verdict == "undecided"
    assert "a single pair has no interval" in found.sentence


def test_a_phase_that_the_study_does_not_have_is_reported():
    (found,) = judge(claim(contrast={**contrast("a")["contrast"], "phase": "other"}, expect="decrease"))
    assert found.sentence == "The study has no phase other."


def with_ending(state):
    def value(levels, seed):
        return state if levels["a"] and seed == 2 else perplexity()(levels, seed)

    return screen(value)


def test_a_failed_trial_counts_as_the_worst_so_that_its_arm_is_not_supported():
    (found,) = judge(contrast("a", at_least="5%"), phases=[with_ending("failed")])
    assert found.verdict == "undecided"
    assert found.evidence.p == 1.0
    assert found.notes == (
        "1 failed trial counts as the worst; the estimate is that of the other pairs.",
        "Diverged or failed: from 0/3, to 1/3.",
        "The claim would be supported if runs converged; 2 of 3 did.",
    )


def test_a_baseline_that_fails_takes_nothing_from_the_arm_that_does_not():
    def baseline_fails(levels, seed):
        is_baseline = levels == {"a": 0.0, "b": 0.0, "c": "off"}
        return "failed" if is_baseline and seed == 2 else perplexity()(levels, seed)

    (found,) = judge(contrast("a", at_least="5%"), phases=[screen(baseline_fails)])
    assert found.verdict == "supported"
    assert found.notes[0] == "1 failed trial counts as the worst; the estimate is that of the other pairs."


def test_where_both_runs_of_a_seed_fail_the_others_decide():
    def value(levels, seed):
        return "failed" if seed == 2 else perplexity()(levels, seed)

    (found,) = judge(contrast("a"), phases=[screen(value)])
    assert found.verdict == "supported"


PRUNED_NOTES = (
    "Left out: 1 pruned trial, and the runs paired with them.",
    "The p-values are the largest that any final values of the pruned trials could give.",
)


def cut_after(share):
    def curve(row):
        final = 100 * math.exp((-0.08 if row.configuration["a"] else 0.0) + 0.02 * row.seed)
        return falling(final, points=500, steps=500, stop=int(500 * share) if row.state == "pruned" else None)

    return curve


def test_pruned_trials_are_bounded_by_their_curves_so_that_they_cannot_turn_what_is_clear():
    narrow = judge(contrast("a"), phases=[with_ending("pruned")], curves=cut_after(0.998))[0]
    assert narrow.verdict == "supported"
    assert narrow.caveats.reachable == ()
    assert narrow.notes == PRUNED_NOTES


def test_what_is_left_by_pruning_supports_nothing_that_its_ends_could_turn():
    wide = judge(contrast("a"), phases=[with_ending("pruned")], curves=cut_after(0.3))[0]
    left = judge(contrast("a"), phases=[with_ending("waiting")])[0]
    assert left.verdict == "supported"
    assert wide.verdict == "undecided"
    assert wide.evidence.estimate == left.evidence.estimate
    assert wide.evidence.p > left.evidence.p
    assert wide.notes[:2] == PRUNED_NOTES


def test_a_claim_changed_after_data_existed_says_so():
    changes = [(50.0, ('claims.a.at_least: "1%" → "0.5%"', 'claims.ab.text: "x" → "y"'))]
    early = [(0.5, ('claims.a.at_least: "1%" → "0.5%"',))]
    late_found, early_found = judge(contrast("a"), changes=changes)[0], judge(contrast("a"), changes=early)[0]
    assert late_found.caveats.changes
    assert late_found.notes[0] == "Exploratory: claims.a.at_least changed after trials had started."
    assert (len(late_found.notes), late_found.words, early_found.words) == (2, "supported (exploratory)", "supported")
    assert 'claims.a.at_least: "1%" → "0.5%"' in late_found.notes[1]
    assert not early_found.caveats.changes


def test_another_metric_is_read_from_the_results():
    (found,) = judge(
        {**contrast("c"), "metric": "test_loss"},
        results=lambda row: {"test_loss": 4.0 - 0.1 * (row.configuration["c"] == "on") + 0.001 * row.seed},
    )
    assert found.metric.scale == "linear"
    assert found.evidence.estimate == pytest.approx(-0.1)


def test_trials_without_the_metric_are_reported():
    (found,) = judge({**contrast("c"), "metric": "test_loss"})
    assert found.verdict == "untested"
    assert found.notes == ("6 completed trials did not report test_loss.",)


def test_the_table_for_export_has_a_row_a_claim_and_plain_values():
    table = claims_table(study_data(FACTORS, screen(), claims=[contrast("a"), contrast("c")]))
    assert table.column("verdict")[0] == "supported"
    assert table.column("study") == ["s", "s"]
    assert all(value is None or isinstance(value, str | int | float | bool) for row in table.rows for value in row)


def test_all_are_supported_only_if_each_is():
    found = judge(contrast("a"), contrast("c"))
    assert all_supported(found[:1])
    assert not all_supported(found)
    assert all_supported(())


def test_an_effect_that_differs_between_datasets_says_so():
    effects = {"x": -0.196, "y": 0.034}
    factors = {"a": factor(0, 1), "dataset": factor("x", "y")}
    rows = [{"a": a, "dataset": dataset} for dataset in effects for a in (0, 1)]

    def value(levels, seed):
        draw = np.random.default_rng([seed, levels["a"], levels["dataset"] == "x"]).normal(0, 0.005)
        return math.exp(4.6 + levels["a"] * effects[levels["dataset"]] + draw)

    spec = {"phase": "p", "factor": "a", "from": 0, "to": 1}
    claims = [claim("all", contrast=spec, expect="decrease"),
              claim("x", contrast={**spec, "where": {"dataset": "x"}}, expect="decrease")]  # fmt: skip
    phase = Phase("p", "one_at_a_time", rows, value, seeds=range(4), blocks=["dataset"])
    average, alone = judge_claims(study_data(factors, phase, claims=claims))
    (note,) = average.notes
    assert note.startswith("The effect differs between strata: \u221217.")
    assert "at dataset = x and +3." in note and "at dataset = y. Their mean is that of none of them, so" in note
    assert average.verdict == "undecided"
    assert alone.notes == ()


def failing(share, seeds=8):
    """A phase in which one level fails with these seeds only, and the baseline never."""

    def value(levels, seed):
        return "failed" if levels["a"] and seed < share else perplexity()(levels, seed)

    return screen(value, seeds=range(seeds))


def divergence(expect):
    spec = {"phase": "screen", "factor": "a", "from": 0.0, "to": 0.2}
    return claim("fails", divergence=spec, expect=expect)


def test_a_level_at_which_more_runs_fail_is_found_by_mcnemars_test():
    more, fewer = judge(divergence("increase"), {**divergence("decrease"), "id": "y"}, phases=[failing(6)])
    assert (more.verdict, fewer.verdict) == ("supported", "refuted")
    assert more.evidence.p == pytest.approx(0.5**6)
    assert more.evidence.estimate == pytest.approx(6 / 8)
    assert more.evidence.n == 8
    assert more.sentence == (
        "a from 0 to 0.2 in screen: 6/8 runs failed, against 0/8 (McNemar's exact test on 8 pairs; adjusted "
        "p = 0.031). "
        "Claimed: more runs fail."
    )


def test_three_seeds_cannot_show_that_more_runs_fail():
    (found,) = judge(divergence("increase"), phases=[failing(3, seeds=3)])
    assert found.verdict == "undecided"
    assert found.evidence.p == pytest.approx(1 / 8)


def test_runs_that_have_not_ended_are_no_pairs_of_a_claim_on_failures():
    def value(levels, seed):
        return "waiting" if seed == 2 else "failed" if levels["a"] else perplexity()(levels, seed)

    (found,) = judge(divergence("increase"), phases=[screen(value)])
    assert found.evidence.n == 2
    assert found.notes == ("2 trials have not ended yet: the verdict is not final.",)


def test_a_study_whose_seeds_change_nothing_may_still_show_failures():
    def value(levels, seed):
        return "failed" if levels["a"] else 100.0

    (found,) = judge(divergence("increase"), phases=[screen(value, seeds=range(6))])
    assert found.verdict == "supported"


def evaluated(points, sds, falls=False, **options):
    """A claim on two levels that were evaluated so often and with such noise."""
    generator = np.random.default_rng(3)
    values = {
        (level, seed): 100 + 0.01 * seed + sds[level] * generator.normal(size=points[level])
        for level in (0, 1)
        for seed in range(6)
    }
    values = {key: np.sort(found)[::-1] if falls else found for key, found in values.items()}

    def curve(row):
        found = values[row.configuration["x"], row.seed]
        unknown = [math.nan] * len(found)
        return Curve(
            steps=[10 * place for place in range(1, len(found) + 1)], tokens=unknown, device_seconds=unknown,
            flops=unknown, values=found.tolist(),
        )  # fmt: skip

    def value(levels, seed):
        found = values[levels["x"], seed]
        point = options.get("metric_options", {}).get("value", "best")
        return {"best": found.min(), "last": found[-1]}.get(str(point), math.fsum(found[-3:]) / 3)

    spec = {"phase": "p", "factor": "x", "from": 0, "to": 1}
    phase = Phase("p", "grid", [{"x": 0}, {"x": 1}], value, seeds=range(6))
    claims = [claim("x", contrast=spec, expect="decrease")]
    return judge_claims(study_data({"x": factor(0, 1)}, phase, claims=claims, curves=curve, **options))[0]


def test_the_best_of_unequally_many_or_noisy_evaluations_is_noted():
    assert evaluated((20, 20), (0.1, 0.1)).notes == ()
    often, numbers = evaluated((20, 40), (0.1, 0.1)).notes
    assert "were not evaluated equally often, which favours one side. Use the last value" in often
    assert numbers.endswith(": 40 evaluations (6 runs), 20 evaluations (6 runs).")
    (noisy,) = evaluated((20, 20), (0.1, 1.0)).notes
    assert "were not evaluated with equal noise" in noisy


def test_curves_that_fall_to_their_last_point_favour_nobody_however_they_bend():
    assert evaluated((20, 20), (0.1, 1.0), falls=True).notes == ()


def test_a_mean_of_the_last_few_of_unequally_many_evaluations_is_noted():
    means = {"metric_options": {"value": {"mean_of_last": 3}}}
    often, _ = evaluated((20, 40), (0.1, 0.1), **means).notes
    assert "The mean of the last 3 values of each curve counts" in often
    assert "were not evaluated equally often" in often
    assert evaluated((20, 20), (0.1, 1.0), **means).notes == ()


def test_the_last_value_favours_nobody():
    found = evaluated((20, 40), (0.1, 1.0), metric_options={"value": "last"})
    assert not [note for note in found.notes if "favours" in note]


def test_the_runs_that_diverged_are_counted_on_both_sides_of_a_change():
    (found,) = judge(contrast("a"), phases=[with_ending("failed")])
    row = verdict_row(found)
    assert (row["diverged"], row["attempted"], row["diverged_from"], row["diverged_to"]) == (1, 6, "0/3", "1/3")


def test_the_runs_that_diverged_are_counted_once_in_an_ordering():
    spec = {"phase": "screen", "largest": "a", "among": ["a", "b", "c"], "order": None, "levels": None}
    (found,) = judge(claim("x", ordering=spec), phases=[with_ending("failed")])
    row = verdict_row(found)
    assert (row["diverged"], row["attempted"], row["diverged_from"]) == (1, 9, "")
    assert "Diverged or failed: 1/9." in found.notes


def test_nothing_is_said_where_nothing_diverged():
    (found,) = judge(contrast("a"))
    assert (found.evidence.diverged, found.evidence.attempted) == (0, 6)
    assert not [note for note in found.notes if "Diverged" in note]
