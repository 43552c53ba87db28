"""The process of a slot beside a Dask worker: reads its task from standard input, writes its end to standard output.

It is the same slot as on one machine, and the worker is its parent: it ends when the worker does.
"""

import json
import os
import signal
import sys
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sweeper.execution.provenance import facts
from sweeper.execution.slots.fork_server import ForkServer, fork_server_for
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.slot import SlotEnd, SlotTask, run_slot
from sweeper.store.reading import reader
from sweeper.streams import open_missing


def main() -> None:
    """Run the slot to its end."""
    open_missing()  # a worker that runs as a service may have no standard error
    # Only the launcher handles what the terminal sends to every process of a local cluster.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    task = task_from(json.load(sys.stdin))
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # anything else that is printed must not mix with the answer
    end = _run(task)
    with suppress(BrokenPipeError):  # of a worker that is gone
        answer.write(json.dumps(asdict(end)))
        answer.flush()


def _run(task: SlotTask) -> SlotEnd:
    command = task.environment.get("command")
    task = replace(task, environment={**facts(Path(task.cwd)), "command": command})
    with nullcontext() if task.fork_server is not None else _own_fork_server(task) as server:
        return run_slot(task if server is None else replace(task, fork_server=str(server.path)))


def _own_fork_server(task: SlotTask) -> AbstractContextManager[ForkServer | None]:
    """Return the trainer's fork server for this slot only; nothing if it is of no use."""
    try:
        with reader.connect(task.store) as connection:
            trial = reader.study(connection, task.study).study.trial
        return fork_server_for(trial, (task.slot,)) or nullcontext()
    except Exception:  # the slot itself reports the error
        return nullcontext()


def task_from(document: dict[str, Any]) -> SlotTask:
    """Return a slot's task from its JSON document."""
    slot = {**document["slot"], "prefix": tuple(document["slot"]["prefix"])}
    return SlotTask(**{**document, "slot": Slot(**slot)})


def end_from(text: bytes) -> SlotEnd | None:
    """Return a slot's end from its answer; None if it was killed before it could answer."""
    try:
        return SlotEnd(**json.loads(text))
    except (ValueError, TypeError):
        return None


if __name__ == "__main__":
    main()
