"""Processes of trials: started in groups, ended with all that they started, whoever dies."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.execution.slots.process import TrialProcess, start
from sweeper.execution.slots.processes import is_alive, is_same, kill_trial, started_at

PYTHON = [sys.executable, "-I", "-S", "-c"]
SLEEP = "import time; time.sleep(60)"
PARENT = "import os, time; pid = os.fork(); print(pid if pid else '', flush=True, end=''); time.sleep(60)"

LEAVER = "import os, time\nif os.fork(): os._exit(0)\nprint(os.getpid(), flush=True)\ntime.sleep(60)"


def run(script: str, folder: Path) -> TrialProcess:
    return start([*PYTHON, script], environment={"PATH": os.environ["PATH"]}, cwd=folder, output=folder / "out")


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60.0
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.005)


def gone(pid: int) -> bool:
    return not is_alive(pid, started_at(pid))


def child_of(process: TrialProcess) -> int:
    until(lambda: process.output.exists() and process.output.read_text().strip() != "")
    return int(process.output.read_text())


def test_a_process_has_its_exit_code_and_its_last_words(tmp_path: Path) -> None:
    process = run("import sys; print('hello'); sys.exit(3)", tmp_path)
    assert process.ended(10.0)
    assert process.end() == 3
    assert process.end() == 3
    assert process.tail() == "hello\n"


def test_the_last_words_are_those_of_this_attempt(tmp_path: Path) -> None:
    for word in ("first", "second"):
        process = run(f"print('{word}')", tmp_path)
        assert process.ended(10.0)
        process.end()
    assert process.tail() == "second\n"
    assert process.output.read_text() == "first\nsecond\n"


def test_a_process_that_runs_has_not_ended_yet(tmp_path: Path) -> None:
    process = run(SLEEP, tmp_path)
    assert not process.ended(0.01)
    assert process.measure_memory() > 1_000_000
    assert process.end() == -signal.SIGKILL


def test_children_end_with_a_process_that_is_ended(tmp_path: Path) -> None:
    process = run(PARENT, tmp_path)
    child = child_of(process)
    process.end()
    assert gone(child)


def test_children_end_with_a_process_that_ends_by_itself(tmp_path: Path) -> None:
    process = run(LEAVER, tmp_path)
    child = child_of(process)
    assert process.ended(10.0)
    process.end()
    assert gone(child)


def test_a_trial_takes_interrupts_although_its_slot_ignores_them(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        process = run("import signal; print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)", tmp_path)
    finally:
        signal.signal(signal.SIGINT, before)
    assert process.ended(10.0)
    process.end()
    assert process.tail() == "True\n"


def test_a_program_that_cannot_be_started_raises(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        start(["/no/such/program"], environment={}, cwd=tmp_path, output=tmp_path / "out")


def test_a_trial_dies_with_the_process_that_started_it(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from sweeper.execution.slots.process import start\n"
        f"p = start({[*PYTHON, SLEEP]!r}, environment={{}}, cwd=Path('.'), output=Path({str(tmp_path / 'out')!r}))\n"
        "print(p.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE) as slot:
        assert slot.stdout is not None
        pid = int(slot.stdout.readline())
        assert not gone(pid)
        slot.kill()
    until(lambda: gone(pid))


def test_a_pid_that_came_round_again_is_another_process() -> None:
    pid = os.getpid()
    began = started_at(pid)
    assert is_alive(pid, began)
    assert not is_alive(pid, began - 100.0)
    assert not is_same(pid, began - 100.0)
    assert started_at(2**22 - 1) == 0.0


def test_what_a_dead_leader_left_of_its_group_is_killed(tmp_path: Path) -> None:
    process = run(LEAVER, tmp_path)
    child = child_of(process)
    process.handle.reap()
    kill_trial(process.pid, process.pid_started_at)
    assert gone(child)


def test_another_process_of_the_same_pid_is_left_alone(tmp_path: Path) -> None:
    process = run(SLEEP, tmp_path)
    kill_trial(process.pid, process.pid_started_at - 100.0)
    kill_trial(None, None)
    assert not process.ended(0.05)
    process.end()
