"""Whose fault an operating system's error is: the machine's, which passes, or the program's."""

import errno
import os
from pathlib import Path
from typing import Final

NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
DENIED: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
# Too many processes or open files, no memory, a file server or a disk that has failed, a program being replaced.
PASSING: Final = frozenset(
    {
        errno.EAGAIN,
        errno.ENOMEM,
        errno.ENOBUFS,
        errno.EMFILE,
        errno.ENFILE,
        errno.ESTALE,
        errno.EIO,
        errno.ETXTBSY,
    }
)
OF_THE_MACHINE: Final = NO_SPACE | PASSING | {errno.EROFS}


class MachineTrouble(Exception):  # noqa: N818 - what it is called
    """A trial went back to the queue because the machine could not run it now; the message says why.

    Attributes:
        remedy: what somebody has to do about it; None if it passes by itself.
    """

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


def is_of_the_machine(error: OSError) -> bool:
    """Return whether another attempt, on this machine later or on another, may well succeed."""
    return error.errno in OF_THE_MACHINE


def is_denied(error: OSError, directory: Path) -> bool:
    """Return whether an error is that something in a directory may not be read or written to."""
    if error.errno not in DENIED or not isinstance(error.filename, str | os.PathLike):
        return False
    return Path(error.filename).is_relative_to(directory)


def remedy_for(error: OSError) -> str | None:
    """Return what somebody has to do about an error in a run directory; None if it passes by itself."""
    if error.errno in PASSING:
        return None
    if error.errno in NO_SPACE:
        return "Free some disk space"
    if error.errno == errno.EROFS:
        return "Mount that disk writable"
    if error.errno in DENIED:
        return f"Make it writable for the user with the id {os.geteuid()}"
    return "Check that directory"
