"""Run slots through joblib's Dask backend.

Dask reruns a slot that was lost with its worker. A slot that was asked to stop, e.g. because its job has reached its
time limit, is started again wherever there is room, until the study is done.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Final

from dask.distributed import Client
from joblib import Parallel, delayed
from joblib._dask import DaskDistributedBackend

from sweeper.errors import SweeperError
from sweeper.execution.cluster.on_worker import count_running, leave, slot_on_worker
from sweeper.execution.cluster.worker_slots import Needs
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.slot import SlotEnd, SlotTask
from sweeper.store.url import sqlite_path

MOST_ERRORS: Final = 5  # failed slots after which none is started again
KEEP_EVERY_S: Final = 30.0
LOOK_EVERY_S: Final = 1.0
ANSWER_S: Final = 15.0  # for workers to end their slots

log = logging.getLogger(__name__)


@dataclass(slots=True)
class DaskPool:
    """Runs slots on the workers of a Dask cluster.

    Attributes:
        where: the cluster, for people.
        slots: the slots that there is or will be room for.
        keep_workers: called now and then, to replace lost workers.
        shares_machine: whether all workers are processes of this launcher.
    """

    client: Client
    needs: Needs
    where: str
    slots: tuple[Slot, ...]
    keep_workers: Callable[[], None] = lambda: None
    shares_machine: bool = False
    advice: str = "Do the workers have enough memory? See their logs."
    _over: bool = False  # no more slots are started
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
        except BaseException as error:  # Dask's CancelledError is not an Exception
            if self.client.status != "running" and not self._ended:
                raise SweeperError(
                    f"the scheduler of {self.where} is gone. Nothing is lost: the same command resumes."
                ) from error
            raise RuntimeError(f"{type(error).__name__}: {error}") from error

    def _supply(self, tasks: Sequence[SlotTask]) -> Iterator[SlotTask]:
        """Yield the slots, and another one whenever one has ended although the study continues."""
        yield from tasks
        while not self._over:
            yield replace(tasks[0])

    def _see(self, end: SlotEnd) -> None:
        self._num_errors += end.error is not None
        if end.ended in ("done", "budget", "failing") or self._num_errors >= MOST_ERRORS:
            self._over = True

    def maintain(self) -> None:
        """Replace lost workers, if that is in our power.

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

    def is_stalled(self) -> bool:
        """Return whether no worker runs a slot of ours; asks them once a second."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_EVERY_S:
            return False
        self._looked_at = now
        try:
            return not any(self._ask_workers(count_running).values())
        except (OSError, TimeoutError):
            return True

    def end(self) -> None:
        """Kill and release the remaining slots; the pool runs no more."""
        if self._ended:
            return
        self._ended = self._over = True
        with suppress(OSError, TimeoutError):
            self._ask_workers(leave)
        self.client.close(timeout=ANSWER_S)

    def _ask_workers(self, function: Callable[[str], object]) -> dict[str, object]:
        """Return each worker's answer; one that cannot answer counts as having nothing."""
        if self.client.status != "running":
            return {}
        answers = self.client.run(function, self.needs.run, on_error="ignore")
        return dict(answers)


class SlotBackend(DaskDistributedBackend):  # type: ignore[misc]
    """joblib's backend for tasks that wait for room as long as it takes, observed as they end."""

    def __init__(self, client: Client, see: Callable[[SlotEnd], None]) -> None:
        super().__init__(client=client)
        self._see = see

    def effective_n_jobs(self, n_jobs: int) -> int:
        """Return two, so that batches have one task and none runs in this process, however many slots there are."""
        return 2

    def retrieve_result_callback(self, out: object) -> list[SlotEnd]:
        """Return a task's result, before joblib asks for the next task."""
        ends: list[SlotEnd] = super().retrieve_result_callback(out)
        for end in ends:
            self._see(end)
        return ends


def absolute_store(store: str) -> str:
    """Return the store for a process that may have another working directory."""
    path = sqlite_path(store)
    return store if path is None else f"sqlite:///{path.absolute()}"


def _without_single_failures(ends: list[SlotEnd]) -> list[SlotEnd]:
    """Return all ends; if the study is done, failures on some workers are only logged."""
    if not any(end.ended in ("done", "budget", "failing") for end in ends):
        return ends
    for error in dict.fromkeys(end.error for end in ends if end.error is not None):
        log.warning("%s", error)
    return [end for end in ends if end.error is None]
