"""Whose fault an operating system's error is: the machine's, which passes, or the program's."""

import errno
from typing import Final

NO_SPACE: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})  # somebody has to do something about it
# Too many processes or open files, no memory, a file server or a disk that has failed, a program being replaced.
OF_THE_MACHINE: Final = NO_SPACE | {
    errno.EAGAIN,
    errno.ENOMEM,
    errno.ENOBUFS,
    errno.EMFILE,
    errno.ENFILE,
    errno.ESTALE,
    errno.EIO,
    errno.ETXTBSY,
}


class MachineTrouble(Exception):  # noqa: N818 - what it is called
    """A trial went back to the queue because the machine could not run it now; the message says why.

    Attributes:
        remedy: what somebody has to do about it, if it does not pass.
    """

    def __init__(self, message: str, remedy: str | None = None) -> None:
        super().__init__(message)
        self.remedy = remedy


def is_of_the_machine(error: OSError) -> bool:
    """Return whether another attempt, on this machine later or on another, may well succeed."""
    return error.errno in OF_THE_MACHINE
