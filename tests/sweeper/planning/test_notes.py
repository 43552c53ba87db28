"""Warnings of a plan: seeds that the command does not use, and factors that change how trials are evaluated."""

from pathlib import Path

import pytest

from sweeper.planning.notes import plan_notes
from sweeper.spec.load import parse_study

STUDY = """study: example
metric: {{name: loss, direction: minimize{value}}}
trial:
  program: {{command: {command}}}
  config: {{lr: 0.1, training: {{eval_every: 10}}}}
factors:
  lr: {{path: lr, levels: [0.1, 0.2]}}
  evaluations: {{path: training.eval_every, levels: [10, 20]}}
phases:
  - {{name: main, design: grid, factors: [{factor}], seeds: {seeds}, budget: {{steps: 3}}}}
"""


def notes(
    directory: Path,
    command: str,
    *,
    seeds: int = 3,
    factor: str = "lr",
    value: str = "",
    about: str = "phases[0].seeds",
) -> tuple[str, ...]:
    """The notes about a key of the study."""
    text = STUDY.format(command=command, seeds=seeds, factor=factor, value=value)
    return tuple(note for note in plan_notes(parse_study(text, "study.yaml"), directory) if f" {about}: " in note)


@pytest.mark.parametrize(("function", "warned"), [("random:train", True), ("json.tool:main", True), ("mine:f", False)])
def test_a_function_of_a_module_of_pythons_own_is_warned_of(tmp_path: Path, function: str, warned: bool) -> None:
    text = STUDY.format(command="[x]", seeds=1, factor="lr", value="").replace("command: [x]", f"python: '{function}'")
    found = plan_notes(parse_study(text, "study.yaml"), tmp_path)
    assert len(found) == warned
    for note in found:
        assert note.startswith(f"study.yaml:4:21: trial.program.python: '{function}' names a module of Python's own")
        assert "Rename your file, e.g. to " in note


def test_seeds_that_the_command_does_not_carry_are_reported_at_their_line(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("print('loss=1.0')")
    (note,) = notes(tmp_path, "[python, train.py, '{lr}']")
    assert note.startswith(
        "study.yaml:10:54: phases[0].seeds: 3 seeds, but the command has neither {seed} nor {config}"
    )
    assert '--seed "{seed}"' in note


@pytest.mark.parametrize(
    "command",
    [
        "[python, train.py, --seed, '{seed}']",
        "[python, train.py, '--seed={seed}']",
        "[python, train.py, '{config}']",
        "[python, reads_seed.py]",
        "[python, reads_config.py]",
        "[python, -c, 'import os; print(os.environ[\"SWEEPER_SEED\"])']",
    ],
)
def test_a_command_that_can_know_its_seed_is_not_reported(tmp_path: Path, command: str) -> None:
    (tmp_path / "reads_seed.py").write_text("import os\nseed = os.environ['SWEEPER_SEED']")
    (tmp_path / "reads_config.py").write_text("import os\nconfig = os.environ['SWEEPER_CONFIG']")
    assert notes(tmp_path, command) == ()


def test_one_seed_need_not_be_passed(tmp_path: Path) -> None:
    assert notes(tmp_path, "[python, train.py]", seeds=1) == ()


def test_a_factor_that_changes_the_evaluations_is_reported_where_the_best_of_them_counts(tmp_path: Path) -> None:
    (note,) = notes(
        tmp_path, "[python, train.py, '{seed}', '{evaluations}']", factor="evaluations", about="factors.evaluations"
    )
    assert "factors.evaluations: training.eval_every changes how often" in note
    assert "value: last" in note
    command = "[python, train.py, '{seed}', '{evaluations}', '{steps}']"

    def valued(value: str) -> tuple[str, ...]:
        return notes(tmp_path, command, factor="evaluations", value=f", value: {value}", about="factors.evaluations")

    assert valued("last") == ()
    (note,) = valued("best_length")
    assert "Evaluate all trials alike." in note


@pytest.mark.parametrize(
    ("option", "levels", "is_warned"),
    [
        ("memory_length", "[null, 64]", False),
        ("batch_size", "[10, 40]", False),
        ("times", "[5, 10]", True),
        ("tokens", "[null, 2000]", True),
    ],
)
def test_of_the_trainers_evaluations_only_their_number_and_size_are_reported(
    option: str, levels: str, is_warned: bool, tmp_path: Path
) -> None:
    text = STUDY.format(command="x", seeds=3, factor="lr", value=", value: best").replace(
        "name: loss", "name: valid_loss"
    )
    text = text.replace("{command: x}", "trainer").replace("{lr: 0.1, training: {eval_every: 10}}", "{device: cpu}")
    text = text.replace("path: lr,", f"path: evaluation.{option},").replace("[0.1, 0.2]", levels)
    text = text.replace("  evaluations: {path: training.eval_every, levels: [10, 20]}\n", "")
    found = plan_notes(parse_study(text, "study.yaml"), tmp_path)
    assert any("changes how often or how noisily" in note for note in found) == is_warned


UNFILLED = """study: example
# CHANGE_ME: the metric by which trials are compared
metric: {name: loss, direction: minimize}
trial:
  program: {command: [python, '-c', 'pass', '{args}', '{seed}']}
  config: CONFIG
factors:
  lr: {path: lr, levels: [0.1, 0.2]}
phases:
  - {name: main, design: grid, seeds: 3}
"""


@pytest.mark.parametrize(
    ("config", "places"),
    [
        ("{lr: 0.1, data: CHANGE_ME}", ["6:27: trial.config.data: 'CHANGE_ME'"]),
        ("{lr: 0.1, in: {data: [x, CHANGE_ME/y]}}", ["6:36: trial.config.in.data[1]: 'CHANGE_ME/y'"]),
        ("{file: base.json, set: {data: CHANGE_ME}}", ["6:41: trial.config.set.data: 'CHANGE_ME'"]),
        ("{file: unfilled.json}", ["6:3: trial.config.data: 'CHANGE_ME'"]),
        ("{lr: 0.1}", []),
    ],
)
def test_what_is_still_to_be_filled_in_is_told_with_its_place(tmp_path: Path, config: str, places: list[str]) -> None:
    (tmp_path / "base.json").write_text('{"lr": 0.1, "data": "x"}')
    (tmp_path / "unfilled.json").write_text('{"lr": 0.1, "data": "CHANGE_ME"}')
    study = parse_study(UNFILLED.replace("CONFIG", config), str(tmp_path / "study.yaml"))
    *found, remark = plan_notes(study, tmp_path)
    end = " is still to be filled in. Write a value of your own."
    assert found == [f"{tmp_path}/study.yaml:{place}{end}" for place in places]
    assert remark.startswith(
        f"{tmp_path}/study.yaml:2: the remark 'CHANGE_ME: the metric by which trials are compared'"
    )
