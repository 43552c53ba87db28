"""A trial's run directory before an attempt: what earlier attempts left ends between lines, and its config is there."""

import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweeper.execution.slots.metrics import json_object
from sweeper.execution.slots.programs import write_config
from sweeper.execution.slots.regular_files import read_json, reading
from sweeper.execution.slots.resources import Slot
from sweeper.files import write_atomically
from sweeper.spec.program import Trial
from sweeper.store.records import Lease

RESULT_FILE: Final = "result.json"
MARK_FILE: Final = ".attempt.json"
LAST_BYTES: Final = 2 << 20  # in which the last line begins, unless it is too long to be read


@dataclass(frozen=True, slots=True)
class Mark:
    """Which attempt wrote last in a run directory.

    Attributes:
        start: where its part of the file with metrics begins.
        cut_at: where its program cut that file; None if it did not.
    """

    attempt_id: int
    start: int
    cut_at: int | None = None


def read_mark(run_dir: Path) -> Mark | None:
    """Return the mark of the last attempt in a run directory; None if there is none."""
    try:
        found = read_json(run_dir / MARK_FILE)
        cut_at = found.get("cut_at")
        return Mark(int(found["attempt"]), int(found["start"]), None if cut_at is None else int(cut_at))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def write_mark(run_dir: Path, mark: Mark) -> None:
    """Mark a run directory as an attempt's. A promoted trial does not inherit the mark.

    Raises:
        OSError: the directory cannot be written to.
    """
    text = json.dumps({"attempt": mark.attempt_id, "start": mark.start, "cut_at": mark.cut_at})
    write_atomically(run_dir / MARK_FILE, text.encode(), private=True)


def last_line(path: Path) -> bytes:
    """Return what follows the last newline of a file, or the end of that; nothing if the file does not exist."""
    with suppress(FileNotFoundError), reading(path) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - LAST_BYTES))
        tail = file.read()
        return tail[tail.rfind(b"\n") + 1 :]
    return b""


def end_last_line(path: Path, *, cut: bool) -> None:
    """See that what is added to a file begins on a new line, although a process may have died within one.

    Args:
        cut: remove a last line without an end, unless it is a JSON object that lacks only that; else end it.

    Raises:
        OSError: the file cannot be written to.
    """
    text = last_line(path)
    if not text:
        return
    with path.open("rb+") as file:
        size = file.seek(0, os.SEEK_END)
        if cut and len(text) < LAST_BYTES and json_object(text) is None:
            file.truncate(size - len(text))
        else:
            file.write(b"\n")


def read_result(run_dir: Path) -> dict[str, object] | None:
    """Return the program's result.json, if it is a JSON object of reasonable size."""
    try:
        result = read_json(run_dir / RESULT_FILE)
    except (OSError, ValueError):
        return None
    return result if isinstance(result, dict) else None


def is_between_lines(path: Path, place: int) -> bool:
    """Return whether a line of a file ends at a place, with its newline or without."""
    with reading(path) as file:
        file.seek(max(0, place - 1))
        return place == 0 or file.read(1) == b"\n" or file.read(1) in (b"\n", b"")


def prepare(trial: Trial, lease: Lease, slot: Slot) -> None:
    """Prepare the directory for an attempt. Files of an earlier one stay, for the program to resume from.

    Raises:
        OSError: the directory cannot be written to.
    """
    write_config(trial, lease, slot)
    (lease.run_dir / RESULT_FILE).unlink(missing_ok=True)  # an earlier attempt's result is not this one's
