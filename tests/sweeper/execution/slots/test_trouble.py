"""The machine's trouble is not charged to trials, and the slot leaves the machine alone for a while."""

import errno
import logging
import os
import time
from typing import Any

import pytest

from sweeper.errors import SweeperError
from sweeper.execution.slots import process as plain_process
from sweeper.execution.slots import slot as slot_module
from sweeper.execution.slots import supervisor
from sweeper.execution.slots.slot import SlotLoop
from sweeper.execution.slots.supervisor import Supervisor
from tests.sweeper.execution.slots.studies import attempts_of, enrolled, run_loop, trials_of

pytestmark = pytest.mark.usefixtures("no_process_left")

PASSING = ("EAGAIN", "ENOMEM", "ENOBUFS", "EMFILE", "ENFILE", "ESTALE", "EIO", "ETXTBSY")


def failing(real: Any, name: str, times: int) -> Any:
    """The function, which fails with that error the first times that it is called."""
    left = [times]

    def call(*arguments: Any, **options: Any) -> Any:
        if left[0]:
            left[0] -= 1
            number = getattr(errno, name)
            raise OSError(number, os.strerror(number))
        return real(*arguments, **options)

    return call


@pytest.mark.parametrize("name", PASSING)
def test_a_trial_that_cannot_start_for_the_machine_s_trouble_waits_again(
    url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(slot_module, "FIRST_BACK_OFF_S", 0.01)
    monkeypatch.setattr(plain_process, "start", failing(plain_process.start, name, times=5))
    study = enrolled(url, [{}], retry={"crashed": 0})
    assert run_loop(url, study) == "done"
    assert trials_of(url)[0].state == "completed"
    attempts = attempts_of(url)
    assert [attempt.exit_reason for attempt in attempts] == ["preempted"] * 5 + ["completed"]
    assert os.strerror(getattr(errno, name)) in (attempts[0].message or "")


@pytest.mark.parametrize("name", ["EMFILE", "ESTALE", "EIO"])
def test_a_trial_that_cannot_be_read_waits_again_and_its_slot_goes_on(
    url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(slot_module, "FIRST_BACK_OFF_S", 0.01)
    monkeypatch.setattr(Supervisor, "_next_batch", failing(Supervisor._next_batch, name, times=1))
    study = enrolled(url, [{}, {}])
    assert run_loop(url, study) == "done"
    assert [trial.state for trial in trials_of(url)] == ["completed"] * 2
    first = attempts_of(url)[0]
    assert first.exit_reason == "preempted"
    assert "cannot be supervised" in (first.message or "")
    assert first.device_seconds > 0.0


@pytest.mark.parametrize("name", ["ENOENT", "EACCES", "ENOEXEC"])
def test_a_program_that_cannot_be_run_is_the_study_s_fault(
    url: str, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(plain_process, "start", failing(plain_process.start, name, times=1))
    study = enrolled(url, [{}], retry={"crashed": 0})
    assert run_loop(url, study) == "done"
    assert (trials_of(url)[0].state, attempts_of(url)[0].exit_reason) == ("failed", "crashed")


def test_a_slot_pauses_longer_each_time_and_says_why(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(slot_module, "FIRST_BACK_OFF_S", 0.1)
    monkeypatch.setattr(plain_process, "start", failing(plain_process.start, "EAGAIN", times=3))
    study = enrolled(url, [{}])
    began = time.monotonic()
    with caplog.at_level(logging.WARNING):
        run_loop(url, study)
    assert time.monotonic() - began > 0.1 + 0.2 + 0.4
    assert [record.getMessage().rpartition("; ")[2] for record in caplog.records] == [
        f"tries again in {seconds} s" for seconds in (0.1, 0.2, 0.4)
    ]
    assert os.strerror(errno.EAGAIN) in caplog.text


def test_a_slot_that_pauses_ends_when_it_is_asked_to(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_module, "FIRST_BACK_OFF_S", 60.0)
    monkeypatch.setattr(plain_process, "start", failing(plain_process.start, "EAGAIN", times=1))
    monkeypatch.setattr(
        SlotLoop, "_ask", lambda _: slot_module.Stop(cause="preempted", grace_s=1.0) if started else None
    )
    started: list[bool] = []
    real = SlotLoop._back_off

    def back_off(loop: SlotLoop, trouble: Any) -> None:
        started.append(True)
        real(loop, trouble)

    monkeypatch.setattr(SlotLoop, "_back_off", back_off)
    began = time.monotonic()
    assert run_loop(url, enrolled(url, [{}])) == "stopped"
    assert time.monotonic() - began < 30.0


def test_a_full_disk_is_waited_for_before_the_slot_ends(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(slot_module, "FIRST_BACK_OFF_S", 0.01)
    monkeypatch.setattr(supervisor, "prepare", failing(supervisor.prepare, "ENOSPC", times=3))
    study = enrolled(url, [{}], retry={"crashed": 0})
    assert run_loop(url, study) == "done"  # somebody made room
    assert [attempt.exit_reason for attempt in attempts_of(url)] == ["preempted"] * 3 + ["completed"]
    assert "cannot write to its run directory: " in caplog.text


def test_a_disk_that_stays_full_ends_the_slot_with_the_remedy(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_module, "FIRST_BACK_OFF_S", 0.01)
    monkeypatch.setattr(slot_module, "HELP_S", 0.05)
    monkeypatch.setattr(supervisor, "prepare", failing(supervisor.prepare, "ENOSPC", times=10_000))
    study = enrolled(url, [{}])
    with pytest.raises(SweeperError, match="Free some disk space, then run the same command again"):
        run_loop(url, study)
    assert trials_of(url)[0].state == "waiting"
    assert len(attempts_of(url)) > 1
