"""What an attempt is charged whose slot cannot say when its process ended."""

import json
import os
import time
from pathlib import Path

import pytest

from sweeper.execution.slots.guard import ENDED_FILE
from sweeper.execution.slots.guard_process import ALIVE_FILE, boot_id, since_boot
from sweeper.execution.slots.last_seconds import device_seconds_of, end_of, when_ended
from sweeper.execution.slots.metrics import OUTPUT_FILE
from sweeper.store.records import RunningAttempt

PID = 4194303
LONG_AGO_S = 20.0


def attempt(run_dir: Path) -> RunningAttempt:
    return RunningAttempt(
        attempt_id=1,
        trial_id=1,
        phase="p",
        number=0,
        slot="cpu-0",
        supervisor_pid=1,
        supervisor_started_at=1.0,
        pid=PID,
        pid_started_at=since_boot() - LONG_AGO_S,
        run_dir=run_dir,
        device_share=1.0,
    )


def note(path: Path, **times: float) -> None:
    path.write_text(json.dumps({"boot_id": boot_id(), "group": PID, **times}))


def test_a_trial_ended_when_its_guard_says(tmp_path: Path) -> None:
    found = attempt(tmp_path)
    assert found.pid_started_at is not None
    note(tmp_path / ENDED_FILE, seconds=found.pid_started_at + 4.7)
    assert device_seconds_of(found) == pytest.approx(4.7)


@pytest.mark.parametrize(
    ("line_s", "alive_s", "seconds"), [(None, None, 1.0), (3.0, None, 3.0), (None, 2.0, 2.0), (9.0, 2.0, 4.7)]
)
def test_a_trial_that_ended_while_its_guard_was_stopped_is_charged_until_its_last_sign_of_life(
    tmp_path: Path, line_s: float | None, alive_s: float | None, seconds: float
) -> None:
    found = attempt(tmp_path)
    began = found.pid_started_at
    assert began is not None
    note(tmp_path / ENDED_FILE, after=began + 1.0, seconds=began + 4.7)
    if line_s is not None:
        (tmp_path / OUTPUT_FILE).write_text("loss 1")
        written_at = time.time() - LONG_AGO_S + line_s
        os.utime(tmp_path / OUTPUT_FILE, (written_at, written_at))
    if alive_s is not None:
        note(tmp_path / ALIVE_FILE, seconds=began + alive_s)
    assert device_seconds_of(found) == pytest.approx(seconds, abs=0.9)
    assert end_of(found) == pytest.approx(began + seconds, abs=0.9)
    assert when_ended(tmp_path, PID) == began + 4.7  # at the latest
