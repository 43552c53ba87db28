"""Daemons that a trial starts in a session of their own end with it, and its message says so."""

import os
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sweeper.execution.slots import strays
from sweeper.execution.slots.guard import Guard
from sweeper.execution.slots.strays import MARK, end_marked, end_strays, marked, note
from tests.sweeper.execution.slots.studies import attempts_of, enrolled, launched, run_loop, trials_of
from tests.sweeper.execution.slots.test_process import PYTHON, SLEEP, gone, run, until

pytestmark = pytest.mark.usefixtures("no_process_left")

DAEMON = """
import os, subprocess, sys
p = subprocess.Popen(['sleep', '60'], start_new_session=True, env={environment})
open('{pids}', 'a').write(f'{{p.pid}}\\n')
print('loss 1')
"""


def spawning(pids: Path, environment: str) -> dict[str, Any]:
    script = DAEMON.format(environment=environment, pids=pids)
    return {
        "program": {
            "command": [*PYTHON, script.replace("{", "{{").replace("}", "}}")],
            "metrics": {"loss": r"loss (\S+)"},
        }
    }


def pids_in(path: Path) -> list[int]:
    return [int(line) for line in path.read_text().split()]


@pytest.fixture
def pids(tmp_path: Path) -> Path:
    return tmp_path / "pids"


def test_a_daemon_ends_with_its_trial_whose_message_names_it(url: str, pids: Path) -> None:
    study = enrolled(url, [{}], trial=spawning(pids, "None"))
    assert run_loop(url, study) == "done"
    (attempt,) = attempts_of(url)
    (pid,) = pids_in(pids)
    assert attempt.exit_reason == "completed"
    assert attempt.message == f"ended what the trial had left running: process {pid} (sleep 60)"
    assert gone(pid)


def test_a_daemon_that_cleared_its_environment_ends_with_its_trial(url: str, pids: Path) -> None:
    ended = launched(url, [{}] * 2, slots=1, trial=spawning(pids, "dict(PATH=os.environ['PATH'])"))
    assert ended is not None
    assert [trial.state for trial in trials_of(url)] == ["completed", "completed"]
    left = pids_in(pids)
    assert len(left) == 2
    assert all(gone(pid) for pid in left)
    assert [
        f"process {pid} " in (attempt.message or "") for pid, attempt in zip(left, attempts_of(url), strict=True)
    ] == [True, True]


def daemon(mark: str) -> "subprocess.Popen[bytes]":
    environment: Mapping[str, str] = {MARK: mark, "PATH": os.environ["PATH"], **_test_mark()}
    return subprocess.Popen([*PYTHON, SLEEP], env=environment, start_new_session=True)


def _test_mark() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name.startswith("SWEEPER_TEST")}


def test_a_daemon_ends_when_its_slot_is_killed(tmp_path: Path) -> None:
    with daemon("/runs/1#7") as left:
        until(lambda: marked("/runs/1#7") == {left.pid})
        process, guard = run(SLEEP, tmp_path), Guard()
        guard.watch(process.pid, 60.0, mark="/runs/1#7")
        guard.close()  # what the kernel does for a dead slot
        assert left.wait(10.0) == -signal.SIGKILL
        process.end()


def test_only_processes_of_the_attempt_end_or_those_of_all_attempts_of_a_trial() -> None:
    marks = ("/runs/1#7", "/runs/1#77", "/runs/11#7")
    daemons = [daemon(mark) for mark in marks]
    until(lambda: all(marked(mark) for mark in marks))
    assert len(end_marked("/runs/1#7")) == 1
    assert daemons[0].wait(10.0) == -signal.SIGKILL
    assert daemons[1].poll() is None
    assert len(end_marked("/runs/1#")) == 1
    assert daemons[1].wait(10.0) == -signal.SIGKILL
    assert daemons[2].poll() is None
    assert len(end_strays("/runs/11#7", os.getpid(), set(), strays.FEW_S + 1)) == 1
    assert daemons[2].wait(10.0) == -signal.SIGKILL


def test_an_attempt_ends_what_an_earlier_one_left_whose_slot_and_guard_were_killed(url: str, tmp_path: Path) -> None:
    script = (
        "import os, subprocess\n"
        f"path = {str(tmp_path / 'pid')!r}\n"
        "if os.path.exists(path): print('loss 1'); raise SystemExit\n"
        "p = subprocess.Popen(['sleep', '60'], start_new_session=True); open(path, 'w').write(str(p.pid)); os._exit(1)"
    )
    program = {"command": [*PYTHON, script], "metrics": {"loss": r"loss (\S+)"}}
    study = enrolled(url, [{}], trial={"program": program})
    with pytest.MonkeyPatch.context() as patched:  # nobody looks at the end of the first attempt
        patched.setattr("sweeper.execution.slots.process.end_strays", lambda *_: [])
        patched.setattr("sweeper.store.queue.finishing.BACK_OFF_S", 0.0)
        assert run_loop(url, study) == "done"
    assert [attempt.exit_reason for attempt in attempts_of(url)] == ["crashed", "completed"]
    assert gone(int((tmp_path / "pid").read_text()))


def test_the_note_names_a_few() -> None:
    assert note([]) == []
    assert note(["process 1 (a)", "process 2 (b)"]) == [
        "ended what the trial had left running: process 1 (a), process 2 (b)"
    ]
    assert note(["a", "b", "c", "d"])[0].endswith("a, b, c and 1 more")


def test_processes_are_found_although_ids_have_come_round(monkeypatch: pytest.MonkeyPatch) -> None:
    with daemon("/runs/2#1") as left:
        until(lambda: marked("/runs/2#1") == {left.pid})
        assert marked("/runs/2#1", newer_than=left.pid - 1) == {left.pid}
        assert marked("/runs/2#1", newer_than=2**22) == {left.pid}
        left.kill()
