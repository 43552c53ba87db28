"""Programs of users' own: refused before a launch if they are not there, and run in the directory that they need."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol
from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]
STUDY = """study: own
metric: {name: loss, direction: minimize}
trial:
  program: {command: ["{python}", SCRIPT, "{lr}"], metrics: {loss: 'loss (.+)'}}
  config: {lr: 0.5}MORE
factors: {lr: {path: lr, levels: [0.5, 0.25]}}
phases: [{name: p, design: grid, budget: {steps: 1}}]
"""


def write(folder: Path, script: str, more: str = "") -> None:
    (folder / "study.yaml").write_text(STUDY.replace("SCRIPT", script).replace("MORE", more))
    (folder / "train.py").write_text("import sys\nprint('loss', float(sys.argv[1]))")


def test_a_launch_without_its_script_stops_before_it_writes_anything(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "trian.py")
    monkeypatch.chdir(tmp_path)
    answer = sweeper("launch", "study.yaml")
    assert answer.code == 2
    assert "study.yaml:4:35: trial.program.command[1]: 'trian.py' is not in" in answer.err
    assert "Did you mean 'train.py'?" in answer.err
    assert "--force" in answer.err
    assert not (tmp_path / "sweeper.db").exists()


TRAINED = """study: trained
metric: {name: valid_perplexity, direction: minimize}
trial: {program: trainer, config: {data: {corpus: ptb}}}
factors: {text: {path: data.corpus, levels: [ptb, wikitext-103]}}
phases: [{name: p, design: grid, budget: {steps: 1}}]
"""


@pytest.mark.parametrize("options", [(), ("--try",), ("--pilot", "1"), ("--dry-run",), ("--engine", "dask")])
def test_a_launch_without_its_corpora_stops_before_anything_runs(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...]
) -> None:
    if "dask" in options:
        pytest.importorskip("distributed")
    (tmp_path / "study.yaml").write_text(TRAINED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEPER_DATA", raising=False)
    answer = sweeper("launch", "study.yaml", *options)
    assert (answer.code, answer.out) == (2, "")
    ptb, wikitext, remedy = answer.err.splitlines()
    assert ptb.startswith("study.yaml:4:46: factors.text.levels[0]: 'ptb' was not found in data/ptb")
    assert wikitext.startswith("study.yaml:4:51: factors.text.levels[1]: 'wikitext-103' was not found")
    assert remedy == "To launch anyway: --force"
    assert not (tmp_path / "sweeper.db").exists()


def test_a_plan_without_its_corpora_starts_no_pilot(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "study.yaml").write_text(TRAINED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEPER_DATA", raising=False)
    answer = sweeper("plan", "study.yaml", "--pilot", "1")
    assert (answer.code, answer.out) == (2, "")
    assert ["was not found" in line for line in answer.err.splitlines()] == [True, True]
    assert not (tmp_path / "sweeper.db").exists()


def test_a_worker_leaves_out_studies_whose_program_is_not_on_its_machine(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = open_store("sqlite:///sweeper.db", create=True)
    for name, script in (("first", "absent.py"), ("second", "train.py")):
        write(tmp_path, script, more="\nretry: {crashed: 0}")
        text = Path("study.yaml").read_text()
        Path("study.yaml").write_text(text.replace("study: own", f"study: {name}"))
        loaded = load_study(Path("study.yaml"))
        enrol(engine, make_plan(loaded), loaded, runs_dir=tmp_path / "runs", now=0.0)
    engine.dispose()

    named = sweeper("worker", "first", "--slots", "1")
    assert (named.code, named.out) == (2, "")
    assert "trial.program.command[1]: 'absent.py' is not in" in named.err
    assert named.err.endswith("To start its trials anyway: sweeper worker first --keep-going\n")

    of_all = sweeper("worker", "--slots", "1")
    assert of_all.code == 2
    assert "first: left out, since this machine cannot run all of its trials:\n" in of_all.err
    assert "second: joined with 1 slot" in of_all.err
    assert "No trials left" not in of_all.out
    phases = [json.loads(sweeper("status", name, "--json").out)["phases"][0] for name in ("first", "second")]
    assert [(phase["waiting"], phase["completed"]) for phase in phases] == [(2, 0), (0, 2)]

    assert sweeper("worker", "--slots", "1", "--keep-going").code == 1


def test_on_a_cluster_elsewhere_corpora_need_not_be_here(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("distributed")
    (tmp_path / "study.yaml").write_text(TRAINED)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SWEEPER_DATA", raising=False)
    answer = sweeper(
        "launch", "study.yaml", "--engine", "dask", "--dask-address", "tcp://127.0.0.1:9", "--dry-run", "--json"
    )
    assert answer.code == 0
    assert [note for note in json.loads(answer.out)["notes"] if "'ptb' was not found" in note]


def test_the_end_of_a_launch_says_why_trials_failed(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "train.py", more="\nretry: {crashed: 0}")
    (tmp_path / "train.py").write_text("print('loss nan')\n")
    monkeypatch.chdir(tmp_path)
    answer = sweeper("launch", "study.yaml", "--slots", "1")
    assert answer.code == 1
    assert "own: 0 completed, 2 failed (2 diverged); " in answer.out


def test_trials_run_in_the_directory_of_the_study_file_if_it_says_so(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "train.py", more="\n  cwd: .")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert sweeper("launch", "../study.yaml", "--slots", "1").code == 0
    found = json.loads(sweeper("export", "own", "--table", "trials", "--format", "json").out)
    assert sorted(row["loss"] for row in found) == [0.25, 0.5]
    assert sweeper("launch", "../study.yaml", "--slots", "1").code == 0


BY_FILE = """import argparse, json, pathlib, yaml
parser = argparse.ArgumentParser()
parser.add_argument("--config", type=pathlib.Path)
parser.add_argument("--out")
config = yaml.safe_load(parser.parse_args().config.read_text())
assert isinstance(config["optim"]["lr"], float) and config["optim"]["nesterov"] is False, config
pathlib.Path(config["out"], "metrics.jsonl").write_text(json.dumps({"loss": config["optim"]["lr"] + config["seed"]}))
"""
BY_ARGUMENTS = """import argparse
parser = argparse.ArgumentParser()
for name in ("optim.lr", "seed"):
    parser.add_argument(f"--{name}", type=float)
parser.add_argument("--out")
given = vars(parser.parse_args())
print("loss", given["optim.lr"] + given["seed"])
"""


@pytest.mark.parametrize(
    ("script", "arguments", "metrics"),
    [(BY_FILE, '--config, "{config.yaml}"', ""), (BY_ARGUMENTS, '"{args}"', ", metrics: {loss: 'loss (.+)'}")],
    ids=["file", "arguments"],
)
def test_a_program_runs_with_its_own_configuration(  # noqa: PLR0917 - fixtures
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, arguments: str, metrics: str
) -> None:
    (tmp_path / "train.py").write_text(script)
    (tmp_path / "base.yaml").write_text("optim: {lr: 1e-5, nesterov: no}\nout: here\nseed: 42\n")
    (tmp_path / "study.yaml").write_text(f"""study: own
metric: {{name: loss, direction: minimize}}
trial:
  program: {{command: ["{{python}}", train.py, {arguments}]{metrics}}}
  config: {{file: base.yaml, set: {{out: "{{run_dir}}", seed: "{{seed}}"}}}}
factors: {{lr: {{path: optim.lr, levels: [1.0e-5, 0.25]}}}}
phases: [{{name: p, design: grid, seeds: 2}}]
""")
    monkeypatch.chdir(tmp_path)
    assert sweeper("plan", "study.yaml").err == ""
    answer = sweeper("launch", "study.yaml", "--slots", "1")
    assert answer.code == 0, answer
    found = json.loads(sweeper("export", "own", "--table", "trials", "--format", "json").out)
    assert sorted(row["loss"] for row in found) == [1e-05, 0.25, 1.00001, 1.25]


def test_metrics_of_a_file_are_read_and_shown(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "train.py", more="\nretry: {crashed: 0}")
    text = (tmp_path / "study.yaml").read_text()
    source = 'metrics: {from: csv, file: "{run_dir}/log/*.csv", loss: val_loss}'
    text = text.replace("metrics: {loss: 'loss (.+)'}", source).replace('"{lr}"]', '"{lr}", "{run_dir}/log"]')
    (tmp_path / "study.yaml").write_text(text)
    (tmp_path / "train.py").write_text(
        "import pathlib, sys\nfolder = pathlib.Path(sys.argv[2])\nfolder.mkdir()\n"
        "(folder / 'a.csv').write_text(f'step,val_loss\\n1,9\\n2,{sys.argv[1]}\\n')\n"
    )
    monkeypatch.chdir(tmp_path)
    assert sweeper("launch", "study.yaml", "--slots", "1").code == 0
    found = json.loads(sweeper("export", "own", "--table", "trials", "--format", "json").out)
    assert sorted(row["loss"] for row in found) == [0.25, 0.5]
    shown = json.loads(sweeper("show", "own", "p/0", "--json").out)
    assert shown["rows_collected"] == {"log/a.csv": 2}
    assert shown["command"][1:] == ["train.py", str(shown["configuration"]["lr"]), f"{shown['run_dir']}/log"], (
        "as it was started"
    )
    assert f"\ncommand: {shlex.join(shown['command'])}\n" in sweeper("show", "own", "p/0").out
