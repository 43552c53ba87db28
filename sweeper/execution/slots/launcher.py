"""Start slots, restart them when one is killed, and stop them on request.

The launcher's main thread shows progress and handles signals; a second thread runs the pool of slots.
"""

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine

from sweeper.errors import StoreError, SweeperError
from sweeper.execution.slots.machine import free_abandoned_trials
from sweeper.execution.slots.pool import LokyPool, Pool
from sweeper.execution.slots.slot import SlotEnd, SlotTask
from sweeper.store.file_check import StoreFileCheck
from sweeper.store.queue import queue

TICK_S: Final = 0.2
BEAT_EVERY_S: Final = 5.0
PROGRESS_EVERY_S: Final = 1.0
QUICK_S: Final = 10.0  # a pool that breaks sooner has a problem that does not go away
MOST_QUICK_BREAKS: Final = 5
GONE_STORE_WAIT_S: Final = 15.0  # for slots to end by themselves when the store is gone
STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Launcher:
    """Runs slots to the end of a study."""

    engine: Engine
    study_id: int
    runner_id: int
    store_file: StoreFileCheck
    on_tick: Callable[[], None]
    pool: Pool = field(default_factory=LokyPool)
    interrupts: int = 0
    _ends: list[SlotEnd] = field(default_factory=list)
    _failure: BaseException | None = None

    def run(self, tasks: Sequence[SlotTask]) -> Sequence[SlotEnd]:
        """Run the slots until all have ended.

        Raises:
            SweeperError: slots failed, with their errors.
        """
        slots = threading.Thread(target=self._run_pools, args=(tasks,), name="slots", daemon=True)
        with self._signals():
            slots.start()
            try:
                self._watch(slots)
            except StoreError:
                slots.join(GONE_STORE_WAIT_S)  # slots notice it too, and give their trials a moment for a checkpoint
                raise
            finally:
                self.interrupts += 1  # if the pool breaks now, it is not restarted
                self.pool.end()
                slots.join(GONE_STORE_WAIT_S)
                self.interrupts -= 1
            free_abandoned_trials(self.engine, self.study_id)
        self.on_tick()
        if self._failure is not None:
            raise self._failure
        return self._ends

    def _watch(self, slots: threading.Thread) -> None:
        """Send heartbeats, pass on the user's requests and show progress while slots run."""
        asked = killed = False
        beat_at = shown_at = -math.inf
        while slots.is_alive() and not (asked and self.pool.is_stalled()):
            slots.join(TICK_S)
            self.store_file.check()
            self.pool.maintain()
            now = time.monotonic()
            if now - beat_at >= BEAT_EVERY_S:
                beat_at = now
                queue.beat_runner(self.engine, self.runner_id)
            if self.interrupts and not asked:
                asked = True
                self.pool.stop()
                queue.request_stop(self.engine, self.runner_id)
            if self.interrupts >= 2 and not killed:
                killed = True
                self.pool.end()
            if now - shown_at >= PROGRESS_EVERY_S:
                shown_at = now
                self.on_tick()

    def _run_pools(self, tasks: Sequence[SlotTask]) -> None:
        """Run one pool of slots after another until one ends by itself."""
        # Slots inherit this thread's mask: only the launcher handles what the terminal sends to every process.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
        quick = 0
        while True:
            began = time.monotonic()
            try:
                self._ends = self.pool.run(tasks)
            except Exception as error:
                if self.interrupts:
                    return
                if isinstance(error, SweeperError):
                    self._failure = error
                    return
                quick = quick + 1 if time.monotonic() - began < QUICK_S else 0
                if quick >= MOST_QUICK_BREAKS:
                    self._failure = SweeperError(
                        f"the slots were killed {quick} times in a row; the last error: {error}. "
                        f"{self.pool.advice} Nothing is lost: the same command resumes."
                    )
                    return
                continue
            self._failure = _failure_of(self._ends)
            return

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Take the first Ctrl-C, SIGTERM or SIGHUP as a request to stop, the second as one to kill."""

        def count(*_: object) -> None:
            self.interrupts += 1

        before = {number: signal.getsignal(number) for number in STOPPING}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, count)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _failure_of(ends: Sequence[SlotEnd]) -> SweeperError | None:
    errors = list(dict.fromkeys(end.error for end in ends if end.error is not None))
    if not errors:
        return None
    if any(end.is_store_error for end in ends):
        return StoreError("\n".join(errors))
    return SweeperError("a slot failed, which is a bug in sweeper; the store is intact:\n" + "\n".join(errors))
