"""Which machine's process ids a process sees: what has to be the same before a pid says anything about another slot.

A host's name is not enough. Two containers may share it, on one kernel or on two, and would look for each other's
processes among their own. On Linux the boot and the namespace of process ids tell them apart.
"""

import os
import socket
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Final

BOOT_FILE: Final = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE_FILE: Final = Path("/proc/self/ns/pid")
# Without /proc: what was written when the system was installed. Containers have none, or that of their image.
INSTALLATION_FILES: Final = (Path("/etc/machine-id"), Path("/etc/hostid"))


@cache
def this_machine() -> str:
    """An identity of this machine's process ids: equal wherever a pid means the same process.

    A machine that started again is another one, so that what ran on it before is taken up when its lease runs out.
    """
    return identity(socket.gethostname(), BOOT_FILE, NAMESPACE_FILE, INSTALLATION_FILES)


def identity(host: str, boot: Path, namespace: Path, installation: tuple[Path, ...]) -> str:
    """Host, boot and namespace; where there is no /proc, host and installation, as far as they can be read."""
    parts = [host]
    with suppress(OSError):
        parts.append(boot.read_text(encoding="ascii").strip())
    with suppress(OSError):
        parts.append(str(os.stat(namespace).st_ino))  # noqa: PTH116 - follows the link to the namespace itself
    if len(parts) == 1:
        parts += [text for path in installation if (text := _first_line(path))][:1]
    return "/".join(parts)[:200]


def _first_line(path: Path) -> str:
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="ascii").partition("\n")[0].strip()
    return ""
