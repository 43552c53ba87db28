"""Starts slots with joblib, starts them again when one was killed, and stops them on request.

The launcher's main thread shows progress and takes signals; joblib's loky backend runs the slots from a second
thread. When a slot is killed, loky gives up its whole pool; what was in flight is resumed by the next one, since the
store knows all of it.
"""

import math
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Engine

from sweeper.errors import StoreError, SweeperError
from sweeper.slots.fork_server import ForkServer
from sweeper.slots.slot import Ended, SlotTask, run_slot
from sweeper.slots.sweep import sweep
from sweeper.store import queue
from sweeper.store.presence import Presence

TICK_S: Final = 0.2
BEAT_EVERY_S: Final = 5.0
PROGRESS_EVERY_S: Final = 1.0
QUICK_S: Final = 10.0  # a pool that breaks sooner than this has something wrong with it
MOST_QUICK_BREAKS: Final = 5
PATIENCE_S: Final = 15.0  # with slots that are to end by themselves since the store is gone
STOPPING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class SlotEnd:
    """Why a slot ended, and what went wrong in it if something did."""

    ended: Ended
    error: str | None = None
    is_store_error: bool = False


def guarded_slot(task: SlotTask) -> SlotEnd:
    """A slot that tells its error instead of raising it, since joblib would end its siblings."""
    try:
        ended = run_slot(task)
    except StoreError as error:
        return SlotEnd("stopped", str(error), is_store_error=True)
    except Exception:
        return SlotEnd("stopped", traceback.format_exc())
    if ended == "orphaned":
        os._exit(0)  # there is nobody to tell, and loky would keep the process for a while
    return SlotEnd(ended)


@dataclass(slots=True)
class Launcher:
    """Runs slots to the end of a study."""

    engine: Engine
    study_id: int
    runner_id: int
    machine: str
    presence: Presence
    on_tick: Callable[[], None]
    fork_server: ForkServer | None = None
    interrupts: int = 0
    _ends: list[SlotEnd] = field(default_factory=list)
    _failure: BaseException | None = None

    def run(self, tasks: Sequence[SlotTask]) -> Sequence[SlotEnd]:
        """Run the slots until all have ended.

        Raises:
            SweeperError: slots failed, with what they said.
        """
        pool = threading.Thread(target=self._keep_pool, args=(tasks,), name="slots", daemon=True)
        with self._signals():
            pool.start()
            try:
                self._attend(pool)
            except StoreError:
                pool.join(PATIENCE_S)  # the slots find out too, and give their trials a moment for a checkpoint
                raise
            finally:
                self.interrupts += 1  # the pool, should it break now, is not started again
                end_pool()
                pool.join(PATIENCE_S)
                self.interrupts -= 1
            sweep(self.engine, self.study_id, self.machine)
        self.on_tick()
        if self._failure is not None:
            raise self._failure
        return self._ends

    def _attend(self, pool: threading.Thread) -> None:
        """While slots run: tell that we live, pass on what the user wants, show the progress."""
        asked = killed = False
        beat_at = shown_at = -math.inf
        while pool.is_alive():
            pool.join(TICK_S)
            self.presence.check()
            if self.fork_server is not None:
                self.fork_server.keep()
            now = time.monotonic()
            if now - beat_at >= BEAT_EVERY_S:
                beat_at = now
                queue.beat_runner(self.engine, self.runner_id, now=time.time())
            if self.interrupts and not asked:
                asked = True
                queue.request_stop(self.engine, self.runner_id)
            if self.interrupts >= 2 and not killed:
                killed = True
                end_pool()
            if now - shown_at >= PROGRESS_EVERY_S:
                shown_at = now
                self.on_tick()

    def _keep_pool(self, tasks: Sequence[SlotTask]) -> None:
        """Run pools of slots until one ends by itself."""
        # Slots inherit this thread's mask: what the terminal sends to every process is for the launcher alone.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGHUP})
        quick = 0
        while True:
            began = time.monotonic()
            try:
                self._ends = list(_parallel(tasks))
            except Exception as error:
                if self.interrupts:
                    return
                quick = quick + 1 if time.monotonic() - began < QUICK_S else 0
                if quick >= MOST_QUICK_BREAKS:
                    self._failure = SweeperError(
                        f"the slots were killed {quick} times in a row, the last time: {error}. Is the machine out of "
                        "memory? Fewer slots may help (--slots). Nothing is lost: the same command goes on."
                    )
                    return
                continue
            self._failure = _failure_of(self._ends)
            return

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first ^C, SIGTERM or SIGHUP asks for an orderly stop, the second kills."""

        def told(*_: object) -> None:
            self.interrupts += 1

        before = {number: signal.getsignal(number) for number in STOPPING}
        for number, handler in before.items():
            if handler is not signal.SIG_IGN:  # as under nohup
                signal.signal(number, told)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def end_pool() -> None:
    """End the slots' processes that are left; a slot's trial dies with it."""
    from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415

    get_reusable_executor(reuse=True).shutdown(wait=True, kill_workers=True)


def _parallel(tasks: Sequence[SlotTask]) -> list[SlotEnd]:
    """Each slot in a process of its own, be there only one, which joblib.Parallel would run in this process."""
    from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415

    executor: Any = get_reusable_executor(max_workers=len(tasks))
    return list(executor.map(guarded_slot, tasks))


def _failure_of(ends: Sequence[SlotEnd]) -> SweeperError | None:
    errors = list(dict.fromkeys(end.error for end in ends if end.error is not None))
    if not errors:
        return None
    if any(end.is_store_error for end in ends):
        return StoreError("\n".join(errors))
    return SweeperError("a slot failed, which is a bug of sweeper; the store is whole:\n" + "\n".join(errors))
