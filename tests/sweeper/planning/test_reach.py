"""What a plan says about a program that is not there, or that its seed, its factors or its steps do not reach."""

from pathlib import Path

import pytest

from sweeper.planning.notes import plan_notes
from sweeper.spec.load import parse_study

STUDY = """study: example
metric: {{name: loss, direction: minimize}}
trial:
  program: {program}
  config: {{lr: 0.1, wd: 0.0}}
factors:
  lr: {{path: lr, levels: [0.1, 0.2]}}
  wd: {{path: wd, levels: [0.0, 0.1]}}
phases:
  - {{name: main, design: grid, seeds: {seeds}, budget: {{steps: 1000}}{more}}}
"""
METRICS = "metrics: {loss: 'loss (.+)'}"


def notes(
    directory: Path, program: str, *, seeds: int = 1, more: str = "", study: Path = Path("study.yaml")
) -> tuple[str, ...]:
    text = STUDY.format(program=program, seeds=seeds, more=more)
    return plan_notes(parse_study(text, str(study)), directory)


def test_a_script_that_is_not_there_is_told_with_the_name_that_is_near(tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    (note,) = notes(tmp_path, "{command: [python, trian.py, '{lr}', '{wd}']}")
    assert note.startswith("study.yaml:4:31: trial.program.command[1]: 'trian.py' is not in ")
    assert "Did you mean 'train.py'?" in note
    assert notes(tmp_path, "{command: [python, -u, train.py, '{lr}', '{wd}']}") == ()


def test_a_script_beside_the_study_file_is_found_there(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "t.py").touch()
    program = "{command: ['{python}', t.py, '{lr}', '{wd}']}"
    (note,) = notes(tmp_path / "elsewhere", program, study=tmp_path / "study.yaml")
    assert f"'t.py' is not in {tmp_path / 'elsewhere'}. It is beside the study file, in {tmp_path}" in note
    assert "cwd: ." in note


def test_an_executable_that_is_not_there_is_told(tmp_path: Path) -> None:
    (note,) = notes(tmp_path, "{command: [no-such-program-here, '{lr}', '{wd}']}")
    assert "trial.program.command[0]: 'no-such-program-here' is not an executable here" in note


@pytest.mark.parametrize(
    "command",
    [
        "'{python}', -c, 'x.py {lr} {wd}'",
        "'{python}', -Bc, 'print({lr}, {wd})  # x.py'",
        "python3.11, -um, x.py, '{lr}', '{wd}'",
        "python, -m, x.py, '{lr}', '{wd}'",
        "bash, -lc, 'echo {lr} {wd}; ./x.sh'",
        "bash, -ec, 'echo {lr} {wd}; bash x.sh'",
        f"bash, -c, 'echo {{lr}} {{wd}}; {'true; ' * 100}bash x.sh'",
        "echo, x.py, '{lr}', '{wd}'",
    ],
)
def test_what_is_no_script_is_not_looked_for(tmp_path: Path, command: str) -> None:
    assert notes(tmp_path, f"{{command: [{command}]}}") == ()


def test_a_script_after_options_of_its_interpreter_is_looked_for(tmp_path: Path) -> None:
    (note,) = notes(tmp_path, "{command: [bash, -eu, x.sh, '{lr}', '{wd}']}")
    assert "trial.program.command[2]: 'x.sh' is not in " in note


def test_a_name_that_no_file_can_have_is_no_reason_to_fail(tmp_path: Path) -> None:
    assert notes(tmp_path, f"{{command: [bash, {'x' * 300}.sh, '{{lr}}', '{{wd}}']}}") == ()


def test_executables_and_scripts_are_searched_for_where_the_study_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    for name in ("own-tool", "own.sh"):
        (tmp_path / "bin" / name).write_text("#!/bin/sh\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("OWN_BIN", str(tmp_path / "bin"))
    path = "}\n  environment: {PATH: '${OWN_BIN}:${PATH}'"
    for command in ("own-tool", "bash, own.sh"):
        assert notes(tmp_path, f"{{command: [{command}, '{{lr}}', '{{wd}}']{path}}}") == ()
        assert len(notes(tmp_path, f"{{command: [{command}, '{{lr}}', '{{wd}}']}}")) == 1
    relative = "{command: [own-tool, '{lr}', '{wd}']}\n  environment: {PATH: 'bin:${PATH}'}"
    assert notes(tmp_path, relative) == ()
    (tmp_path / "elsewhere").mkdir()
    assert len(notes(tmp_path / "elsewhere", relative)) == 1
    assert len(notes(tmp_path / "elsewhere", "{command: [./bin/own-tool, '{lr}', '{wd}']}")) == 1


def test_a_directory_of_trials_that_is_not_there_is_told(tmp_path: Path) -> None:
    program = f"{{command: ['{{python}}', -m, train, '{{lr}}', '{{wd}}']}}\n  cwd: {tmp_path / 'gone'}"
    (note,) = notes(tmp_path, program)
    (tmp_path / "gone").touch()
    assert notes(tmp_path, program) == (note,)  # a file is no directory
    assert f"trial.cwd: '{tmp_path / 'gone'}' is not a directory here" in note


def test_a_factor_in_no_argument_is_told_unless_the_program_reads_its_config(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import sys")
    (note,) = notes(tmp_path, "{command: [python, train.py, '{lr}']}")
    assert note.startswith("study.yaml:8:7: factors.wd: wd is in no argument of the command")
    assert '--wd "{wd}"' in note
    assert notes(tmp_path, "{command: [python, train.py, '{lr}', '{config}']}") == ()
    (tmp_path / "train.py").write_text("import os; os.environ['SWEEPER_CONFIG']")
    assert notes(tmp_path, "{command: [python, train.py]}") == ()


def test_a_value_that_is_false_and_that_args_leaves_out_is_told(tmp_path: Path) -> None:
    command = "{command: [python, train.py, '{args}']}"
    text = STUDY.replace("config: {{lr: 0.1, wd: 0.0}}", "config: {{lr: 0.1, wd: 0.0, compile: {value}}}")

    def found(script: str, value: str, program: str = command) -> tuple[str, ...]:
        (tmp_path / "train.py").write_text(script)
        study = parse_study(text.format(program=program, value=value, seeds=1, more=""), "study.yaml")
        return plan_notes(study, tmp_path)

    (note,) = found("exec(open('configurator.py').read())", "false")
    assert note.startswith("study.yaml:5:39: trial.config.compile: compile is false, so {args} leaves it out")
    assert 'write the text: "False"' in note
    assert found("exec(open('configurator.py').read())", "'False'") == ()
    assert found("import argparse  # with store_true", "false") == ()
    assert found("import sys", "false", "{command: [python, train.py, '{args}', '--compile={compile}']}") == ()


@pytest.mark.parametrize(
    ("pruner", "metrics", "warned"),
    [
        ("{name: asha, min_resource: 0.1}", METRICS, True),
        ("hyperband", METRICS, True),
        ("median", METRICS, False),
        ("asha", "metrics: {loss: 'loss (.+)', step: 'step (.+)'}", False),
    ],
)
def test_a_pruner_without_steps_is_told(tmp_path: Path, pruner: str, metrics: str, warned: bool) -> None:
    program = f"{{command: [echo, '{{lr}}', '{{wd}}', '{{steps}}'], {metrics}}}"
    found = notes(tmp_path, program, more=f", pruner: {pruner}")
    assert len(found) == warned
    if found:
        assert "phases[0].pruner: " in found[0]
        assert "prunes at shares of 1,000 steps, but the metrics have no step" in found[0]


@pytest.mark.parametrize("pruner", ["median", "wilcoxon"])
@pytest.mark.parametrize(
    ("arguments", "metrics", "warned"),
    [
        ("", METRICS, True),
        ("'--n=100'", METRICS, True),
        ("'{steps}'", METRICS, False),
        ("'{config.yaml}'", METRICS, False),
        ("'--n=1000'", METRICS, False),
        ("--n, '1000'", METRICS, False),
        ("", "metrics: {loss: 'loss (.+)', step: 'step (.+)'}", False),
    ],
)
def test_a_pruner_by_a_budget_that_the_program_never_receives_is_told(
    tmp_path: Path, pruner: str, arguments: str, metrics: str, warned: bool
) -> None:
    (tmp_path / "train.py").write_text("")
    program = f"{{command: [python, train.py, '{{lr}}', '{{wd}}', {arguments}], {metrics}}}"
    found = notes(tmp_path, program, more=f", pruner: {pruner}")
    assert len(found) == warned
    if found:
        assert found[0].startswith("study.yaml:10:73: phases[0].pruner: ")
        assert f"{pruner} compares trials of 1,000 steps step by step, but the program never receives" in found[0]
        assert '--steps "{steps}"' in found[0]
    (tmp_path / "train.py").write_text("os.environ['SWEEPER_BUDGET']")
    assert notes(tmp_path, program, more=f", pruner: {pruner}") == ()


@pytest.mark.parametrize(
    ("source", "warned"),
    [
        ("def train(config, budget, report):\n    pass", True),
        ("def train(config, seed):\n    pass", False),
        ("def train(config, *, seed=0):\n    pass", False),
        ("def train(config, **rest):\n    pass", False),
        ("import os\ndef train(config):\n    os.environ['SWEEPER_SEED']", False),
        ("@wrapped\ndef train(config):\n    pass", False),
        ("from other import train", False),
        ("def train(config:", False),
    ],
)
def test_a_function_that_does_not_take_its_seed_is_told(tmp_path: Path, source: str, warned: bool) -> None:
    (tmp_path / "fn.py").write_text(source)
    found = notes(tmp_path, "{python: 'fn:train'}", seeds=3)
    assert len(found) == warned
    if found:
        assert "phases[0].seeds: 3 seeds, but fn:train has no parameter `seed`" in found[0]
    assert notes(tmp_path, "{python: 'fn:train'}", seeds=1) == ()
