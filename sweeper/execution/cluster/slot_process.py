"""The process of a slot beside a Dask worker: reads its task on standard input, writes its end on standard output.

It is the same slot as on one machine, and the worker is its parent: it ends when the worker does.
"""

import json
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from sweeper.execution.provenance import facts
from sweeper.execution.slots.fork_server import fork_server_for
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.slot import SlotEnd, SlotTask, run_slot
from sweeper.store.reading import reader


def main() -> None:
    """Run the slot to its end."""
    # What the terminal sends to every process of a local cluster is for the launcher; the worker's word is for us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
    task = task_from(json.load(sys.stdin))
    answer = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever else is printed is no answer
    end = _run(task)
    with suppress(BrokenPipeError):  # of a worker that is gone
        answer.write(json.dumps(asdict(end)))
        answer.flush()


def _run(task: SlotTask) -> SlotEnd:
    command = task.environment.get("command")
    task = replace(task, environment={**facts(Path(task.cwd)), "command": command})
    with nullcontext() if task.fork_server is not None else _own_fork_server(task) as server:
        return run_slot(task if server is None else replace(task, fork_server=str(server.path)))


def _own_fork_server(task: SlotTask) -> Any:
    """The trainer's fork server for this slot alone; nothing where there is no use for one."""
    try:
        with reader.connect(task.store) as connection:
            trial = reader.study(connection, task.study).study.trial
        return fork_server_for(trial, (task.slot,)) or nullcontext()
    except Exception:  # the slot itself says what is wrong, in the right words
        return nullcontext()


def task_from(document: Mapping[str, Any]) -> SlotTask:
    """A slot's task from its JSON document."""
    return SlotTask(**{**document, "slot": Slot(**document["slot"])})


def end_from(text: bytes) -> SlotEnd | None:
    """A slot's end from its answer; None if it was killed before it could answer."""
    try:
        return SlotEnd(**json.loads(text))
    except (ValueError, TypeError):
        return None


if __name__ == "__main__":
    main()
