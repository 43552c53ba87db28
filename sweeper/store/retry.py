"""Wait for a store that does not answer, and say so once when it goes and once when it is back."""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from sweeper.errors import StoreUnavailable

FIRST_WAIT_S: Final = 0.1  # before the next try; doubles each time, up to
LAST_WAIT_S: Final = 5.0
START_WAIT_S: Final = 60.0  # the longest that a command waits for the store at its start
PROCESSES: Final = 97  # with consecutive ids that wait for different times
LOOK_S: Final = 0.1  # how often whoever waits is asked whether to give up

log = logging.getLogger(__name__)

T = TypeVar("T")
Say = Callable[[str], None]


@dataclass(slots=True)
class Outage:
    """What one process knows of an outage of its store.

    Attributes:
        say: tells the user; slots are silent, since their launcher says it.
    """

    say: Say | None = None
    _began: float | None = None
    _wait_s: float = 0.0
    _next_at: float = field(default=0.0)

    @property
    def is_on(self) -> bool:
        """Whether the store did not answer the last time."""
        return self._began is not None

    @property
    def is_due(self) -> bool:
        """Whether to try the store: it answers, or the wait since the last try is over."""
        return self._began is None or time.monotonic() >= self._next_at

    def failed(self, error: StoreUnavailable) -> None:
        """Note that the store did not answer."""
        now = time.monotonic()
        if self._began is None:
            self._began = now
            if self.say is not None:
                self.say(f"waiting for the store, which does not answer: {error}")
        self._wait_s = min(LAST_WAIT_S, max(FIRST_WAIT_S, 2 * self._wait_s))
        self._next_at = now + _share() * self._wait_s

    def answered(self) -> None:
        """Note that the store answered."""
        if self._began is not None and self.say is not None:
            self.say(f"the store is back after {time.monotonic() - self._began:.0f} s")
        self._began, self._wait_s = None, 0.0


def _share() -> float:
    """Return a share between 0.5 and 1 that differs between processes, so that slots do not come all at once."""
    return 0.5 + 0.5 * (os.getpid() % PROCESSES) / PROCESSES


def warn(message: str) -> None:
    """Tell the user by a warning."""
    log.warning("%s", message)


def patiently(call: Callable[[], T], give_up: Callable[[], bool], *, say: Say | None = None) -> T:
    """Call until the store answers; the call must do no harm if it is repeated.

    Args:
        give_up: asked between two tries.
        say: tells the user that the store is waited for, and that it is back.

    Raises:
        StoreUnavailable: `give_up` returned true, and the store still does not answer.
    """
    outage = Outage(say)
    while True:
        try:
            result = call()
        except StoreUnavailable as error:
            outage.failed(error)
            while not outage.is_due:
                if give_up():
                    raise
                time.sleep(LOOK_S)
        else:
            outage.answered()
            return result


def for_seconds(seconds: float = START_WAIT_S) -> Callable[[], bool]:
    """Return a `give_up` that does so after a while."""
    until = time.monotonic() + seconds
    return lambda: time.monotonic() > until
