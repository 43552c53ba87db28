"""The seconds of a trial between the last heartbeat of its slot and its end, from what was left in its run directory.

The store knows no more than the last heartbeat, which may be most of a lease ago: the trial of a stopped slot runs on
until its guard ends it, and writes when that was. Where the guard died, too, the last sign of the trial is its last
line, or what its guard wrote each second. Lines have the time of the wall clock, which may have been set since then:
they are compared with the identity file, which was written just before the process began, and says when since boot.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from sweeper.execution.slots.guard import ENDED_FILE
from sweeper.execution.slots.guard_process import ALIVE_FILE, BOOT_FILE, since_boot
from sweeper.execution.slots.identity import IDENTITY_FILE, WRITTEN
from sweeper.execution.slots.metrics import METRICS_FILE, OUTPUT_FILE
from sweeper.execution.slots.processes import FIRST_EPOCH_S
from sweeper.execution.slots.regular_files import read_json
from sweeper.store.records import RunningAttempt

WAIT_S: Final = 0.5  # for the guard of a slot that has just been killed
LOOK_S: Final = 0.02


def device_seconds_of(attempt: RunningAttempt) -> float | None:
    """Return the device-seconds of an attempt's process, which has ended; None if nothing in its directory tells.

    To be called before its files are changed.
    """
    started_at = attempt.pid_started_at
    if started_at is None:  # the slot died before it could record the process
        started_at = _identified_at(attempt)
    elif started_at > FIRST_EPOCH_S:
        return None  # of a system that does not count from its boot
    ended_at = _noted_end(attempt)
    if ended_at is None:
        signs = (*_last_lines(attempt), _last_life(attempt))
        ended_at = max((each for each in signs if each is not None), default=None)
    return None if started_at is None or ended_at is None else max(0.0, ended_at - started_at) * attempt.device_share


def _noted_end(attempt: RunningAttempt) -> float | None:
    """Return when its process ended, if its guard writes that soon."""
    if attempt.pid is None:
        return None
    until = time.monotonic() + WAIT_S
    while (ended_at := when_ended(attempt.run_dir, attempt.pid)) is None and time.monotonic() < until:
        time.sleep(LOOK_S)
    return ended_at


def _last_lines(attempt: RunningAttempt) -> Iterator[float]:
    """Yield when the files of lines were written, in seconds since boot."""
    begun_at = _identified_at(attempt)
    for name in (OUTPUT_FILE, METRICS_FILE):
        with suppress(OSError):
            written_at = (attempt.run_dir / name).stat().st_mtime
            if begun_at is None:
                yield since_boot() - max(0.0, time.time() - written_at)
            else:
                yield begun_at + written_at - (attempt.run_dir / IDENTITY_FILE).stat().st_mtime


def _identified_at(attempt: RunningAttempt) -> float | None:
    """Return when the identity file was written, in seconds since boot; None if it is not this attempt's."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        identity = read_json(attempt.run_dir / IDENTITY_FILE)
        if identity["attempt"] == attempt.attempt_id:
            return float(identity[WRITTEN])
    return None


def _last_life(attempt: RunningAttempt) -> float | None:
    """Return when its guard last wrote that its process was alive."""
    group = attempt.pid
    if group is None and _identified_at(attempt) is None:
        return None
    return _noted(attempt.run_dir / ALIVE_FILE, group)


def when_ended(run_dir: Path, pid: int) -> float | None:
    """Return when a process ended, in seconds since boot, if a guard has written that in its run directory."""
    return _noted(run_dir / ENDED_FILE, pid)


def _noted(path: Path, group: int | None) -> float | None:
    """Return the time since boot that a guard has noted of a process, or of any; None if it has noted none."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        note = read_json(path)
        is_ours = group is None or note["group"] == group
        if is_ours and note["boot_id"] == Path(BOOT_FILE).read_text(encoding="ascii").strip():
            return float(note["seconds"])
    return None
