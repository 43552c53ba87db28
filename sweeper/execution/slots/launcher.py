"""Start slots, restart them when one is killed, and stop them on request.

The launcher's main thread handles signals, a second thread runs the pool of slots, and a third does what needs the
store. So however long the store is silent, the launcher reacts to Ctrl-C.
"""

import math
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from sweeper.errors import Interrupted, StoreError, SweeperError
from sweeper.execution.slots.attendant import Attendant
from sweeper.execution.slots.pool import LokyPool, Pool
from sweeper.execution.slots.slot import SlotEnd, SlotTask

TICK_S: Final = 0.2
QUICK_S: Final = 10.0  # a pool that breaks sooner has a problem that does not go away
MOST_QUICK_BREAKS: Final = 5
UNHEARD_S: Final = 10.0  # for the store to take a request to stop; after that the slots are killed
LAST_WORDS_S: Final = 3.0  # for the store to take how slots ended that were killed
GONE_STORE_WAIT_S: Final = 15.0  # for slots to end by themselves when the store is gone
STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(slots=True)
class Launcher:
    """Runs slots to the end of a study.

    Attributes:
        attendant: does what needs the store; the main thread never does.
    """

    attendant: Attendant
    pool: Pool = field(default_factory=LokyPool)
    interrupts: int = 0
    _ends: list[SlotEnd] = field(default_factory=list)
    _failure: BaseException | None = None
    _killed: bool = False

    def run(self, tasks: Sequence[SlotTask]) -> Sequence[SlotEnd]:
        """Run the slots until all have ended.

        Raises:
            Interrupted: the user did not want to wait, and the store does not answer.
            SweeperError: slots failed, with their errors.
        """
        slots = threading.Thread(target=self._run_pools, args=(tasks,), name="slots", daemon=True)
        with self._signals():
            slots.start()
            self.attendant.start()
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
            self._wait_for_attendant()
        if self._failure is not None:
            raise self._failure
        return self._ends

    def _watch(self, slots: threading.Thread) -> None:
        """Pass on the user's requests while slots run."""
        asked_at: float | None = None
        while slots.is_alive() and not (asked_at is not None and self.pool.is_stalled()):
            slots.join(TICK_S)
            self.attendant.check()
            self.pool.maintain()
            if self.interrupts and asked_at is None:
                asked_at = time.monotonic()
                self.pool.stop()
                self.attendant.ask_to_stop()
            is_unheard = asked_at is not None and not self.attendant.was_asked(asked_at + UNHEARD_S)
            if (self.interrupts >= 2 or is_unheard) and not self._killed:
                self._killed = True
                self.pool.end()

    def _wait_for_attendant(self) -> None:
        """Wait until the store knows how the slots ended; the user decides for how long."""
        self.attendant.finish()
        until = math.inf
        while not self.attendant.has_finished(TICK_S):
            self.attendant.check()
            if self.interrupts and until == math.inf:
                until = time.monotonic() + (LAST_WORDS_S if self._killed or self.interrupts > 1 else GONE_STORE_WAIT_S)
            if time.monotonic() > until:
                why = "" if self.attendant.waits_for_store else ", or files of trials take long to read"
                raise Interrupted(
                    f"Interrupted; the store does not answer{why}. Nothing is lost: the same command resumes."
                )
        self.attendant.check()

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
    kinds = {end.kind for end in ends if end.error is not None}
    if "store" in kinds:
        return StoreError("\n".join(errors))
    if kinds == {"user"}:
        return SweeperError("\n".join(errors))
    return SweeperError("a slot failed, which is a bug in sweeper; the store is intact:\n" + "\n".join(errors))
