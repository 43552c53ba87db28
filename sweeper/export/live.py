"""The pages of running studies, made again when the store has something new: one at a time, and not too often.

Requests never wait for a page to be made: they get the last one, or a short page that asks again. Who makes a page is
passed in, since reports are made above this layer.
"""

import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from sweeper.errors import SweeperError

LEAST_S: Final = 3.0  # between the end of one page and the start of the next
REST: Final = 4.0  # as many times as a page took: making pages takes at most a fifth of one core
FRESH_S: Final = 1.0  # for so long a version that was read counts as current
KEPT: Final = 8  # pages of studies, those last asked for

Build = Callable[[str, str], bytes]  # from a study and a version to its page
ReadVersion = Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Page:
    """A page as it was made; `version` is that of the study when it began.

    Attributes:
        is_current: whether the study has not changed since, as far as is known.
    """

    version: str
    content: bytes
    is_current: bool = True


@dataclass(slots=True)
class _Known:
    """What is known of a study's page."""

    page: Page | None = None
    error: str = ""
    version: str = ""
    read_at: float = field(default=float("-inf"))
    asked_at: float = field(default=float("-inf"))
    tried: str = ""  # the version of the last attempt to make one


class LivePages:
    """The pages of the studies of a store.

    Args:
        version: returns the version of a study; raises UsageError if there is no such study.
        build: makes the page of a study and a version, wherever it likes; it is called from one thread at a time.
        clock: seconds.
        start: runs a function beside its caller.
    """

    def __init__(
        self,
        version: ReadVersion,
        build: Build,
        *,
        clock: Callable[[], float] = time.monotonic,
        start: Callable[[Callable[[], None]], None] | None = None,
    ) -> None:
        self._read_version, self._build, self._clock = version, build, clock
        self._start = _in_a_thread if start is None else start
        self._lock = threading.Lock()
        self._known: dict[str, _Known] = {}
        self._is_building = False
        self._next_at = float("-inf")

    def look(self, study: str) -> tuple[Page | None, str]:
        """Return a study's last page, if there is one, and why the newest could not be made, if so.

        If the study has changed since, and it is time, a new one is begun.

        Raises:
            UsageError: there is no such study.
            StoreError: the store cannot be read.
        """
        now = self._clock()
        with self._lock:
            known = self._known.get(study)
            is_fresh = known is not None and now - known.read_at < FRESH_S
        version = known.version if known is not None and is_fresh else self._read_version(study)
        with self._lock:
            known = self._known.setdefault(study, _Known())
            if not is_fresh:
                known.version, known.read_at = version, now
            known.asked_at = now
            self._forget()
            if known.tried != known.version and not self._is_building and now >= self._next_at:
                self._is_building = True
                known.tried = known.version
                wanted = known.version
                self._start(lambda: self._make(study, wanted))
            page = known.page
            return None if page is None else replace(page, is_current=page.version == known.version), known.error

    def _make(self, study: str, version: str) -> None:
        began = self._clock()
        page, error = None, ""
        try:
            page = Page(version, self._build(study, version))
        except SweeperError as refused:
            error = str(refused)
        except Exception as failed:  # the user of the browser gets no traceback, whatever happens
            error = "The page cannot be made. The terminal of `sweeper dashboard` says more."
            print(f"sweeper dashboard: {study}: {type(failed).__name__}: {failed}", file=sys.stderr)
        now = self._clock()
        with self._lock:
            known = self._known.setdefault(study, _Known())
            known.page, known.error = page or known.page, error
            if error:
                known.tried = ""  # whatever it was may pass
            self._is_building = False
            self._next_at = now + max(LEAST_S, REST * (now - began))

    def _forget(self) -> None:
        """Forget the pages that were not asked for the longest."""
        for study in sorted(self._known, key=lambda name: -self._known[name].asked_at)[KEPT:]:
            del self._known[study]


def _in_a_thread(function: Callable[[], None]) -> None:
    threading.Thread(target=function, daemon=True).start()
