"""Commands for getting started: init, doctor, completion, data, and the dashboard's errors."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from wsgiref.simple_server import WSGIServer

import pytest
from sqlalchemy import Engine

from sweeper.cli.data import CORPORA
from sweeper.cli.init import study_name_of
from sweeper.cli.main import COMMANDS
from sweeper.doctor.findings import Finding
from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study
from sweeper.subprocesses import module_command
from tests.sweeper.cli.conftest import Answer
from tests.sweeper.store.builders import enrolled, levels, phase

Sweeper = Callable[..., Answer]


def test_init_writes_a_study_that_plan_takes(sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert sweeper("init", "my study.yaml").code == 0
    study = load_study(Path("my study.yaml"))
    assert study.name == "my-study"
    assert len(make_plan(study).trials) == 21
    assert sweeper("plan", "my study.yaml").code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["my study.yaml"]


def test_init_does_not_overwrite_a_file(sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text("mine\n")
    answer = sweeper("init")
    assert (answer.code, answer.out) == (2, "")
    assert answer.err == "study.yaml: already exists, and is not overwritten. Name another file: sweeper init FILE\n"
    assert (tmp_path / "study.yaml").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("file", "name"), [("a/b.yaml", "b"), ("ä ö.yaml", "study"), ("..yaml", "study"), ("lr & wd.yml", "lr-wd")]
)
def test_a_study_is_named_after_its_file(file: str, name: str) -> None:
    assert study_name_of(Path(file)) == name


@pytest.mark.parametrize(("state", "code"), [("note", 0), ("wrong", 1)])
def test_doctor_s_exit_code_says_whether_there_are_problems(
    sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch, state: str, code: int
) -> None:
    finding = Finding("disk", state, "/: 3 MiB free", "Free some")  # type: ignore[arg-type]
    monkeypatch.setattr("sweeper.cli.doctor.examine", lambda store: [finding])
    answer = sweeper("doctor")
    assert answer.code == code
    assert "/: 3 MiB free\n                -> Free some\n" in answer.out
    document = json.loads(sweeper("doctor", "--json").out)
    assert document == {
        "ok": code == 0,
        "findings": [{"subject": "disk", "state": state, "says": "/: 3 MiB free", "remedy": "Free some"}],
    }


def test_doctor_checks_everything_and_writes_nothing(
    sweeper: Sweeper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    document = json.loads(sweeper("doctor", "--json", "--store", "sqlite:///none.db").out)
    subjects = {finding["subject"] for finding in document["findings"]}
    assert subjects == {"versions", "extras", "store", "disk", "gpus", "launches", "data", "clock"}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_are_printed(sweeper: Sweeper, shell: str) -> None:
    answer = sweeper("completion", shell)
    assert answer.code == 0
    assert f"_SWEEPER_COMPLETE={shell}_complete" in answer.out


def completed(words: str, current: int) -> list[str]:
    """Return what the shell offers to complete a line."""
    program = "import sys; sys.argv = ['sweeper']; from sweeper.cli.main import main; main()"
    environment = {"_SWEEPER_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(current)}
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
    )
    return [line.partition(",")[2] for line in answer.stdout.splitlines()]


def test_the_shell_offers_commands_and_options() -> None:
    assert completed("sweeper ", 1) == list(COMMANDS)
    assert completed("sweeper export --ta", 2) == ["--table"]


def test_data_fetch_runs_the_trainer_s_own_program(sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[list[str]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        started.append(command)
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", run)
    assert sweeper("data", "fetch", "ptb", "--folder", "there").code == 1
    assert started == [module_command("trainer.corpora.fetch", "ptb", "--folder", "there")]


def test_the_corpora_are_those_that_the_trainer_fetches() -> None:
    fetch = pytest.importorskip("trainer.corpora.fetch")
    assert set(CORPORA) == set(fetch.CORPORA)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3"])
def test_the_dashboard_needs_a_second_flag_to_let_others_connect(sweeper: Sweeper, host: str) -> None:
    answer = sweeper("dashboard", "--host", host)
    assert (answer.code, answer.out) == (2, "")
    assert "--anyone-may-connect" in answer.err


def test_without_its_extra_optunas_dashboard_is_left_out_with_a_note(
    sweeper: Sweeper, url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(engine, phase("screen", levels(2)))

    def interrupted(server: WSGIServer) -> None:
        raise KeyboardInterrupt

    monkeypatch.setitem(sys.modules, "optuna_dashboard", None)
    monkeypatch.setattr(WSGIServer, "serve_forever", interrupted)
    answer = sweeper("dashboard", "--port", "0", "--store", url)
    assert answer.code == 0
    assert re.search(
        r"http://127\.0\.0\.1:\d+/ shows 1 study; press Ctrl-C to stop\.\ns: http://\S+/study/s\n", answer.out
    )
    assert "/dashboard" not in answer.out
    assert "Optuna's dashboard is left out: " in answer.err
    assert "pip install 'sweeper[dashboard]'" in answer.err
