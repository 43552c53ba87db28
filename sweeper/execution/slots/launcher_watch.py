"""Check whether a slot's launcher is gone, or the slot is asked to end."""

import os
import time
from dataclasses import dataclass, field
from typing import Final

from sweeper.execution.slots.processes import is_alive

LOOK_EVERY_S: Final = 0.5  # between two looks at the launcher's process
DYING_S: Final = 0.2


@dataclass(slots=True)
class LauncherWatch:
    """Checks whether the slot's launcher is gone, or the slot itself is asked to end."""

    pid: int
    process_started_at: float
    asked: bool = False
    _is_parent: bool = field(init=False)
    _looked_at: float = 0.0
    _gone: bool = False

    def __post_init__(self) -> None:
        self._is_parent = os.getppid() == self.pid

    def ask(self, *_: object) -> None:
        """Handle a signal: the launcher died, or the slot is to end."""
        self.asked = True

    def wants_end(self) -> bool:
        """Return whether there is no reason to continue."""
        return self.asked or self.is_gone()

    def is_dying(self) -> bool:
        """Return whether the launcher is gone in a moment: its threads end one by one, the slots' before the last."""
        time.sleep(DYING_S)
        self._looked_at = 0.0
        return self.is_gone()

    def is_gone(self) -> bool:
        """Return whether the launcher is gone; checks its process now and then."""
        if not self._gone and time.monotonic() - self._looked_at >= LOOK_EVERY_S:
            self._looked_at = time.monotonic()
            orphaned = self._is_parent and os.getppid() != self.pid
            self._gone = orphaned or not is_alive(self.pid, self.process_started_at)
        return self._gone
