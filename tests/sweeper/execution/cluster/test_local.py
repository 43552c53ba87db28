"""A cluster of the launcher's own, as the command line starts it: killed workers, interrupts, and what is left."""

import os
import signal
from pathlib import Path

import psutil
import pytest

from sweeper.store.reading import reader
from tests.sweeper.execution.cluster.conftest import start, wait_for_steps
from tests.sweeper.execution.slots.studies import attempts_of, check_each_completed_once, trials_of
from tests.sweeper.execution.slots.test_launcher import finish, until

pytestmark = pytest.mark.usefixtures("no_process_left")

SLOW = {"checkpoint": 1, "step_s": 0.05, "value": 0.5}


def running(url: str) -> list[tuple[int, int]]:
    """The processes of each running attempt: its slot's and its trial's."""
    query = "SELECT supervisor_pid, pid FROM sweeper_attempts WHERE ended_at IS NULL AND pid IS NOT NULL"
    with reader.connect(url) as connection:
        return [(int(slot), int(trial)) for slot, trial in connection.rows(query, {})]


def test_a_worker_that_is_killed_loses_no_trial_and_doubles_none(url: str, tmp_path: Path) -> None:
    process = start(tmp_path, url, [SLOW] * 3, steps=20, options=["--slots", "2"])
    wait_for_steps(process, url, 4)
    slot, trial = running(url)[0]
    worker = psutil.Process(slot).parent()
    assert worker is not None
    assert worker.pid != process.pid
    worker.kill()
    until(lambda: not psutil.pid_exists(trial) or psutil.Process(trial).status() == psutil.STATUS_ZOMBIE)
    code, words = finish(process)
    assert code == 0, words
    check_each_completed_once(url, 3, 20)
    assert len(attempts_of(url)) == 4


def test_an_interrupt_writes_checkpoints_and_leaves_no_process(url: str, tmp_path: Path) -> None:
    process = start(tmp_path, url, [SLOW] * 2, steps=1000, options=["--slots", "1"])
    wait_for_steps(process, url, 2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all processes of the run
    code, words = finish(process)
    assert code == 130, words
    assert {trial.state for trial in trials_of(url)} == {"waiting"}
    assert {attempt.exit_reason for attempt in attempts_of(url)} == {"preempted"}
