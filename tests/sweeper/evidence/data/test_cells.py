"""Cells: what is one level, what is a repeat, what is missing."""

import math

import pytest

from sweeper.evidence.data.cells import level_key, level_text
from sweeper.evidence.data.comparison import Pool, infer, paired_by_factor, paired_by_seed, single_arm
from sweeper.evidence.data.differences import minus
from sweeper.evidence.data.runs import study_runs
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"x": factor(0, 1), "y": factor("off", "on"), "corpus": factor("a", "b", path="data.corpus")}
ROWS = [{"x": x, "y": y, "corpus": c} for x in (0, 1) for y in ("off", "on") for c in ("a", "b")]


def value(levels, seed):
    return math.exp(4 + 0.1 * levels["x"] + 0.01 * seed + (1 if levels["corpus"] == "b" else 0))


def made(outcome=value, **more):
    data = study_data(FACTORS, Phase("p", "grid", ROWS, outcome, **more))
    return study_runs(data).phases["p"].cells


def by_factor(cells, *contrast):
    return paired_by_factor(cells, contrast, Pool(cells))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (0, 0.0, True),
        (1, True, False),
        (None, "null", False),
        ("1", 1, False),
        ([1, 2], "[1, 2]", False),
        ([1, 2.0], [1.0, 2], True),
        (0.1, 0.10, True),
    ],
)
def test_levels_differ_as_in_a_study_file(one, other, same):
    assert (level_key(one) == level_key(other)) is same


def test_a_level_reads_as_it_was_written():
    assert [level_text(level_key(level)) for level in ("on", 0.3, 4, None)] == ["on", "0.3", "4", "null"]


def test_a_trial_that_does_not_vary_a_factor_has_it_at_its_baseline():
    data = study_data(FACTORS, Phase("p", "list", [{"x": 1}], lambda *_: 50.0))
    assert study_runs(data).phases["p"].cells[0].levels == {"x": "1", "y": '"off"', "corpus": '"a"'}


def test_exact_repeats_are_one_cell():
    found = made(repeats=2)
    assert len(found) == 8 * 3
    assert all(len(cell.trial_ids) == 2 for cell in found)


def test_a_stratum_is_a_budget_and_a_corpus_and_a_block_a_seed_in_it():
    found = made()
    assert len({cell.stratum for cell in found}) == 2
    assert len({cell.block for cell in found}) == 6


def test_what_has_no_value_is_named_with_its_state():
    found = made(lambda levels, seed: "failed" if seed == 1 else value(levels, seed))
    assert {state for cell in found for _, state in cell.missing} == {"failed"}
    assert sum(cell.is_measured for cell in found) == 16


def test_pairs_agree_in_all_but_the_factor():
    comparison = by_factor(made(), "x", "0", "1")
    assert len(comparison.units) == 12
    assert comparison.differences == pytest.approx([0.1] * 12)
    for unit in comparison.units:
        (high, _), (low, _) = unit.terms
        assert (high.seed, high.levels["y"], high.levels["corpus"]) == (low.seed, low.levels["y"], low.levels["corpus"])


def test_arms_pair_by_seed_and_by_what_does_not_tell_them_apart():
    found = made()
    low = [cell for cell in found if cell.levels["x"] == "0" and cell.levels["y"] == '"off"']
    high = [cell for cell in found if cell.levels["x"] == "1" and cell.levels["y"] == '"on"']
    comparison = paired_by_seed(low, high, Pool(found))
    assert len(comparison.units) == 6  # three seeds on two corpora
    assert comparison.differences == pytest.approx([0.1] * 6)


def test_the_baseline_cancels_between_two_gains():
    found = made()
    difference = minus(by_factor(found, "x", "0", "1"), by_factor(found, "y", '"off"', '"on"'))
    assert infer(difference).value == pytest.approx(0.1)
    assert len(difference.units) == 6  # by seed and corpus: the two pair on different factors


def test_a_comparison_with_a_constant_does_not_pool_since_seeds_do_not_cancel():
    found = [cell for cell in made() if cell.arm == made()[0].arm]
    assert infer(single_arm(found, Pool(found))).method == "paired t, 2 df"


def test_runs_of_some_trials_are_those_of_a_study_where_the_others_wait():
    data = study_data(FACTORS, Phase("p", "grid", ROWS, value, repeats=2))
    whole = study_runs(data)
    kept = frozenset(trial for trial in whole.measure.values if trial % 5)
    found = whole.only(kept).phases["p"].cells
    for cell, before in zip(found, whole.phases["p"].cells, strict=True):
        assert set(cell.trial_ids) == kept & set(before.trial_ids)
        assert cell.missing == tuple((trial, "waiting") for trial in before.trial_ids if trial not in kept)
        values = [whole.measure.values[trial] for trial in cell.trial_ids]
        assert (cell.value == pytest.approx(sum(values) / len(values))) if values else math.isnan(cell.value)
    assert whole.only(frozenset(whole.measure.values)).phases == whole.phases


def test_values_that_are_filled_in_do_not_choose_levels():
    data = study_data(
        FACTORS, Phase("p", "grid", ROWS, lambda levels, seed: "failed" if seed == 1 else value(levels, seed))
    )
    runs = study_runs(data)
    lost = [trial for cell in runs.phases["p"].cells for trial, _ in cell.missing]
    filled = runs.filled(dict.fromkeys(lost, 4.0))
    assert all(cell.is_measured for cell in filled.phases["p"].cells)
    assert {cell.raw for cell in filled.phases["p"].cells if cell.seed == 1} == {math.exp(4.0)}
    assert filled.chooser is runs
