"""Whether the kernel killed processes for want of memory."""

from contextlib import suppress
from pathlib import Path
from typing import Final

COUNTERS: Final = Path("/proc/vmstat")


def oom_kills() -> int:
    """How many processes the kernel of this machine has killed so far for want of memory; 0 where it does not say."""
    with suppress(OSError, ValueError):
        for line in COUNTERS.read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
