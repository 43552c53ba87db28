"""Seeds of imported runs: whole numbers stay what they are, since a program that is launched gets them."""

from pathlib import Path

import pandas as pd
import pytest

import sweeper
from sweeper.importing.reading import ImportedRuns, Wanted, read_for_study
from sweeper.importing.seeds import read_seed
from sweeper.spec.load import parse_study
from tests.sweeper.importing.builders import read, rows_of, write_csv

Row = tuple[object, object, object]  # lr, the seed and the loss

STUDY = """
study: given
metric: {name: loss, direction: minimize}
trial: {program: PROGRAM, config: {lr: 1}}
factors: {lr: {levels: [1, 2]}}
phases: [{name: runs, design: grid, seeds: SEEDS}]
claims:
  - {id: lr, text: lr helps., contrast: {phase: runs, factor: lr, from: 1, to: 2}, expect: decrease}
"""
COMMAND = "{command: [python, train.py, '{lr}', '{seed}']}"


def table(directory: Path, rows: list[Row]) -> Path:
    return write_csv(directory / "runs.csv", [dict(zip(("lr", "seed", "loss"), row, strict=True)) for row in rows])


def given(directory: Path, rows: list[Row], seeds: str, program: str = COMMAND) -> ImportedRuns:
    study = parse_study(STUDY.replace("SEEDS", seeds).replace("PROGRAM", program), "given.yaml")
    return read_for_study("csv", str(table(directory, rows)), Wanted(metric="loss"), study)


def stored(found: ImportedRuns) -> list[tuple[object, int, float | None]]:
    """Return lr, the seed and the value of each trial that has ended."""
    trials = {(trial.phase, trial.number): trial for trial in found.imported.plan.trials}
    return [
        ((trials[key].configuration or {})["lr"], trials[key].seed, each.value)
        for key, each in found.imported.results.items()
    ]


ROWS: list[Row] = [(1, 4, 0.4), (1, 3, 0.3), (2, 4, 0.24), (2, 2, 0.22)]


def test_whole_seeds_are_stored_as_they_are(tmp_path: Path) -> None:
    found = read(table(tmp_path, ROWS), "loss")
    assert stored(found) == ROWS
    assert list(found.frame["seed"]) == [4, 3, 4, 2]
    assert [phase.seeds for phase in found.imported.study.phases] == [(2, 3, 4)]
    assert {note for note in found.notes if "no seed" in note} == {
        "runs.csv: lr = 1: no seed 2.".replace("runs.csv", str(tmp_path / "runs.csv")),
        "runs.csv: lr = 2: no seed 3.".replace("runs.csv", str(tmp_path / "runs.csv")),
    }


def test_runs_are_those_of_the_trials_with_their_seeds(tmp_path: Path) -> None:
    assert sorted(stored(given(tmp_path, ROWS, "[2, 3, 4]"))) == sorted(ROWS)
    found = given(tmp_path, [*ROWS, (2, 9, 0.29)], "5")
    assert sorted(stored(found)) == sorted(ROWS)
    (note,) = [note for note in found.notes if "not in the plan" in note]
    assert note == (
        "runs.csv:6: not in the plan of given.yaml, and is left out: phase runs has the seeds 0, 1, 2, 3, 4 there, not "
        "9. Add what is missing to the seeds of the phase."
    )


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(3, 0, 0.3)], "phase runs does not plan lr = 3. Add the levels to the file."),
        ([(2, "", 0.3)], "without a seed, a run is of no trial."),
        ([(2, "a", 0.3)], '"a" is no whole number. Give runs the seeds of their trials.'),
        ([(2, 2**63, 0.3)], "9223372036854775808 is no whole number"),
    ],
)
def test_a_run_of_no_trial_has_its_true_reason(tmp_path: Path, rows: list[Row], reason: str) -> None:
    found = given(tmp_path, [(1, 0, 0.4), *rows], "2")
    assert stored(found) == [(1, 0, 0.4)]
    assert any("runs.csv:3: not in the plan of given.yaml" in note and reason in note for note in found.notes)


def test_only_the_planned_seeds_are_looked_for_where_a_study_without_a_program_lacks_some(tmp_path: Path) -> None:
    found = given(tmp_path, ROWS, "5", program="imported")
    assert sorted(stored(found)) == sorted(ROWS)
    assert [trial.number for trial in found.imported.plan.trials] == list(range(len(ROWS)))


def test_other_seeds_get_numbers_that_no_run_has_and_the_note_has_them(tmp_path: Path) -> None:
    odd = ["a", 1.5, -1, 2**63, 2**63 + 1]
    found = read(table(tmp_path, [(lr, seed, lr) for seed in (*odd, 1, 0) for lr in (1, 2)]), "loss")
    assert list(found.frame["seed"])[::2] == [2, 3, 4, 5, 6, 1, 0]
    assert any(
        '"a" is 2, 1.5 is 3, -1 is 4, 9223372036854775808 is 5, 9223372036854775809 is 6.' in note
        for note in found.notes
    )


def test_seeds_without_pairs_stay_and_can_be_left_out(tmp_path: Path) -> None:
    path = table(tmp_path, [(1, 7, 0.4), (1, 6, 0.3), (2, 8, 0.2), (2, 9, 0.1)])
    assert list(read(path, "loss").frame["seed"]) == [7, 6, 8, 9]
    assert list(read(path, "loss", seed="none").frame["seed"]) == [0, 1, 0, 1]


def test_a_run_without_a_seed_is_not_in_the_plan(tmp_path: Path) -> None:
    found = read(table(tmp_path, [(1, 0, 0.4), (1, 1, 0.3), (2, 0, 0.2), (2, "", 0.1)]), "loss")
    assert list(found.frame["seed"]) == [0, 1, 0, 2]
    assert [phase.seeds for phase in found.imported.study.phases] == [(0, 1)]
    assert [note for note in found.notes if "no seed 2" in note] == []


def test_a_search_has_the_seeds_of_its_trials(tmp_path: Path) -> None:
    import optuna

    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.create_study(study_name="s", storage=url, sampler=optuna.samplers.RandomSampler(seed=0))
    for seed in (7, 5, 7, 5):
        trial = study.ask()
        trial.suggest_float("lr", 0.1, 1.0)
        trial.set_user_attr("seed", seed)
        study.tell(trial, 1.0 / (1 + trial.number))
    found = read(url, "loss", "optuna")
    assert rows_of(found, "seed") == [(7,), (5,), (7,), (5,)]
    assert [trial.seed for trial in found.imported.plan.trials] == [7, 5, 7, 5]
    assert [phase.seeds for phase in found.imported.study.phases] == [(7, 5)]


@pytest.mark.parametrize("seed", ["4", " 4", 4, 4.0, "4.0", "4e0"])
def test_the_form_of_a_seed_does_not_matter(seed: object) -> None:
    assert read_seed(seed) == 4
    assert isinstance(read_seed(seed), int)


def test_frames_name_seeds_as_they_are() -> None:
    frame = pd.DataFrame({"lr": [1, 1, 2, 2], "seed": [7.0, 6.0, 8.0, 9.0], "loss": [0.1, 0.2, 0.3, 0.4]})
    claim = {"id": "lr", "contrast": {"factor": "lr", "from": 1, "to": 2}, "expect": "decrease"}
    (verdict,) = sweeper.judge(frame, metric="loss", claims=[claim])
    assert "those with 1 have the seeds 6 and 7" in verdict.sentence
