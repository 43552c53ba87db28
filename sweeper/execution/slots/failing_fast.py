"""Start no further trials where all would fail: what a slot asks before each claim, and what its launcher reports."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy import Engine

from sweeper.store.failures import FailAlike, failing
from sweeper.store.queue.failing import ran_since

LOOK_S: Final = 1.0  # between two looks while trials run that may still get further
LOOKS: Final = 3  # without a running trial, after which a host gives up that fails where others may not

Advice = Literal["start", "wait", "end"]


@dataclass(slots=True)
class FailFast:
    """Whether a slot is to start a trial; once one of its own has worked, it always is.

    Attributes:
        since: the last attempt of before the slot's launcher began.
    """

    engine: Engine
    study_id: int
    since: int
    host: str
    _has_worked: bool = False
    _looks: int = 0
    _look_at: float = 0.0

    def ended(self, state: str | None) -> None:
        """Take note of how a trial of this slot ended."""
        self._has_worked |= state in ("completed", "pruned")

    def advice(self) -> Advice:
        """Return whether to start a trial, to wait for those that run, or to end."""
        if self._has_worked:
            return "start"
        if time.monotonic() < self._look_at:
            return "wait"
        ran = ran_since(self.engine, self.study_id, self.since)
        found = failing(ran, self.host)
        if found is None:
            self._looks = 0
            return "start"
        self._looks = 0 if any(each.holds_lease for each in ran) else self._looks + 1
        if self._looks >= (1 if found.host is None else LOOKS):
            return "end"
        self._look_at = time.monotonic() + LOOK_S
        return "wait"


@dataclass(slots=True)
class FailureWatch:
    """Says once that trials fail alike."""

    engine: Engine
    study: str
    study_id: int
    since: int
    say: Callable[[str], None]
    _has_said: bool = False

    def look(self) -> None:
        """Look at what ran."""
        if self._has_said:
            return
        ran = ran_since(self.engine, self.study_id, self.since)
        found = next((found for host in {each.host for each in ran} if (found := failing(ran, host))), None)
        if found is not None:
            self._has_said = True
            waits = any(each.holds_lease for each in ran)
            self.say(f"{self.study}: {found}. {_consequence(found, waits=waits)}")  # the run's end says why


def _consequence(found: FailAlike, *, waits: bool) -> str:
    where = "" if found.host is None else " there"
    rest = " unless one that runs gets further" if waits else ""
    return f"No further trial starts{where}{rest} (to start them anyway: --keep-going)"
