"""Open files of a run directory, where a program may put anything: what is no regular file counts as missing.

A pipe that nobody writes to would block whoever opens it, and a device has no end.
"""

import errno
import json
import os
import stat
from pathlib import Path
from typing import IO, Any, Final

READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
MOST_BYTES: Final = 1 << 20  # of a JSON file
APPEND: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
# A part of its path is a file; it is a socket, or a pipe without a reader; a directory; a link to itself.
ODD: Final = frozenset({errno.ENOTDIR, errno.ENXIO, errno.EISDIR, errno.ELOOP, errno.ENODEV})


class NotRegularFile(FileNotFoundError):  # noqa: N818 - what it is about
    """What is at a path is a directory, a pipe, a socket or a device."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.ENOENT, "is not a regular file; remove it, and let programs write to files", str(path))


def open_regular(path: Path, flags: int = READ) -> int:
    """Open a file without ever waiting, and return its descriptor.

    Raises:
        FileNotFoundError: there is none, or no regular file (`NotRegularFile`).
        OSError: it cannot be opened.
    """
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in ODD:
            raise NotRegularFile(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotRegularFile(path)
    os.set_blocking(descriptor, True)
    return descriptor


def reading(path: Path) -> IO[bytes]:
    """Open a file to read it (`open_regular`)."""
    return os.fdopen(open_regular(path), "rb")


def read_json(path: Path) -> Any:
    """Return the content of a JSON file of reasonable size.

    Raises:
        FileNotFoundError: there is none (`open_regular`).
        ValueError: it is no JSON, or too large.
        OSError: it cannot be read.
    """
    with reading(path) as file:
        text = file.read(MOST_BYTES + 1)
    if len(text) > MOST_BYTES:
        raise ValueError(f"larger than {MOST_BYTES} bytes")
    return json.loads(text)


def appending(path: Path) -> IO[bytes]:
    """Open a file to add to it, and make it if it does not exist (`open_regular`)."""
    return os.fdopen(open_regular(path, APPEND), "ab")


def size_of(path: Path) -> int:
    """Return the size of a file; 0 if there is none (`open_regular`)."""
    try:
        with Held(path) as file:
            return file.size
    except FileNotFoundError:
        return 0


def check_regular(path: Path) -> None:
    """Check that a file may be opened by those who would wait, if it exists.

    Raises:
        NotRegularFile: it is something else.
    """
    if os.path.lexists(path):
        try:
            os.close(open_regular(path))
        except NotRegularFile:
            raise
        except FileNotFoundError:
            pass  # a link to a file that whoever writes to it makes


class Held:
    """A file that is kept open, and so can be read although it is removed or renamed."""

    def __init__(self, path: Path) -> None:
        self._descriptor = open_regular(path)
        found = os.fstat(self._descriptor)
        self.identity = (found.st_dev, found.st_ino)

    def __enter__(self) -> "Held":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Give the descriptor back."""
        descriptor, self._descriptor = getattr(self, "_descriptor", -1), -1
        if descriptor >= 0:
            os.close(descriptor)

    @property
    def size(self) -> int:
        """How many bytes it has."""
        return os.fstat(self._descriptor).st_size

    def reader(self) -> IO[bytes]:
        """Return a reader from its start, which may be closed while the file stays open."""
        return os.fdopen(os.dup(self._descriptor), "rb")
