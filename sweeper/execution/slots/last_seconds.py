"""The seconds of a trial between the last heartbeat of its slot and its end, from what the slot's guard wrote.

The store knows no more than the last heartbeat, which may be most of a lease ago: the trial of a stopped slot runs on
until its guard ends it.
"""

import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from sweeper.execution.slots.guard import ENDED_FILE
from sweeper.execution.slots.guard_process import BOOT_FILE
from sweeper.execution.slots.processes import FIRST_EPOCH_S
from sweeper.execution.slots.regular_files import read_json
from sweeper.store.records import RunningAttempt

WAIT_S: Final = 0.5  # for the guard of a slot that has just been killed
LOOK_S: Final = 0.02


def device_seconds_of(attempt: RunningAttempt) -> float | None:
    """Return the device-seconds of an attempt's process, which has ended; None if its guard did not write its end."""
    started_at = attempt.pid_started_at
    if attempt.pid is None or started_at is None or started_at > FIRST_EPOCH_S:
        return None
    until = time.monotonic() + WAIT_S
    while (ended_at := when_ended(attempt.run_dir, attempt.pid)) is None and time.monotonic() < until:
        time.sleep(LOOK_S)
    return None if ended_at is None else max(0.0, ended_at - started_at) * attempt.device_share


def when_ended(run_dir: Path, pid: int) -> float | None:
    """Return when a process ended, in seconds since boot, if a guard has written that in its run directory."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        note = read_json(run_dir / ENDED_FILE)
        if note["group"] == pid and note["boot_id"] == Path(BOOT_FILE).read_text(encoding="ascii").strip():
            return float(note["seconds"])
    return None
