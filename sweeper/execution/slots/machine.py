"""This machine: whose process ids a process sees, what the kernel killed, and what dead slots left behind.

A host's name is not enough to say that a pid means the same process. Two containers may share a name, on one kernel
or on two, and would look for each other's processes among their own. On Linux the boot and the namespace of process
ids tell them apart.
"""

import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from sweeper.execution.slots.catching_up import store_unread
from sweeper.execution.slots.last_seconds import device_seconds_of
from sweeper.execution.slots.processes import is_alive, kill_trial
from sweeper.store.queue import queue

BOOT_FILE: Final = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE_FILE: Final = Path("/proc/self/ns/pid")
# Without /proc: written when the system was installed. Containers have none, or that of their image.
INSTALLATION_FILES: Final = (Path("/etc/machine-id"), Path("/etc/hostid"))
KERNEL_COUNTERS: Final = Path("/proc/vmstat")


@cache
def this_machine() -> str:
    """Return an identity of this machine's process ids: equal wherever a pid means the same process.

    After a reboot it is another one, so that what ran before resumes when its lease expires.
    """
    return identity(socket.gethostname(), BOOT_FILE, NAMESPACE_FILE, INSTALLATION_FILES)


def identity(host: str, boot: Path, namespace: Path, installation: tuple[Path, ...]) -> str:
    """Return host, boot and namespace; without /proc, host and installation, as far as they can be read."""
    parts = [host]
    with suppress(OSError):
        parts.append(boot.read_text(encoding="ascii").strip())
    with suppress(OSError):
        parts.append(str(os.stat(namespace).st_ino))  # noqa: PTH116 - follows the link to the namespace itself
    if len(parts) == 1:
        parts += [text for path in installation if (text := _first_line(path))][:1]
    return "/".join(parts)[:200]


def oom_kills() -> int:
    """Return how many processes the kernel has killed so far because memory ran out; 0 where it does not say."""
    with suppress(OSError, ValueError):
        for line in KERNEL_COUNTERS.read_text(encoding="ascii").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0


def free_abandoned_trials(engine: Engine, study_id: int) -> int:
    """Free the trials whose slot on this machine is dead, without waiting for their leases.

    Returns:
        How many. What is left of their processes has ended, and what they reported is in the store.
    """
    freed = 0
    for attempt in queue.abandoned(engine, study_id, this_machine()):
        if is_alive(attempt.supervisor_pid, attempt.supervisor_started_at):
            continue
        kill_trial(attempt.pid, attempt.pid_started_at)
        message, seconds = f"its slot {attempt.slot} was killed", device_seconds_of(attempt)
        store_unread(engine, study_id, attempt.attempt_id)
        freed += queue.release(engine, attempt.attempt_id, message, device_seconds=seconds)
    return freed


def _first_line(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="ascii").partition("\n")[0].strip()
    return ""
