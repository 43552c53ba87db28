"""A wall clock that can be set, for the processes of one round; Python imports this when it starts.

The seconds by which the clock is wrong are in a file. The boot time that psutil reports follows the clock, as the
kernel's does.
"""

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

CLOCK = "CHAOS_CLOCK"  # the variable with the file's path
LOOK_S = 0.02


def install(path: Path) -> None:
    """Have this process's clock follow the file."""
    module: Any = psutil._psplatform  # type: ignore[attr-defined]
    real, boot = time.time, module.boot_time
    known = [0.0, -LOOK_S]

    def ahead() -> float:
        now = time.monotonic()
        if now - known[1] >= LOOK_S:
            known[1] = now
            with suppress(OSError, ValueError):
                known[0] = float(path.read_text(encoding="ascii"))
        return known[0]

    time.time = lambda: real() + ahead()
    module.boot_time = lambda: boot() + ahead()


if CLOCK in os.environ:
    install(Path(os.environ[CLOCK]))
