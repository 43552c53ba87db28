"""`sweeper metrics --log` and `sweeper launch --try`: what a study finds, before it is launched."""

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.execution.slots.log_reading import read_log
from sweeper.pilot.choice import PilotTrial
from sweeper.pilot.one_trial import TriedTrial
from sweeper.planning.plan import Plan
from sweeper.spec.study import Study
from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]
STUDY = """study: own
metric: {name: loss, direction: minimize}
trial:
  program: {command: ["{python}", train.py, "{lr}", "{run_dir}"], metrics: METRICS}
  config: {lr: 0.5}
factors: {lr: {path: lr, levels: [0.5, 0.25]}}
phases: [{name: p, design: grid, seeds: 2, budget: {steps: 500}}]
"""
PATTERNS = r"{step: 'step (\d+)', loss: 'loss={number}', acc: 'accuracy ([0-9.]+)', norm: 'norm (\S+)'}"
LOG = """validation acc follows
\x1b[1mstep 10\x1b[0m loss=1.25e-05 norm tensor(4.)
step 20 loss=-3.5; norm tensor(5.)
step 30 loss=1,234.5 norm tensor(6.)
"""


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "study.yaml").write_text(STUDY.replace("METRICS", PATTERNS))
    (tmp_path / "old.log").write_text(LOG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_old_log_shows_what_each_pattern_finds(sweeper: Sweeper, directory: Path) -> None:
    answer = sweeper("metrics", "study.yaml", "--log", "old.log")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("old.log: 4 lines\n\nstep: 'step (\\d+)'\n  matched 3 lines\n  '10' in 'step 10 loss")
    assert "loss: 'loss={number}'\n  matched 3 lines\n  '1.25e-05' in 'step 10 loss=1.25e-05" in answer.out
    assert "3 values: 1.25e-05, -3.5, 1234.5\n  steps 10 to 30; from -3.5 to 1234.5" in answer.out
    assert "matched no line\n  has its name: 'validation acc follows'\n  no number was read" in answer.out
    assert "all without a number: 'tensor(4.)' in 'step 10 loss=1.25e-05 norm tensor(4.)'" in answer.out
    assert "has the value -3.5: loss, best" in answer.out
    assert sorted(path.name for path in directory.iterdir()) == ["old.log", "study.yaml"]


def test_the_same_as_json(sweeper: Sweeper, directory: Path) -> None:
    found = json.loads(sweeper("metrics", "study.yaml", "--log", "old.log", "--json").out)
    assert (found["lines"], found["value"], found["found"]) == (4, -3.5, True)
    assert found["metrics"]["loss"]["values"][0] == {"step": 10, "value": 1.25e-05}
    assert found["metrics"]["norm"]["without_number"]["lines"] == 3
    assert found["metrics"]["norm"]["without_number"]["example"]["matched"] == "tensor(4.)"


@pytest.mark.parametrize(
    ("metrics", "log", "words"),
    [
        (r"{loss: 'loss ([0-9.]+)'}", "loss 1.25e-05\n", ["matches only '1.25' of '1.25e-05'", "was not read in full"]),
        (r"{loss: 'los=(\S+)'}", "loss=4\n", ["matched no line", "has its name: 'loss=4'", "would fail"]),
        (r"{loss: 'loss {number}'}", "loss 3,14\n", ["'3,14' in 'loss 3,14'", "decimal point"]),
        (r"{loss: 'loss {number}'}", "loss nan\n", ["would count as diverged"]),
        (r"{loss: 'loss {number}'}", "loss 3\nloss nan\n", ["would count as diverged: the last value of loss is nan"]),
        (r"{loss: 'loss {number}'}", "loss 4:30\n", ["matches only '4' of '4:30'", "was not read in full"]),
        (r"{step: 'at (\d+)', loss: 'loss {number}'}", "at 1,234 loss 3\n", ["a step of loss was not read in full"]),
        (
            r"{step: 'stp (\d+)', loss: 'loss {number}'}",
            "step 1 loss 3\nstep 2 loss 2\n",
            ["'stp (\\\\d+)', matched no line, so all 2 reports count as step 0"],
        ),
        (
            r"{step: 'epoch {number}', loss: 'loss {number}'}",
            "epoch 0.5 loss 3\n",
            ["matched 0.5, which is not"],
        ),
    ],
)
def test_what_a_log_lacks_is_said(metrics: str, log: str, words: list[str], sweeper: Sweeper, directory: Path) -> None:
    Path("study.yaml").write_text(STUDY.replace("METRICS", metrics))
    Path("old.log").write_text(log)
    answer = sweeper("metrics", "study.yaml", "--log", "old.log")
    assert answer.code == (0 if "step: " in metrics and "in full" not in words[-1] else 1)
    for word in words:
        assert word in answer.out
    assert "(?P<value>" not in answer.out


def test_values_that_could_not_be_read_are_counted(sweeper: Sweeper, directory: Path) -> None:
    Path("study.yaml").write_text(STUDY.replace("METRICS", r"{loss: 'loss (\S+)'}"))
    Path("old.log").write_text("loss 3\nloss tensor(2.)\nloss tensor(1.)\nloss 4\n")
    answer = sweeper("metrics", "study.yaml", "--log", "old.log")
    assert answer.code == 0
    assert "has the value 3" in answer.out
    assert answer.out.count("loss: 2 values of 4 could not be read, first 'tensor(2.)' in 'loss tensor(2.)'") == 1


def test_a_last_value_that_could_not_be_read_fails_a_trial_of_which_it_is_the_value(
    sweeper: Sweeper, directory: Path
) -> None:
    text = STUDY.replace("METRICS", r"{loss: 'loss (\S+)'}")
    Path("study.yaml").write_text(text.replace("minimize}", "minimize, value: last}"))
    Path("old.log").write_text("loss 3\nloss tensor(2.)\n")
    answer = sweeper("metrics", "study.yaml", "--log", "old.log")
    assert answer.code == 1
    assert "would fail: the last value of loss was not read: 'tensor(2.)' in 'loss tensor(2.)'" in answer.out


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("log", ["old.log", "-"])
def test_a_log_that_powershell_has_written_is_read(
    sweeper: Sweeper, directory: Path, monkeypatch: pytest.MonkeyPatch, codec: str, log: str
) -> None:
    text = ("\ufeff" + LOG).encode(codec)
    Path("old.log").write_bytes(text)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    answer = sweeper("metrics", "study.yaml", "--log", log)
    assert answer.code == 0, answer.out
    assert answer.out.startswith(f"{log}: 4 lines")
    assert "has the value -3.5: loss, best" in answer.out


def test_a_mean_of_more_values_than_there_are_is_no_divergence(sweeper: Sweeper, directory: Path) -> None:
    text = STUDY.replace("METRICS", "{loss: 'loss {number}'}")
    Path("study.yaml").write_text(text.replace("minimize}", "minimize, value: {mean_of_last: 3}}"))
    Path("old.log").write_text("loss 3\nloss 4\n")
    answer = sweeper("metrics", "study.yaml", "--log", "old.log")
    assert answer.code == 1
    assert "would fail: its value is the mean of the last 3 values of loss, but it reports 2 values" in answer.out


FILES = """[{from: csv, file: "{run_dir}/m-{lr}.csv", loss: val_loss}, {norm: 'norm {number}'}]"""


def test_a_directory_has_files_of_metrics_and_stays_as_it_is(sweeper: Sweeper, directory: Path) -> None:
    Path("study.yaml").write_text(STUDY.replace("METRICS", FILES))
    run = directory / "run"
    run.mkdir()
    (run / "m-0.5.csv").write_text("step,val_loss\n1,3.0\n2,2.5\n")
    (run / "output.log").write_text("norm 7\n")
    answer = sweeper("metrics", "study.yaml", "--log", "run")
    assert answer.code == 0, answer.err
    assert "m-0.5.csv: 2 rows" in answer.out
    assert "norm: 'norm {number}'\n  matched 1 line\n  '7' in 'norm 7'\n  1 value: 7" in answer.out
    assert "has the value 2.5: loss, best" in answer.out
    assert sorted(path.name for path in run.iterdir()) == ["m-0.5.csv", "output.log"]
    Path("study.yaml").write_text(STUDY.replace("METRICS", FILES.partition(", {norm")[0] + "]"))
    refused = sweeper("metrics", "study.yaml", "--log", "old.log")
    assert refused.code == 2
    assert "Name the directory with them" in refused.err


def test_a_file_of_metrics_is_read_as_such(sweeper: Sweeper, directory: Path) -> None:
    Path("study.yaml").write_text(STUDY.replace(", metrics: METRICS", ""))
    Path("metrics.jsonl").write_text('{"step": 5, "loss": 2.5}\n{"step": 6, "loss": "2"}\n')
    answer = sweeper("metrics", "study.yaml", "--log", "metrics.jsonl")
    assert answer.code == 0
    assert "loss\n  1 value: 2.5" in answer.out
    assert "loss is the text '2' on line 2" in answer.out
    assert "To find metrics in what the program prints" in sweeper("metrics", "study.yaml", "--log", "old.log").out
    assert "there is no such file" in sweeper("metrics", "study.yaml", "--log", "new.log").err


def test_standard_input_and_pipes_are_logs_too(
    sweeper: Sweeper, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LOG.encode())))
    assert "-: 4 lines\n\nstep: " in sweeper("metrics", "study.yaml", "--log", "-").out
    assert "/dev/null: 0 lines\n" in sweeper("metrics", "study.yaml", "--log", "/dev/null").out
    Path("study.yaml").write_text(STUDY.replace(", metrics: METRICS", ""))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LOG.encode())))
    assert "\n\n- was read as metrics.jsonl, since" in sweeper("metrics", "study.yaml", "--log", "-").out
    Path("study.yaml").write_text(STUDY.replace("METRICS", FILES.partition(", {norm")[0] + "]"))
    assert "--log /dev/null: the metrics of this study" in sweeper("metrics", "study.yaml", "--log", "/dev/null").err


def test_without_a_log_both_ways_are_named(sweeper: Sweeper, directory: Path) -> None:
    answer = sweeper("metrics", "study.yaml")
    assert answer.code == 2
    assert "sweeper metrics study.yaml --log FILE" in answer.err
    assert "sweeper launch study.yaml --try" in answer.err


def test_a_trial_that_is_tried_is_none_of_the_study(sweeper: Sweeper, directory: Path) -> None:
    Path("train.py").write_text(
        "import os\nbudget = os.environ['SWEEPER_BUDGET']\nprint('step 1 loss=4.5', budget, 'accuracy 0.5 norm 1')\n"
    )
    answer = sweeper("launch", "study.yaml", "--try", "30")
    assert answer.code == 0, answer.err
    assert "own: tried lr=0.5 with seed 0, 30 steps: completed after" in answer.out
    assert "has the value 4.5" in answer.out
    assert """'step 1 loss=4.5 {"steps": 30} accuracy 0.5 norm 1'""" in answer.out
    assert sorted(path.name for path in directory.iterdir()) == ["old.log", "study.yaml", "train.py"]


def test_a_trial_that_is_tried_and_fails_says_why(sweeper: Sweeper, directory: Path) -> None:
    Path("train.py").write_text("print('step 1 loss=4.5')\nraise SystemExit('no data')\n")
    answer = sweeper("launch", "study.yaml", "--try")
    assert answer.code == 1
    assert "crashed after" in answer.out
    assert "  no data" in answer.out
    found = json.loads(sweeper("launch", "study.yaml", "--try", "--json").out)
    assert (found["exit_reason"], found["value"]) == ("crashed", 4.5)


def test_a_trial_that_is_tried_and_ends_with_nan_is_not_praised(sweeper: Sweeper, directory: Path) -> None:
    Path("study.yaml").write_text(STUDY.replace("METRICS", "{loss: 'loss={number}'}"))
    Path("train.py").write_text("print('loss=4.5')\nprint('loss=nan')\n")
    answer = sweeper("launch", "study.yaml", "--try")
    assert answer.code == 1
    assert "diverged after" in answer.out
    assert "A trial with these metrics would count as diverged: the last value of loss is nan." in answer.out
    assert "has the value" not in answer.out


def test_the_end_of_a_launch_tells_once_of_values_that_could_not_be_read(sweeper: Sweeper, directory: Path) -> None:
    Path("study.yaml").write_text(STUDY.replace("METRICS", r"{loss: 'loss=(\S+)'}"))
    Path("train.py").write_text("import sys\nprint('loss=4')\nprint(f'loss=t({sys.argv[1]})')\n")
    answer = sweeper("launch", "study.yaml", "--store", "sqlite:///s.db")
    assert answer.code == 0, answer.err
    (line,) = [line for line in answer.err.splitlines() if "could not be read" in line]
    assert line.startswith("own: p/0, p/1, p/2, p/3: loss: 1 value of 2 could not be read, first 't(0.5)' in 'loss=t(")
    shown = sweeper("show", "own", "p/1", "--store", "sqlite:///s.db").out
    assert "without_number: 1, first t(0." in shown


def test_a_trial_that_is_tried_names_no_directory_that_is_gone(sweeper: Sweeper, directory: Path) -> None:
    Path("study.yaml").write_text(STUDY.replace(", metrics: METRICS", ""))
    Path("train.py").write_text("import shutil, sys\nshutil.rmtree(sys.argv[2])\n")
    answer = sweeper("launch", "study.yaml", "--try")
    assert answer.code == 1
    assert "{run_dir}/metrics.jsonl is not there: the study's program writes" in answer.out
    assert "{run_dir}/metrics.jsonl does not exist: append metrics to that file" in answer.out
    assert ".try-" not in answer.out


def test_a_trial_that_is_stopped_at_its_limit_has_shown_enough(
    sweeper: Sweeper, directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("train.py").write_text("")

    def stopped(study: Study, plan: Plan, **_: object) -> TriedTrial:
        trial = PilotTrial({"lr": 0.5}, {"lr": 0.5}, 0, "steps", 100.0, 0)
        reading = read_log(Path("old.log"), study.trial.program)
        return TriedTrial(trial=trial, reason="timeout", message=None, seconds=120.0, reading=reading)

    monkeypatch.setattr("sweeper.cli.trying.try_one", stopped)
    answer = sweeper("launch", "study.yaml", "--try")
    assert answer.code == 0
    assert "own: tried lr=0.5 with seed 0, 100 steps: stopped after 2 min, its time limit here\n" in answer.out


@pytest.mark.parametrize("other", ["--dry-run", "--pilot", "--extend", "--keep-going", "--slots 2", "--slots 1"])
def test_try_goes_with_no_other_way_to_launch(other: str, sweeper: Sweeper, directory: Path) -> None:
    answer = sweeper("launch", "study.yaml", "--try", *other.split())
    assert answer.code == 2
    assert f"--try and {other.split(maxsplit=1)[0]}: " in answer.err


@pytest.mark.parametrize("option", ["", "--dry-run", "--try"])
def test_a_study_that_is_not_filled_in_is_not_launched(option: str, sweeper: Sweeper, directory: Path) -> None:
    text = STUDY.replace("METRICS", PATTERNS).replace("config: {lr: 0.5}", "config: {lr: 0.5, data: CHANGE_ME}")
    Path("study.yaml").write_text(text)
    answer = sweeper("launch", "study.yaml", *option.split())
    assert answer.code == 2
    assert "study.yaml:5:27: trial.config.data: 'CHANGE_ME' is still to be filled in" in answer.err
    assert "To launch anyway: --force" in answer.err
    assert sorted(path.name for path in directory.iterdir()) == ["old.log", "study.yaml"]
    Path("train.py").touch()
    assert sweeper("launch", "study.yaml", "--force", "--dry-run").code == 0
