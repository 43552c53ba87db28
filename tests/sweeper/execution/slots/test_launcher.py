"""Launches end to end: slots in processes of their own, interrupted, killed and launched again."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
from joblib.externals.loky.backend.queues import Queue
from sqlalchemy import Engine

from sweeper.execution.slots import running
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from tests.sweeper.execution.slots.studies import attempts_of, check_each_completed_once, launched, trials_of

pytestmark = pytest.mark.usefixtures("no_process_left")

Popen = subprocess.Popen[bytes]
SLOW = {"checkpoint": 1, "step_s": 0.05, "value": 0.5}


def start(url: str, configs: Sequence[Mapping[str, Any]], *, steps: int, slots: int, lease_s: float = 60.0) -> Popen:
    """A launch in a session of its own."""
    words = [url, json.dumps(list(configs)), str(steps), str(slots), str(lease_s)]
    command = [sys.executable, "-m", "tests.sweeper.execution.slots.launch_script", *words]
    return subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)


def until(condition: Callable[[], bool], timeout_s: float = 120.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.05)


def steps_reported(url: str) -> int:
    try:
        with reader.connect(url) as connection:
            return len(reader.measurements(connection, 1).rows)
    except Exception:
        return 0


def processes_of_attempts(url: str) -> list[tuple[int, int]]:
    """The slot and the process of each trial that runs, the youngest first."""
    with reader.connect(url) as connection:
        return [
            (int(supervisor), int(pid))
            for supervisor, pid in connection.rows(
                "SELECT supervisor_pid, pid FROM sweeper_attempts"
                " WHERE ended_at IS NULL AND pid IS NOT NULL ORDER BY id DESC",
                {},
            )
        ]


def finish(process: Popen, timeout_s: float = 120.0) -> tuple[int, str]:
    _, words = process.communicate(timeout=timeout_s)
    return process.returncode, words.decode()


def test_slots_share_the_trials_and_the_result_is_told(url: str) -> None:
    result = launched(url, [{"value": 0.5}] * 6, slots=2)
    assert (result.exit_code, result.completed, result.failed, result.left) == (0, 6, 0, 0)
    check_each_completed_once(url, 6, 3)
    assert result.device_hours == pytest.approx(sum(a.device_seconds for a in attempts_of(url)) / 3600)


def test_a_launch_waits_for_all_threads_of_its_pool(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = Queue._feed

    def feed_and_linger(*arguments: Any) -> None:
        feed(*arguments)
        time.sleep(1.5)  # longer than what a launch does at its end

    monkeypatch.setattr(Queue, "_feed", staticmethod(feed_and_linger))
    before = threading.enumerate()
    launched(url, [{"value": 0.5}], slots=1)
    assert [thread.name for thread in threading.enumerate() if thread not in before] == []


def test_one_slot_runs_in_a_process_of_its_own_and_launching_what_is_done_starts_nothing(url: str) -> None:
    assert launched(url, [{"value": 0.5}], slots=1).exit_code == 0
    with reader.connect(url) as connection:
        (pid,) = connection.rows("SELECT supervisor_pid FROM sweeper_attempts", {})[0]
    assert pid != os.getpid()
    assert launched(url, [{"value": 0.5}], slots=1).exit_code == 0
    with reader.connect(url) as connection:
        assert len(reader.runners(connection, 1)) == 1


def test_a_trial_that_failed_for_good_is_told_by_exit_code_1(url: str) -> None:
    result = launched(url, [{"value": 0.5}, {"crash_at": 1}], slots=1, retry={"crashed": 0})
    assert (result.exit_code, result.completed, result.failed) == (1, 1, 1)


def test_an_interrupt_lets_trials_write_checkpoints_and_the_same_call_goes_on(url: str) -> None:
    configs = [SLOW] * 3
    process = start(url, configs, steps=15, slots=2)
    until(lambda: steps_reported(url) > 4)
    process.send_signal(signal.SIGINT)
    assert finish(process) == (130, "")
    states = {trial.state for trial in trials_of(url)}
    assert "running" not in states
    assert {attempt.exit_reason for attempt in attempts_of(url)} <= {"preempted", "completed"}
    assert finish(start(url, configs, steps=15, slots=2))[0] == 0
    check_each_completed_once(url, 3, 15)


def test_a_terminals_interrupt_reaches_all_processes_and_does_no_harm(url: str) -> None:
    process = start(url, [SLOW] * 2, steps=300, slots=2)
    until(lambda: steps_reported(url) > 2 and all(trial.step for trial in trials_of(url)))  # each handles signals
    os.killpg(process.pid, signal.SIGINT)
    assert finish(process) == (130, "")
    assert {attempt.exit_reason for attempt in attempts_of(url)} == {"preempted"}


def test_a_second_interrupt_does_not_wait_for_checkpoints(url: str) -> None:
    process = start(url, [{**SLOW, "ignore_sigterm": True, "hang_at": 3}], steps=15, slots=1)
    until(lambda: steps_reported(url) > 1)
    process.send_signal(signal.SIGINT)
    until(lambda: bool(reader_stop_requested(url)))
    process.send_signal(signal.SIGINT)
    assert finish(process)[0] == 130
    assert trials_of(url)[0].state == "waiting"


def reader_stop_requested(url: str) -> bool:
    with reader.connect(url) as connection:
        return reader.runners(connection, 1)[-1].stop_requested


@pytest.mark.parametrize("victim", ["launcher", "slot", "trial"])
def test_whoever_is_killed_the_same_call_ends_with_every_trial_once(url: str, victim: str) -> None:
    configs = [{**SLOW, "children": 1}] * 3
    process = start(url, configs, steps=10, slots=2)
    until(lambda: steps_reported(url) > 4 and bool(processes_of_attempts(url)))
    supervisor, trial = processes_of_attempts(url)[0]
    os.kill({"launcher": process.pid, "slot": supervisor, "trial": trial}[victim], signal.SIGKILL)
    code, words = finish(process)
    if victim == "launcher":
        assert code == -signal.SIGKILL
        code, words = finish(start(url, configs, steps=10, slots=2))
    assert code == 0, words
    check_each_completed_once(url, 3, 10)
    assert len(attempts_of(url)) > 3


def test_nothing_is_left_of_a_run_whose_launcher_was_killed(url: str) -> None:
    process = start(url, [{**SLOW, "ignore_sigterm": True, "hang_at": 3, "children": 2}] * 2, steps=10, slots=2)
    until(lambda: steps_reported(url) >= 4)
    family = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    finish(process)
    _, alive = psutil.wait_procs(family, timeout=60.0)
    assert alive == []


def test_two_launchers_share_a_study(url: str) -> None:
    configs = [{**SLOW, "step_s": 0.01}] * 12
    both = [start(url, configs, steps=3, slots=1) for _ in range(2)]
    assert [finish(process) for process in both] == [(0, "")] * 2
    check_each_completed_once(url, 12, 3)
    assert len(attempts_of(url)) == 12


def test_a_slot_that_stands_still_loses_its_trial_and_its_process(url: str) -> None:
    process = start(url, [{**SLOW, "children": 1}] * 2, steps=30, slots=2, lease_s=1.5)
    until(lambda: steps_reported(url) > 4 and bool(processes_of_attempts(url)))
    supervisor, trial = processes_of_attempts(url)[0]
    os.kill(supervisor, signal.SIGSTOP)
    try:
        until(lambda: not psutil.pid_exists(trial) or psutil.Process(trial).status() == psutil.STATUS_ZOMBIE)
        until(lambda: len(attempts_of(url)) >= 3)
    finally:
        with suppress(ProcessLookupError):  # its guard kills it 10 s after its trial
            os.kill(supervisor, signal.SIGCONT)
    assert finish(process)[0] == 0
    check_each_completed_once(url, 2, 30)


def test_a_store_deleted_under_a_launch_is_told_in_one_line(url: str, tmp_path: Path) -> None:
    process = start(url, [SLOW], steps=1000, slots=1)
    until(lambda: steps_reported(url) > 1)
    (tmp_path / "store.db").unlink()
    code, words = finish(process)
    assert code == 1
    assert words.splitlines()[-1].startswith("sweeper.errors.StoreError: store sqlite:///")
    assert "the file was deleted during the run" in words


def test_cancelling_from_elsewhere_stops_the_launch(url: str, engine: Engine) -> None:
    process = start(url, [SLOW] * 3, steps=1000, slots=1)
    until(lambda: steps_reported(url) > 1)
    assert queue.cancel(engine, 1, time.time()) == 2
    assert finish(process)[0] == 1
    assert [(trial.state, trial.exit_reason) for trial in trials_of(url)] == [("failed", "cancelled")] * 3


def test_trials_that_are_put_back_when_the_last_slot_has_just_ended_run_too(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, rounds = running._run_slots, []

    def then_retry(*words: Any, **options: Any) -> str:
        rounds.append(run(*words, **options))
        if len(rounds) == 1:
            assert queue.retry_failed(engine, 1) == 1
        return rounds[-1]

    monkeypatch.setattr(running, "_run_slots", then_retry)
    result = launched(url, [{"value": 0.5}, {"value": 0.5, "fail_attempts": 1}], slots=1, retry={"crashed": 0})
    assert (result.exit_code, result.completed, result.left) == (0, 2, 0)
    assert rounds == ["done", "done"]


def test_a_launch_that_was_cancelled_does_not_call_trials_done_that_were_put_back(url: str, engine: Engine) -> None:
    process = start(url, [SLOW] * 3, steps=300, slots=2)
    until(lambda: steps_reported(url) > 2 and [trial.state for trial in trials_of(url)].count("running") == 2)
    queue.cancel(engine, 1)
    assert queue.retry_failed(engine, 1) == 1  # the running ones follow, as preempted
    assert finish(process)[0] == 130
    assert {trial.state for trial in trials_of(url)} == {"waiting"}


def test_slots_that_fail_tell_why(url: str) -> None:
    trial = {"program": {"command": ["no-such-program"]}}
    result = launched(url, [{"value": 0.5}], slots=1, retry={"crashed": 0}, trial=trial)
    assert result.exit_code == 1
    (attempt,) = attempts_of(url)
    assert attempt.message is not None
    assert "cannot start" in attempt.message


def test_the_budget_stops_a_run_with_checkpoints_and_a_larger_one_goes_on(url: str) -> None:
    configs = [{**SLOW, "step_s": 0.1}] * 2
    cap_s = 2.0
    result = launched(url, configs, steps=30, slots=2, budget={"device_hours": cap_s / 3600})
    assert (result.exit_code, result.left) == (3, 2)
    assert {attempt.exit_reason for attempt in attempts_of(url)} == {"budget_exhausted"}
    spent = sum(attempt.device_seconds for attempt in attempts_of(url))
    assert cap_s / 2 < spent < 2.5 * cap_s  # both in full would take three caps; a busy machine stops them late
    assert launched(url, configs, steps=30, slots=2, budget={"device_hours": cap_s / 3600}).exit_code == 3
    assert launched(url, configs, steps=30, slots=2, budget={"device_hours": 1.0}).exit_code == 0
    check_each_completed_once(url, 2, 30)
