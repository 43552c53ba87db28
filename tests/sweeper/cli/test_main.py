"""How errors reach the user: a message and an exit code, whatever went wrong."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sweeper.cli import schema as schema_module
from sweeper.store.queue import queue
from tests.sweeper.cli.conftest import Answer
from tests.sweeper.store.builders import RETRY, SLOT, completed, enrolled, levels, phase

Sweeper = Callable[..., Answer]


def raising(error: BaseException) -> Callable[..., object]:
    def fail(*arguments: object, **options: object) -> object:
        raise error

    return fail


def test_an_internal_error_is_reported_as_a_bug_without_its_traceback(
    sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema_module.schema, "callback", raising(RuntimeError("no such luck")))
    answer = sweeper("schema")
    assert (answer.code, answer.out) == (1, "")
    assert answer.err == (
        "sweeper: internal error: RuntimeError: no such luck\n"
        "This is a bug in sweeper, not an error of yours. `sweeper --debug …` shows where it happened.\n"
    )


def test_debug_shows_the_traceback(monkeypatch: pytest.MonkeyPatch, sweeper: Sweeper) -> None:
    monkeypatch.setattr(schema_module.schema, "callback", raising(RuntimeError("no such luck")))
    answer = sweeper("--debug", "schema")
    assert answer.code == 1
    assert "Traceback" in answer.err
    assert "RuntimeError: no such luck" in answer.err


def test_debug_keeps_the_exit_code(tmp_path: Path, sweeper: Sweeper) -> None:
    answer = sweeper("--debug", "plan", str(tmp_path / "none.yaml"))
    assert answer.code == 2
    assert "Traceback" in answer.err


def test_an_interrupt_is_not_an_error(sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schema_module.schema, "callback", raising(KeyboardInterrupt()))
    assert sweeper("schema") == Answer(130, "", "\n")  # ends the terminal's line with Ctrl-C in it


def test_a_closed_pipe_is_not_an_error() -> None:
    command = [sys.executable, "-m", "sweeper", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")


def test_status_of_an_empty_store_says_what_to_do(sweeper: Sweeper, url: str) -> None:
    answer = sweeper("status", "--store", url)
    assert answer == Answer(0, "The store holds no studies yet. Run `sweeper launch STUDY.yaml`.\n", "")


def test_status_watch_ends_when_the_study_has_ended(sweeper: Sweeper, engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(1))).study_id
    lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=0.0)
    assert lease is not None
    queue.finish(engine, lease, completed(2.5), retry=RETRY, now=4.0)
    answer = sweeper("status", "s", "--watch", "--store", url)
    assert (answer.code, answer.out) == (0, "")
    assert "s: 1/1 trials ended" in answer.err


def test_an_export_to_a_directory_that_cannot_be_written_is_refused(
    sweeper: Sweeper, engine: Engine, url: str, tmp_path: Path
) -> None:
    enrolled(engine, phase("screen", levels(1)))
    (tmp_path / "file").write_text("")
    answer = sweeper("export", "s", "--table", "trials", "--out", str(tmp_path / "file" / "t.csv"), "--store", url)
    assert answer.code == 2
    assert "t.csv" in answer.err
    assert "Traceback" not in answer.err
