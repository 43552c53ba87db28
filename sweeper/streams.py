"""Standard streams that are closed, as under some services and cron, or that cannot take what is written.

A closed standard stream is worse than a lost message: the next file that is opened gets its number, and what is
printed goes there.
"""

import errno
import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

from sweeper.errors import SweeperError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

STREAMS: Final = ("stdin", "stdout", "stderr")  # by descriptor


class OutputLost(SweeperError):  # noqa: N818 - what happened, as in LeaseLost
    """Standard output cannot be written; the message says why."""


class _Output(io.FileIO):
    """Standard output, whose errors are told from those of other files."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            raise
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            message = f"standard output cannot be written: {reason}. Send it elsewhere, or make room, then run it again"
            raise OutputLost(message) from error


class _Notes(io.FileIO):
    """Standard error, which does without what cannot be written: a note is no reason to end a study."""

    def write(self, data: "ReadableBuffer", /) -> int:
        size = memoryview(data).nbytes
        try:
            written: int | None = super().write(data)  # None if it would block
        except OSError:
            return size
        return size if written is None else written


def open_missing() -> None:
    """Open the null device on those of descriptors 0, 1 and 2 that are closed; call it before any file is opened."""
    for descriptor, name in enumerate(STREAMS):
        try:
            os.fstat(descriptor)
        except OSError:
            _open_null(descriptor)
        if getattr(sys, name) is None:  # the interpreter found it closed
            stream = open(descriptor, "w" if descriptor else "r", encoding="utf-8", closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)


def name_errors() -> None:
    """Make errors of writing to standard output `OutputLost`, and ignore those of standard error."""
    sys.stdout = _rebuilt(sys.stdout, sys.__stdout__, _Output)
    sys.stderr = _rebuilt(sys.stderr, sys.__stderr__, _Notes)


@contextmanager
def unless_hung_up() -> Iterator[None]:
    """Leave out what is to be printed if nobody is there any more: the terminal or the pipe's reader is gone."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        discard_output()
    except OutputLost as error:
        cause = error.__cause__
        if not isinstance(cause, OSError) or cause.errno != errno.EIO:
            raise
        discard_output()


def discard_output() -> None:
    """Send what is left of standard output to the null device: the interpreter would try to write it at its end."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def _open_null(descriptor: int) -> None:
    null = os.open(os.devnull, os.O_RDWR)
    if null == descriptor:
        os.set_inheritable(null, True)
    else:
        os.dup2(null, descriptor)
        os.close(null)


def _rebuilt(stream: TextIO, original: TextIO | None, kind: type[io.FileIO]) -> TextIO:
    """Return the same stream over a file of this kind; as it is if a caller has put its own in its place."""
    is_replaced = stream is not original
    if is_replaced or not isinstance(stream, io.TextIOWrapper):
        return stream
    stream.flush()
    raw = kind(stream.fileno(), "w", closefd=False)
    return io.TextIOWrapper(
        io.BufferedWriter(raw),
        encoding=stream.encoding,
        errors=stream.errors,
        line_buffering=stream.line_buffering or stream.write_through,
    )
