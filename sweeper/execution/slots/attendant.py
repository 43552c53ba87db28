"""The launcher's thread that needs the store: heartbeats, requests to stop, progress, and what is left at the end."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine

from sweeper.errors import StoreError, StoreUnavailable, SweeperError
from sweeper.execution.slots.decider import Decider
from sweeper.execution.slots.machine import free_abandoned_trials
from sweeper.store import same_store
from sweeper.store.file_check import StoreFileCheck
from sweeper.store.queue import queue
from sweeper.store.retry import Outage, warn

LOOK_S: Final = 0.2
BEAT_EVERY_S: Final = 5.0
PROGRESS_EVERY_S: Final = 1.0


@dataclass(slots=True)
class Attendant:
    """Does what a launcher needs the store for, and waits for the store if it does not answer.

    Attributes:
        decider: has claims looked at; None for a study with fixed seeds.
    """

    engine: Engine
    study_id: int
    runner_id: int
    store_file: StoreFileCheck
    on_tick: Callable[[], None]
    decider: Decider | None = None
    _undecided: SweeperError | None = None
    _looks_go_on: bool = False
    _error: BaseException | None = None
    _outage: Outage = field(default_factory=lambda: Outage(warn))
    _stops: threading.Event = field(default_factory=threading.Event)  # slots are to be asked
    _asked: threading.Event = field(default_factory=threading.Event)  # they were
    _ends: threading.Event = field(default_factory=threading.Event)  # no slot runs any more
    _finished: threading.Event = field(default_factory=threading.Event)
    _beat_at: float = -math.inf
    _shown_at: float = -math.inf

    def start(self) -> None:
        """Begin."""
        threading.Thread(target=self._run, name="attendant", daemon=True).start()

    def ask_to_stop(self) -> None:
        """Have the slots asked to stop, through the store."""
        self._stops.set()

    def was_asked(self, until: float) -> bool:
        """Return whether the store has the request to stop, or may still take it until a monotonic time."""
        return self._asked.is_set() or time.monotonic() < until

    def finish(self) -> None:
        """Have the store told what is left to tell when no slot runs any more."""
        self._ends.set()

    def has_finished(self, timeout_s: float) -> bool:
        """Return whether it was told, or never will be; wait for that so long."""
        return self._finished.wait(timeout_s)

    def check(self) -> None:
        """Raise what went wrong, if something did."""
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._ends.wait(LOOK_S):
                self._try(self._attend)
            while not self._try(self._look_last) or self._looks_go_on:
                time.sleep(LOOK_S)
            while not self._try(self._end):
                time.sleep(LOOK_S)
        except BaseException as error:  # the main thread raises it
            self._error = error
        finally:
            if self.decider is not None:
                self.decider.close()
            self._finished.set()

    @property
    def waits_for_store(self) -> bool:
        """Whether the store does not answer now."""
        return self._outage.is_on

    def _try(self, call: Callable[[], None]) -> bool:
        """Call if the store is to be asked now; return whether it answered."""
        if not self._outage.is_due:
            return False
        try:
            call()
        except StoreUnavailable as error:
            self._outage.failed(error)
            return False
        self._outage.answered()
        return True

    def _attend(self) -> None:
        self.store_file.check()
        now = time.monotonic()
        if now - self._beat_at >= BEAT_EVERY_S:
            queue.beat_runner(self.engine, self.runner_id)
            self._beat_at = now
        if self._stops.is_set() and not self._asked.is_set():
            queue.request_stop(self.engine, self.runner_id)
            self._asked.set()
        if now - self._shown_at >= PROGRESS_EVERY_S:
            same_store.ask(self.engine)  # progress is read on connections of its own
            self.on_tick()
            self._shown_at = now  # only now: what the store has not answered is asked for again
        if not self._stops.is_set():
            self._decide()

    def _decide(self) -> None:
        """Have claims looked at if a round is complete; if that fails for good, the slots are stopped."""
        if self.decider is None or self._undecided is not None:
            return
        try:
            self.decider.look()
        except StoreError:
            raise
        except SweeperError as error:  # raised once the slots have ended
            self._undecided = error
            self._stops.set()

    def _look_last(self) -> None:
        """Have looked at what is complete if the budget has ended within a round; see whether that continues."""
        self._looks_go_on = False
        if self.decider is None or self._stops.is_set():
            return
        self._decide()
        self._looks_go_on = self._undecided is None and (
            self.decider.is_deciding or queue.decision_due(self.engine, self.study_id)
        )

    def _end(self) -> None:
        free_abandoned_trials(self.engine, self.study_id)
        self.on_tick()
        queue.end_runner(self.engine, self.runner_id)
        if self._undecided is not None:
            raise self._undecided
