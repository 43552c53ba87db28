"""Earlier attempts of a trial that may still be alive: which they are, and the end of those on this machine."""

import os
import signal
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from sqlalchemy import Engine

from sweeper.execution.slots.directory_lock import Holder, holding_processes
from sweeper.execution.slots.guard_process import since_boot
from sweeper.execution.slots.last_seconds import end_of
from sweeper.execution.slots.machine import this_machine
from sweeper.execution.slots.processes import FIRST_EPOCH_S, is_alive, kill_trial
from sweeper.execution.slots.programs import mark_of
from sweeper.execution.slots.strays import end_marked
from sweeper.store.queue.attempts import correct
from sweeper.store.records import Lease, PastAttempt


def unsettled(lease: Lease, run_dir: Path) -> list[PastAttempt]:
    """Return the earlier attempts whose slot was lost and that may still write to a directory, newest first.

    Where a later attempt has had a process, that of earlier ones was settled.
    """
    found = []
    for each in lease.past:
        if each.run_dir == run_dir:
            if each.is_lost:
                found.append(each)
            if each.pid is not None:
                break
    return found


def end_superseded(engine: Engine, lease: Lease, run_dir: Path, holder: Holder | None = None) -> None:
    """Kill what earlier attempts have left on this machine, and charge the study for the time that they took.

    Args:
        holder: who has the lock of their directory, if somebody has; a slot that lives is left to its guard.
    """
    for each in unsettled(lease, run_dir):
        if each.machine == this_machine():
            _end(engine, each)
    end_marked(mark_of(replace(lease, run_dir=run_dir), any_attempt=True))
    if holder is not None:
        for pid in set(holding_processes(run_dir)) - {holder.pid}:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def _end(engine: Engine, attempt: PastAttempt) -> None:
    pid, started_at = attempt.pid, attempt.pid_started_at
    if pid is None or started_at is None:
        return
    lived = is_alive(pid, started_at)
    kill_trial(pid, started_at)
    ended_at = since_boot() if lived else end_of(attempt)
    if ended_at is not None and started_at < FIRST_EPOCH_S:
        correct(engine, attempt.attempt_id, max(0.0, ended_at - started_at) * attempt.device_share)
