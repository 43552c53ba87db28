"""Runs slots through joblib's Dask backend.

Dask runs a slot again that was lost with its worker. A slot that was told to stop, as those are whose job has reached
its time limit, is started again wherever there is room, until the study is done.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, Final

from dask.distributed import Client
from joblib import Parallel, delayed
from joblib._dask import DaskDistributedBackend

from sweeper.errors import SweeperError
from sweeper.execution.cluster.on_worker import count_running, leave, slot_on_worker
from sweeper.execution.cluster.places import Needs
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.slot import SlotEnd, SlotTask
from sweeper.store.url import sqlite_path

MOST_ERRORS: Final = 5  # of slots that failed; after that none is started again
KEEP_EVERY_S: Final = 30.0
LOOK_EVERY_S: Final = 1.0
ANSWER_S: Final = 15.0  # for workers to end their slots

log = logging.getLogger(__name__)


@dataclass(slots=True)
class DaskPool:
    """Slots on the workers of a Dask cluster.

    Attributes:
        where: the cluster, for people.
        places: the slots that there is or will be room for.
        keep_workers: called now and then, to replace workers that are gone.
        shares_machine: whether all workers are processes of the launcher's own.
    """

    client: Client
    needs: Needs
    where: str
    places: tuple[Slot, ...]
    keep_workers: Callable[[], None] = lambda: None
    shares_machine: bool = False
    advice: str = "Do the workers have enough memory? Their logs tell more."
    _over: bool = False  # no slot is started any more
    _num_errors: int = 0
    _kept_at: float = field(default_factory=time.monotonic)
    _looked_at: float = 0.0
    _ended: bool = False

    def run(self, tasks: Sequence[SlotTask]) -> list[SlotEnd]:
        """Run slots until all have ended.

        Raises:
            SweeperError: the scheduler is gone.
            RuntimeError: slots were lost with their workers more often than the scheduler allows.
        """
        backend = SlotBackend(self.client, self._see)
        parallel = Parallel(
            n_jobs=len(tasks), backend=backend, return_as="generator_unordered", pre_dispatch=len(tasks), batch_size=1
        )
        tasks = [replace(task, store=absolute_store(task.store)) for task in tasks]
        jobs = (delayed(slot_on_worker)(task, self.needs) for task in self._supply(tasks))
        try:
            return _without_single_failures(list(parallel(jobs)))
        except BaseException as error:  # Dask's CancelledError is no Exception
            if self.client.status != "running" and not self._ended:
                raise SweeperError(
                    f"the scheduler of {self.where} is gone. Nothing is lost: the same command goes on."
                ) from error
            raise RuntimeError(f"{type(error).__name__}: {error}") from error

    def _supply(self, tasks: Sequence[SlotTask]) -> Iterator[SlotTask]:
        """The slots, and another whenever one has ended although the study goes on."""
        yield from tasks
        while not self._over:
            yield replace(tasks[0])

    def _see(self, end: SlotEnd) -> None:
        self._num_errors += end.error is not None
        if end.ended in ("done", "budget") or self._num_errors >= MOST_ERRORS:
            self._over = True

    def keep(self) -> None:
        """Replace workers that are gone, where that is in our power.

        Raises:
            SweeperError: none is left, and no other comes.
        """
        now = time.monotonic()
        if now - self._kept_at >= KEEP_EVERY_S:
            self._kept_at = now
            self.keep_workers()

    def stop(self) -> None:
        """Start no more slots."""
        self._over = True

    def waits_in_vain(self) -> bool:
        """Whether no worker runs a slot of ours; asks them once a second."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY_S:
            return False
        self._looked_at = now
        try:
            return not any(self._ask_workers(count_running).values())
        except (OSError, TimeoutError):
            return True

    def end(self) -> None:
        """Kill the slots that are left and let go of their places; the pool runs no more."""
        if self._ended:
            return
        self._ended = self._over = True
        with suppress(OSError, TimeoutError):
            self._ask_workers(leave)
        self.client.close(timeout=ANSWER_S)

    def _ask_workers(self, function: Callable[[str], Any]) -> dict[str, Any]:
        """What each worker answers; one that cannot counts as having nothing."""
        if self.client.status != "running":
            return {}
        answers = self.client.run(function, self.needs.run, on_error="ignore")
        return dict(answers)


class SlotBackend(DaskDistributedBackend):  # type: ignore[misc]
    """joblib's backend for tasks that wait for room as long as it takes, seen as they end."""

    def __init__(self, client: Client, see: Callable[[SlotEnd], None]) -> None:
        super().__init__(client=client)
        self._see = see

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Two, so that batches are of one task and none runs in this process; how many slots there are is no matter."""
        return 2

    def retrieve_result_callback(self, out: Any) -> Any:
        """A task's result, before joblib asks for the next task."""
        ends = super().retrieve_result_callback(out)
        for end in ends:
            self._see(end)
        return ends


def absolute_store(store: str) -> str:
    """The store for a process that may have another working directory."""
    path = sqlite_path(store)
    return store if path is None else f"sqlite:///{path.absolute()}"


def _without_single_failures(ends: list[SlotEnd]) -> list[SlotEnd]:
    """All ends; if the study is done, what failed on some workers is no failure of the run, but is told."""
    if not any(end.ended in ("done", "budget") for end in ends):
        return ends
    for error in dict.fromkeys(end.error for end in ends if end.error is not None):
        log.warning("%s", error)
    return [end for end in ends if end.error is None]
