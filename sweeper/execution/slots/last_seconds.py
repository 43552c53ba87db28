"""The seconds of a trial between the last heartbeat of its slot and its end, from what was left in its run directory.

The store knows no more than the last heartbeat, which may be most of a lease ago: the trial of a stopped slot runs on
until its guard ends it, and writes when that was. Where the guard died, too, or was stopped while the trial ended, the
last sign of the trial is its last line, or what its guard wrote each second. Lines have the time of the wall clock,
which may have been set since then: they are compared with the identity file, which was written just before the process
began, and says when since boot.
"""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweeper.execution.slots.guard import ENDED_FILE
from sweeper.execution.slots.guard_process import ALIVE_FILE, BOOT_FILE, since_boot
from sweeper.execution.slots.identity import IDENTITY_FILE, WRITTEN
from sweeper.execution.slots.metrics import METRICS_FILE, OUTPUT_FILE
from sweeper.execution.slots.processes import FIRST_EPOCH_S
from sweeper.execution.slots.regular_files import read_json
from sweeper.store.records import PastAttempt, RunningAttempt

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
        ended_at = max(_signs(attempt), default=None)
    return None if started_at is None or ended_at is None else max(0.0, ended_at - started_at) * attempt.device_share


def _noted_end(attempt: RunningAttempt) -> float | None:
    """Return when its process ended, if its guard writes that soon."""
    if attempt.pid is None:
        return None
    until = time.monotonic() + WAIT_S
    while (ended_at := end_of(attempt)) is None and time.monotonic() < until:
        time.sleep(LOOK_S)
    return ended_at


def end_of(attempt: RunningAttempt | PastAttempt) -> float | None:
    """Return when the process of an attempt ended, in seconds since boot, if a guard has noted it.

    Of an end at which its guard was stopped, it is the last sign of the process.
    """
    found = None if attempt.pid is None else _noted(attempt.run_dir / ENDED_FILE, attempt.pid)
    if found is None or found.after is None:
        return None if found is None else found.at
    return min(found.at, max([found.after, *_signs(attempt)]))


def _signs(attempt: RunningAttempt | PastAttempt) -> Iterator[float]:
    """Yield when its process is known to have been alive, in seconds since boot."""
    yield from _last_lines(attempt)
    last_life = _last_life(attempt)
    if last_life is not None:
        yield last_life


def _last_lines(attempt: RunningAttempt | PastAttempt) -> Iterator[float]:
    """Yield when the files of lines were written, in seconds since boot."""
    begun_at = _identified_at(attempt)
    for name in (OUTPUT_FILE, METRICS_FILE):
        with suppress(OSError):
            written_at = (attempt.run_dir / name).stat().st_mtime
            if begun_at is None:
                yield since_boot() - max(0.0, time.time() - written_at)
            else:
                yield begun_at + written_at - (attempt.run_dir / IDENTITY_FILE).stat().st_mtime


def _identified_at(attempt: RunningAttempt | PastAttempt) -> float | None:
    """Return when the identity file was written, in seconds since boot; None if it is not this attempt's."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        identity = read_json(attempt.run_dir / IDENTITY_FILE)
        if identity["attempt"] == attempt.attempt_id:
            return float(identity[WRITTEN])
    return None


def _last_life(attempt: RunningAttempt | PastAttempt) -> float | None:
    """Return when its guard last wrote that its process was alive."""
    group = attempt.pid
    if group is None and _identified_at(attempt) is None:
        return None
    found = _noted(attempt.run_dir / ALIVE_FILE, group)
    return None if found is None else found.at


def when_ended(run_dir: Path, pid: int) -> float | None:
    """Return when a process ended at the latest, in seconds since boot, if a guard has noted it."""
    found = _noted(run_dir / ENDED_FILE, pid)
    return None if found is None else found.at


@dataclass(frozen=True, slots=True)
class _Note:
    """A time since boot that a guard has written; `after` if the process may have ended at any time since then."""

    at: float
    after: float | None


def _noted(path: Path, group: int | None) -> _Note | None:
    """Return what a guard has noted of a process, or of any; None if it has noted nothing."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        note = read_json(path)
        is_ours = group is None or note["group"] == group
        if is_ours and note["boot_id"] == Path(BOOT_FILE).read_text(encoding="ascii").strip():
            after = note.get("after")
            return _Note(float(note["seconds"]), None if after is None else float(after))
    return None
