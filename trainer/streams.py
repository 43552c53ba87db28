"""Write to the standard streams, whose readers may have left, as `head` does, or whose disk may be full."""

import os
import sys
from typing import TextIO

from trainer.errors import TrainerError


class OutputLost(TrainerError):  # noqa: N818 - what happened to it
    """Standard output cannot be written."""


def say(line: object) -> None:
    """Print a line to standard error; it is no reason to end a run if it cannot be written."""
    if sys.stderr is None:  # closed: `print` would use standard output
        return
    try:
        print(line, file=sys.stderr, flush=True)
    except BrokenPipeError:
        _discard(sys.stderr)
    except OSError:  # the stream keeps the line, and writes it with a later one, if it can
        pass


def show(text: str) -> None:
    """Print text to standard output; what its reader does not want is left out.

    Raises:
        OutputLost: it cannot be written.
    """
    try:
        print(text, flush=True)
    except BrokenPipeError:
        _discard(sys.stdout)
    except OSError as error:
        _discard(sys.stdout)
        reason = (error.strerror or str(error)).lower()
        raise OutputLost(
            f"standard output cannot be written: {reason}. Send it elsewhere, or make room, then run it again."
        ) from error


def finish() -> None:
    """Flush the standard streams, so that the interpreter does not fail to do so at its end, e.g. after `--help`."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:  # closed
            continue
        try:
            stream.flush()
        except OSError:
            _discard(stream)


def _discard(stream: TextIO) -> None:
    """Send the rest of a stream, and what it still holds, to the null device."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, stream.fileno())
    os.close(null)
