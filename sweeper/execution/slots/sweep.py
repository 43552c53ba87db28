"""What dead slots of this machine left behind: their processes are ended, their trials freed at once."""

import time

from sqlalchemy import Engine

from sweeper.execution.slots.processes import is_alive, kill_trial
from sweeper.store.queue import queue


def sweep(engine: Engine, study_id: int, machine: str) -> int:
    """Free the trials whose slot on this machine is dead, without waiting for their leases; how many."""
    freed = 0
    for attempt in queue.abandoned(engine, study_id, machine):
        if is_alive(attempt.supervisor_pid, attempt.supervisor_started_at):
            continue
        kill_trial(attempt.pid, attempt.pid_started_at)
        freed += queue.release(engine, attempt.attempt_id, f"its slot {attempt.slot} was killed", time.time())
    return freed
