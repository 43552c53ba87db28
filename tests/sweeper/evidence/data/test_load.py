import json
import math
from pathlib import Path

import pytest

from sweeper.errors import UsageError
from sweeper.evidence.data.load import StudyData, column_of, load
from tests.reports.builders import BASELINE, FACTORS, Ending, Plot, final_value, screen, store_with
from tests.sweeper.store.builders import phase


def test_a_row_a_trial_with_its_levels_cost_and_result(data: StudyData) -> None:
    row = data.trials.set_index("trial_id").loc[4]
    assert (row["phase"], row["number"], row["state"], row["seed"]) == ("screen", 3, "completed", 0)
    assert {name: row[name] for name in FACTORS} == {**BASELINE, "input_dropout": 0.3}
    assert row["value"] == pytest.approx(final_value({**BASELINE, "input_dropout": 0.3}, 0, 300))
    assert row["result.test_perplexity"] == pytest.approx(0.97 * row["value"])
    assert json.loads(str(row["budget"])) == {"steps": 300}
    assert row["device_seconds"] == pytest.approx(15.0)
    assert row["best_step"] == 300


def test_texts_that_are_absent_are_none_and_numbers_nan(data: StudyData) -> None:
    waiting = data.trials.iloc[-1]
    assert waiting["exit_reason"] is None
    assert waiting["message"] is None
    assert math.isnan(waiting["value"])
    assert math.isnan(waiting["best_step"])


def test_curves_are_those_of_the_trials_that_reported(data: StudyData) -> None:
    curves = data.curves("valid_perplexity")
    assert len(curves) == 20
    assert curves[1].values[-1] == pytest.approx(final_value(BASELINE, 0, 300))
    assert math.isnan(curves[9].values[-1])
    assert data.curves("unheard_of") == {}


def test_the_best_step_is_that_of_the_best_finite_value(data: StudyData) -> None:
    diverged = data.trials.set_index("trial_id").loc[9]
    assert diverged["best_step"] == 75  # the last before the loss was not a number


def test_every_attempt_counts_in_what_a_trial_cost(data: StudyData) -> None:
    again = data.trials.set_index("trial_id").loc[10]
    assert again["attempts"] == 2
    assert again["device_seconds"] == pytest.approx(0.2 * 15 + 15)
    assert len(data.attempts) == len(data.trials) + 1


def test_members_of_a_phase_come_in_its_order(data: StudyData) -> None:
    assert data.phase_trials("long")["trial_id"].tolist() == [16, 17, 18, 19, 20, 21]


def test_factors_named_like_a_column_get_one_of_their_own(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"seed": 1, "value": "a"}, {"seed": 2, "value": "a"}]
    factors = {"seed": {"levels": [1, 2], "baseline": 1}, "value": {"levels": ["a"], "baseline": "a"}}
    url = store_with(tmp_path, Plot([phase("only", rows, seeds=(5,))], factors=factors, claims=()))
    found = load(url, "quickstart")
    assert found.factors == ("seed", "value")
    assert found.trials["seed"].tolist() == [5, 5]
    assert found.trials[column_of("seed")].tolist() == [1, 2]
    assert found.trials[column_of("value")].tolist() == ["a", "a"]


def test_levels_that_are_lists_become_their_json(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [{"widths": [1, 2]}, {"widths": [3]}]
    factors = {"widths": {"levels": [[1, 2], [3]], "baseline": [1, 2]}}
    url = store_with(tmp_path, Plot([phase("only", rows)], factors=factors, claims=()), lambda claim: Ending())
    assert load(url, "quickstart").trials["widths"].tolist() == ["[1, 2]", "[3]"]


def test_a_study_without_a_started_trial_loads(tmp_path: Path) -> None:
    url = store_with(tmp_path, Plot([screen()]), lambda claim: None)
    found = load(url, "quickstart")
    assert set(found.trials["state"]) == {"waiting", "running"}
    assert found.curves("valid_perplexity") == {}


def test_an_unknown_study_raises_an_error_that_lists_the_known_ones(store: str) -> None:
    with pytest.raises(UsageError, match=r"no study 'quickstar' in the store. It has: quickstart"):
        load(store, "quickstar")
