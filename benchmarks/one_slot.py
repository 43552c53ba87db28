"""Run one slot on a study in the store, in this process, to measure its own CPU time.

Run: python -m benchmarks.one_slot STORE STUDY DIRECTORY. Prints one line of JSON: seconds of wall-clock time, of this
process's CPU time, and of the CPU time of the trial processes that it started.
"""

import json
import os
import sys
import time

from sweeper.execution.slots.launcher_watch import LauncherWatch
from sweeper.execution.slots.processes import started_at
from sweeper.execution.slots.running import slots_for
from sweeper.execution.slots.slot import SlotLoop, SlotTask
from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.records import LEASE_S


def main(store: str, study: str, directory: str) -> None:
    """Run the study's trials and print the times."""
    engine = open_existing(store)
    with reader.connect(store) as connection:
        found = reader.study(connection, study)
    pid, began = os.getpid(), started_at(os.getpid())
    runner = queue.register_runner(
        engine, found.id, host="here", pid=pid, pid_started_at=began, slots=1, now=time.time()
    )
    task = SlotTask(
        store=store,
        study_id=found.id,
        study=study,
        slot=slots_for(found.study, 1)[0],
        runner_id=runner,
        launcher_pid=pid,
        launcher_started_at=began,
        cwd=directory,
        environment={},
        lease_s=LEASE_S,
    )
    before, start = os.times(), time.perf_counter()
    assert SlotLoop(task, engine, LauncherWatch(pid, began)).run() == "done"
    took, after = time.perf_counter() - start, os.times()
    own = after.user + after.system - before.user - before.system
    children = after.children_user + after.children_system - before.children_user - before.children_system
    engine.dispose()
    print(json.dumps({"clock_s": took, "own_s": own, "children_s": children}))


if __name__ == "__main__":
    main(*sys.argv[1:])
