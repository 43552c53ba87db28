"""Starts slots with joblib, starts them again when one was killed, and stops them on request.

The launcher's main thread shows progress and takes signals; joblib's loky backend runs the slots from a second
thread. When a slot is killed, loky gives up its whole pool; what was in flight is resumed by the next one, since the
store knows all of it.
"""

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
from sweeper.slots.slot import Ended, SlotTask, run_slot
from sweeper.slots.sweep import sweep
from sweeper.store import queue

TICK_S: Final = 0.2
PROGRESS_EVERY_S: Final = 1.0
QUICK_S: Final = 10.0  # a pool that breaks sooner than this has something wrong with it
MOST_QUICK_BREAKS: Final = 5


@dataclass(frozen=True, slots=True)
class SlotEnd:
    """Why a slot ended, and what went wrong in it if something did."""

    ended: Ended
    error: str | None = None
    is_store_error: bool = False


def guarded_slot(task: SlotTask) -> SlotEnd:
    """A slot that tells its error instead of raising it, since joblib would end its siblings."""
    try:
        return SlotEnd(run_slot(task))
    except StoreError as error:
        return SlotEnd("stopped", str(error), is_store_error=True)
    except Exception:
        return SlotEnd("stopped", traceback.format_exc())


@dataclass(slots=True)
class Launcher:
    """Runs slots to the end of a study."""

    engine: Engine
    study_id: int
    runner_id: int
    host: str
    on_tick: Callable[[], None]
    interrupts: int = 0
    _ends: list[SlotEnd] = field(default_factory=list)
    _failure: BaseException | None = None

    def run(self, tasks: Sequence[SlotTask]) -> Sequence[SlotEnd]:
        """Run the slots until all have ended.

        Raises:
            SweeperError: slots failed, with what they said.
        """
        pool = threading.Thread(target=self._keep_pool, args=(tasks,), name="slots", daemon=True)
        asked = 0
        shown_at = 0.0
        with self._signals():
            pool.start()
            while pool.is_alive():
                pool.join(TICK_S)
                stop = queue.beat_runner(self.engine, self.runner_id, now=time.time())
                if self.interrupts and not stop:
                    queue.request_stop(self.engine, self.runner_id)
                if self.interrupts >= 2 and asked < 2:
                    asked = 2
                    end_pool()
                if time.monotonic() - shown_at >= PROGRESS_EVERY_S:
                    shown_at = time.monotonic()
                    self.on_tick()
            end_pool()
            sweep(self.engine, self.study_id, self.host)
        self.on_tick()
        if self._failure is not None:
            raise self._failure
        return self._ends

    def _keep_pool(self, tasks: Sequence[SlotTask]) -> None:
        """Run pools of slots until one ends by itself."""
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
                sweep(self.engine, self.study_id, self.host)
                continue
            self._failure = _failure_of(self._ends)
            return

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first ^C or SIGTERM asks for an orderly stop, the second kills."""

        def told(*_: object) -> None:
            self.interrupts += 1

        before = {number: signal.signal(number, told) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def end_pool() -> None:
    """End the slots' processes that are left; a slot's trial dies with it."""
    from joblib.externals.loky import get_reusable_executor  # noqa: PLC0415

    get_reusable_executor().shutdown(wait=True, kill_workers=True)


def _parallel(tasks: Sequence[SlotTask]) -> list[SlotEnd]:
    from joblib import Parallel, delayed  # noqa: PLC0415

    run: Any = Parallel(n_jobs=len(tasks), backend="loky", batch_size=1, pre_dispatch="all")
    ends: list[SlotEnd] = run(delayed(guarded_slot)(task) for task in tasks)
    return ends


def _failure_of(ends: Sequence[SlotEnd]) -> SweeperError | None:
    errors = list(dict.fromkeys(end.error for end in ends if end.error is not None))
    if not errors:
        return None
    if any(end.is_store_error for end in ends):
        return StoreError("\n".join(errors))
    return SweeperError("a slot failed, which is a bug of sweeper; the store is whole:\n" + "\n".join(errors))
