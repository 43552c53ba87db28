"""Search for a user's regular expression in bounded time.

A pattern such as ``(a+)+$`` takes years on some lines. The slot would lose its lease meanwhile, and ignore time limits
and the end of its launcher. But `re` handles signals while it searches, so a timer can end the search. The timer counts
the process's own CPU time, so that a busy machine or a stopped slot is not blamed on the pattern. It is set once and
ticks: setting it for each search would take longer than most searches.
"""

import atexit
import re
import signal
import threading
from dataclasses import dataclass
from types import FrameType
from typing import Final

SEARCH_S: Final = 1.0  # of CPU time; a line that patterns see has at most 64 KiB, which takes milliseconds
TICK_S: Final = 0.5  # between two ticks of the timer
TICKS: Final = round(SEARCH_S / TICK_S)


class SearchTimeout(Exception):  # noqa: N818 - what happened
    """A search took too long."""


@dataclass(slots=True)
class _Timer:
    is_set: bool = False
    searching: bool = False
    ticks: int = 0  # since the current search began

    def tick(self, _number: int, _frame: FrameType | None) -> None:
        """Count a tick; end the search if there were enough."""
        self.ticks += 1
        if self.searching and self.ticks > TICKS:
            self.searching = False
            raise SearchTimeout


_timer = _Timer()


def search(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """Return the first match of a pattern, as `re.Pattern.search` does.

    Outside of the main thread, the only one that handles signals, the time is not bounded.

    Raises:
        SearchTimeout: there is no answer within the limit.
    """
    if threading.current_thread() is not threading.main_thread():
        return pattern.search(text)
    if not _timer.is_set:
        signal.signal(signal.SIGVTALRM, _timer.tick)
        atexit.register(signal.setitimer, signal.ITIMER_VIRTUAL, 0.0)  # handlers go before the process does
        signal.setitimer(signal.ITIMER_VIRTUAL, TICK_S, TICK_S)
        _timer.is_set = True
    _timer.ticks = 0
    _timer.searching = True
    try:
        return pattern.search(text)
    finally:
        _timer.searching = False
