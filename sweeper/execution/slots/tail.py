"""Read a growing file line by line, each line once, whatever becomes of the file.

A file may be cut below what was read: a program that resumes from a checkpoint, as our trainer does, removes the lines
that are newer than it. Reading then goes on after the longest part of the file that is still the same.

A file that was read is kept open. So what is written to it until it is removed or replaced is read, too; whether more
was lost then is up to `Tail.loss`.
"""

import os
import time
import zlib
from array import array
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from sweeper.execution.slots.regular_files import APPEND, Held, NotRegularFile, open_regular, size_of
from sweeper.quantities import byte_size

LARGE_BYTES: Final = 20_000_000  # a larger output of a trial is reported
LINE_BYTES: Final = 1 << 20  # the longest line; what follows in it is skipped
READ_BYTES: Final = LINE_BYTES + 1  # a longest line and its newline
MOST_SKIPS: Final = 64  # readings without a line, as of one of gigabytes, before others get their turn
MARK_BYTES: Final = 256  # of what was read last; they show whether a file was cut and has grown again
MOST_MARKS: Final = 1 << 20
MOST_FORMER: Final = 8  # files that were replaced, and may still be written to
REDRAWN_S: Final = 1.0  # between two readings of a line that is drawn over and over


@dataclass(slots=True)
class _Marks:
    """Places in a file and a checksum of all before each, from which the part of it that is unchanged follows."""

    start: int = 0
    ends: "array[int]" = field(default_factory=lambda: array("Q"))
    sums: "array[int]" = field(default_factory=lambda: array("I"))

    def add(self, text: bytes) -> None:
        """Add the place after a text that follows the last one."""
        end, total = (self.ends[-1], self.sums[-1]) if self.ends else (self.start, 0)
        self.ends.append(end + len(text))
        self.sums.append(zlib.crc32(text, total))
        if len(self.ends) > MOST_MARKS:  # the earlier half gets half as dense: a cut there repeats a line
            half = MOST_MARKS // 2
            self.ends = self.ends[1:half:2] + self.ends[half:]
            self.sums = self.sums[1:half:2] + self.sums[half:]

    def keep_unchanged(self, file: IO[bytes]) -> int:
        """Forget the places after the first change, and return the last of the others."""
        end, total = self.start, 0
        file.seek(end)
        for number, place in enumerate(self.ends):
            text = file.read(place - end)
            total = zlib.crc32(text, total)
            if len(text) < place - end or total != self.sums[number]:
                del self.ends[number:], self.sums[number:]
                break
            end = place
        if not self.ends and file.seek(0, os.SEEK_END) < self.start:
            self.start = 0
        return self.ends[-1] if self.ends else self.start


@dataclass(slots=True)
class Tail:
    """Reads a growing file line by line.

    Attributes:
        offset: bytes that were read.
        redrawn: it is a program's output, which a slot opened for it: the file that was opened first is read, whatever
            takes its place. Carriage returns draw a line anew, as those of progress bars do. Of what is drawn within a
            line, at most one text a second is read, and the last one before the newline.
        restarts: how often the file was found cut.
        cut_at: where it was, the last time.
        truncations: how often it was cut itself, not replaced: what was added to it just before that is lost.
        trouble: what has become of the file since it was read; None if it is there.
    """

    path: Path
    offset: int = 0
    redrawn: bool = False
    clock: Callable[[], float] = time.monotonic
    restarts: int = 0
    cut_at: int = 0
    truncations: int = 0
    trouble: str | None = None
    _held: Held | None = None
    _is_new: bool = False  # it has replaced another one
    _former: list[tuple[Held, int]] = field(default_factory=list)  # that were replaced, and how far they were read
    _before: bytes = b""
    _marks: _Marks = field(default_factory=_Marks)
    _in_long_line: bool = False  # its beginning was read, and the rest is skipped
    _drawn_at: float | None = None  # when the unfinished line was last read, or first seen

    def hold(self) -> None:
        """Make the file if it does not exist, and keep it open.

        Raises:
            OSError: that is not possible.
        """
        os.close(open_regular(self.path, APPEND))
        self._held = Held(self.path)

    def follow(self, other: "Tail") -> None:
        """Take over what another reader of this path knows of the files that were there before."""
        self._former = other._former

    @property
    def was_there(self) -> bool:
        """Whether the file was ever opened."""
        return self._held is not None

    def loss(self) -> str | None:
        """Return how lines that were not read may have been lost; None if there is no sign of that.

        To be asked once all was read. Lines that are cut off are not counted where the program may do that.
        """
        if self.redrawn:
            if self.truncations == 0:
                return None
            return (
                f"{self.path} was cut while the program wrote to it: what it had printed is lost. "
                "Let nothing but the program's output change that file"
            )
        if self.trouble is not None:
            return (
                f"{self.path} {self.trouble} since it was read: what the program reported after that may be lost. "
                "Leave the file where it is until the program has ended"
            )
        if any(held.size > read for held, read in self._former):
            return (
                f"{self.path} was replaced while the program wrote to it: what it reported after that is lost. "
                "Change nothing in that file until the program has ended"
            )
        return None

    def skip(self) -> None:
        """Skip all that the file holds: the next lines are those that follow."""
        if self.redrawn:  # a program does not cut its output, which may be long
            self.start_at(size_of(self.path) if self._held is None else self._held.size)
            return
        before = -1
        while before != self.offset:
            before = self.offset
            self.lines(rest=True)

    def start_at(self, offset: int) -> None:
        """Read from a place on; what is before it is not looked at."""
        self.offset, self._before, self._marks = offset, b"", _Marks(offset)

    @property
    def num_lines(self) -> int:
        """The number of lines before the offset, if the file's lines are not redrawn."""
        return len(self._marks.ends)

    def lines(self, *, closed: bool = False, rest: bool = False) -> list[bytes]:
        """Return the complete lines since the last call, at most about a megabyte; none if the file does not exist.

        A line of more than `LINE_BYTES` is cut after one byte more.

        There may be more although there is none, within a very long line: the offset has moved then.

        Args:
            closed: nothing will be added any more: what was drawn last on an unfinished line counts.
            rest: take what follows the last newline as a line, too.
        """
        held, is_last = self._file()
        if held is None:
            return []
        with held.reader() as file:
            size = self._find_place(file)
            for _ in range(MOST_SKIPS):
                file.seek(self.offset)
                chunk = file.read(READ_BYTES)
                before = self.offset
                ends_here = before + len(chunk) >= size
                lines = self._take(chunk, closed=closed, rest=(rest or is_last) and ends_here)
                if lines or ends_here or self.offset == before:
                    return lines
        return []

    def _file(self) -> tuple[Held | None, bool]:
        """Return the file to read: one that was replaced has to be read to its end first, and whether it is such a one.

        The path is opened anew each time, since network file systems show what others wrote only then.
        """
        try:
            found = Held(self.path)
        except FileNotFoundError as error:
            if self._held is not None:
                self.trouble = "is not a regular file any more" if isinstance(error, NotRegularFile) else "is gone"
            return self._held, False
        held = self._held
        if held is None or found.identity == held.identity:
            self._held, self.trouble = found, None
        elif self.redrawn:
            self.trouble = "was replaced"
        elif held.size > self.offset:
            return held, True
        else:
            self._former = [*self._former[1 - MOST_FORMER :], (held, self.offset)]
            self._held, self.trouble = found, None
            self._is_new = True
        return self._held, False

    def _find_place(self, file: IO[bytes]) -> int:
        """Go back to where the file was cut, if it was; return its size."""
        is_new, self._is_new = self._is_new, False
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, self.offset - len(self._before)))
        if size < self.offset or file.read(len(self._before)) != self._before:
            self.offset = self._marks.keep_unchanged(file)
            file.seek(max(0, self.offset - MARK_BYTES))
            self._before = file.read(min(self.offset, MARK_BYTES))
            self._in_long_line, self._drawn_at = False, None
            self.restarts += 1
            self.truncations += not is_new
            self.cut_at = self.offset
        return size

    def _take(self, chunk: bytes, *, closed: bool, rest: bool) -> list[bytes]:
        if self._in_long_line:
            end = chunk.find(b"\n") + 1
            self._in_long_line = end == 0 and not rest
            self._consume(chunk[: end or len(chunk)])
            return []
        end = len(chunk) if rest else chunk.rfind(b"\n") + 1
        if end:
            self._drawn_at = None
            self._consume(chunk[:end])
            return self._texts(chunk[:end])
        if self.redrawn and b"\r" in chunk:
            return self._take_drawn(chunk, closed=closed)
        if len(chunk) < READ_BYTES:
            return []
        self._in_long_line = True
        self._consume(chunk)
        return [chunk]

    def _texts(self, chunk: bytes) -> list[bytes]:
        if not self.redrawn:
            return chunk.splitlines()
        return [_last_drawn(line) for line in chunk.removesuffix(b"\n").split(b"\n")]

    def _take_drawn(self, chunk: bytes, *, closed: bool) -> list[bytes]:
        """Take what was drawn last on an unfinished line, if that is due; else leave just that to be read."""
        drawn = chunk[: chunk.rfind(b"\r") + 1]
        text = _last_drawn(drawn)
        now = self.clock()
        if self._drawn_at is None:
            self._drawn_at = now
        if closed or now - self._drawn_at >= REDRAWN_S:
            self._drawn_at = now
            self._consume(drawn)
            return [text]
        self._consume(drawn[: drawn.rfind(text)] if text else drawn)
        return []

    def _consume(self, text: bytes) -> None:
        self.offset += len(text)
        self._before = (self._before + text)[-MARK_BYTES:]
        for line in [text] if self.redrawn else text.splitlines(keepends=True):
            self._marks.add(line)


def _last_drawn(line: bytes) -> bytes:
    """Return what a line shows in the end: the text after its last carriage return that is not blank."""
    text = line.rstrip()
    return text[text.rfind(b"\r") + 1 :]


def large_output(path: Path) -> list[str]:
    """Return a remark on a trial's output that takes much room, as those of all trials do together; none on others."""
    try:
        size = path.stat().st_size
    except OSError:
        return []
    if size < LARGE_BYTES:
        return []
    return [
        f"{path.name} has {byte_size(size)}, all of which is kept: print less, or delete it once the trial has ended"
    ]
