"""The machine's trouble is not charged to trials, and the slot leaves the machine alone for a while."""

import errno
import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine

from sweeper.errors import SweeperError
from sweeper.execution.slots import process as plain_process
from sweeper.execution.slots import recording, supervisor
from sweeper.execution.slots import slot as slot_module
from sweeper.execution.slots.recording import Recording
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.run_root import settle_root
from sweeper.execution.slots.slot import SlotLoop
from sweeper.spec.program import Program
from sweeper.store.records import Lease
from tests.sweeper.execution.slots.studies import attempts_of, enrolled, run_loop, runs_of, trials_of

pytestmark = pytest.mark.usefixtures("no_process_left")

PASSING = ("EAGAIN", "ENOMEM", "ENOBUFS", "EMFILE", "ENFILE", "ESTALE", "EIO", "ETXTBSY")


def failing(real: Any, name: str, times: int, path: Path | None = None) -> Any:
    """The function, which fails with that error, at a path, the first times that it is called."""
    left = [times]

    def call(*arguments: Any, **options: Any) -> Any:
        if left[0]:
            left[0] -= 1
            number = getattr(errno, name)
            raise OSError(number, os.strerror(number), *(() if path is None else (str(path),)))
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
    monkeypatch.setattr(Recording, "_next_batch", failing(Recording._next_batch, name, times=1))
    study = enrolled(url, [{}, {}])
    assert run_loop(url, study) == "done"
    assert [trial.state for trial in trials_of(url)] == ["completed"] * 2
    first = attempts_of(url)[0]
    assert first.exit_reason == "preempted"
    assert "cannot be supervised" in (first.message or "")
    assert first.device_seconds > 0.0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots and trials that wait for next to nothing."""
    monkeypatch.setattr(slot_module, "FIRST_BACK_OFF_S", 0.01)
    monkeypatch.setattr(supervisor, "MISPLACED_S", 0.01)


def directory_of(url: str, number: int) -> Path:
    """The run directory of a trial of `enrolled`."""
    return runs_of(url) / "s" / "screen" / f"{number:05d}"


DENIALS = {
    "EACCES": f"Make it writable for the user with the id {os.geteuid()}",
    "EPERM": f"Make it writable for the user with the id {os.geteuid()}",
    "EROFS": "Mount that disk writable",
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("place", ["prepare", "catch_up", "start", "reading"])
@pytest.mark.parametrize("name", DENIALS)
def test_a_run_directory_that_a_slot_may_not_write_to_is_not_charged_to_the_trial(
    url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str, place: str
) -> None:
    path = directory_of(url, 0) / "output.log"
    owner, function = {
        "prepare": (supervisor, "prepare"),
        "catch_up": (recording, "catch_up"),
        "start": (plain_process, "start"),
        "reading": (Recording, "_next_batch"),
    }[place]
    monkeypatch.setattr(owner, function, failing(getattr(owner, function), name, 2, path))
    study = enrolled(url, [{}], retry={"crashed": 0})
    assert run_loop(url, study) == "done"  # somebody has mended it
    attempts = attempts_of(url)
    assert [attempt.exit_reason for attempt in attempts] == ["preempted"] * 2 + ["completed"]
    words = f"{path}: {os.strerror(getattr(errno, name))}"
    assert words in (attempts[0].message or "")
    assert f"{words}. {DENIALS[name]}; tries again in 0.01 s" in caplog.text


@pytest.mark.usefixtures("impatient")
def test_a_run_directory_that_stays_unusable_ends_the_slot_with_place_and_remedy(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slot_module, "HELP_S", 0.2)
    study = enrolled(url, [{}], retry={"crashed": 0})
    path = settle_root(engine, study).path / "screen"
    path.write_text("a file, where a directory should be")
    with pytest.raises(SweeperError, match=rf"{path}.*: .*\. Check that directory, then run the same command again"):
        run_loop(url, study)
    assert (trials_of(url)[0].state, attempts_of(url)[-1].exit_reason) == ("waiting", "preempted")
    path.unlink()
    assert run_loop(url, study) == "done"
    assert trials_of(url)[0].state == "completed"


def test_other_trials_run_while_the_directory_of_one_is_unusable(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slot_module, "FIRST_BACK_OFF_S", 0.01)
    monkeypatch.setattr(supervisor, "MISPLACED_S", 25.0)
    study = enrolled(url, [{}, {}, {}], retry={"crashed": 0})
    real = supervisor.prepare

    def prepare(program: Program, lease: Lease, slot: Slot) -> None:
        if lease.number == 0:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(lease.run_dir / "config.json"))
        real(program, lease, slot)

    monkeypatch.setattr(supervisor, "prepare", prepare)
    monkeypatch.setattr(SlotLoop, "_is_done", lambda _: True)  # but for the one that waits
    assert run_loop(url, study) == "done"
    assert [trial.state for trial in trials_of(url)] == ["waiting", "completed", "completed"]


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
