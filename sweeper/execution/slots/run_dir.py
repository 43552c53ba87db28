"""A trial's run directory before an attempt: its files belong to this trial, and its config is there."""

import errno
import json
import os
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweeper.execution.slots.metrics import OUTPUT_FILE, json_object
from sweeper.execution.slots.programs import CONFIG_FILE, write_config
from sweeper.execution.slots.resources import Slot
from sweeper.files import write_atomically
from sweeper.spec.program import Program
from sweeper.store.records import Lease

IDENTITY_FILE: Final = "trial.json"
RESULT_FILE: Final = "result.json"
MARK_FILE: Final = ".attempt.json"
LAST_BYTES: Final = 2 << 20  # in which the last line begins, unless it is too long to be read
OF_ONE_TRIAL: Final = (IDENTITY_FILE, RESULT_FILE, OUTPUT_FILE, CONFIG_FILE)  # not inherited by a promoted trial


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
        found = json.loads((run_dir / MARK_FILE).read_text(encoding="utf-8"))
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
    with suppress(FileNotFoundError), path.open("rb") as file:
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


def is_between_lines(path: Path, place: int) -> bool:
    """Return whether a line of a file ends at a place, with its newline or without."""
    with path.open("rb") as file:
        file.seek(max(0, place - 1))
        return place == 0 or file.read(1) == b"\n" or file.read(1) in (b"\n", b"")


def prepare(program: Program, lease: Lease, slot: Slot, source: Path | None = None) -> None:
    """Prepare the directory for an attempt.

    Files of an earlier attempt stay, for the program to resume from, and so do those of the same trial from a store
    that no longer exists. Files of another trial are moved to ``NAME.replaced-1`` and so on.

    Args:
        source: the run directory of the trial whose checkpoint this one resumes from, for a promotion.

    Raises:
        OSError: the directory cannot be written to, or the source is not on this machine.
    """
    run_dir = lease.run_dir
    _make_root(run_dir.parent.parent)
    identity: dict[str, object] = {
        "configuration_hash": lease.configuration_hash,
        "seed": lease.seed,
        "budget": lease.budget,
    }
    if not _is_of(run_dir, identity):
        _move_aside(run_dir)
    if source is not None and not run_dir.exists():
        _inherit(source, run_dir)
    run_dir.mkdir(parents=True, exist_ok=True)
    write_atomically(run_dir / IDENTITY_FILE, (json.dumps(identity) + "\n").encode(), private=True)
    write_config(program, lease, slot)
    (run_dir / RESULT_FILE).unlink(missing_ok=True)  # an earlier attempt's result is not this one's


def _make_root(root: Path) -> None:
    """Make the directory of a study's runs, if there is none: what programs print is only for its owner."""
    if not root.exists():
        root.parent.mkdir(parents=True, exist_ok=True)
        root.mkdir(mode=0o700, exist_ok=True)


def _is_of(run_dir: Path, identity: dict[str, object]) -> bool:
    """Return whether the directory is missing, nobody's, or this trial's."""
    try:
        found = json.loads((run_dir / IDENTITY_FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return bool(found == identity)


def _inherit(source: Path, run_dir: Path) -> None:
    """Copy the source trial's files, above all its checkpoint and its metrics: completely or not at all."""
    if not source.is_dir():
        raise FileNotFoundError(errno.ENOENT, "the checkpoint to resume from is not on this machine", str(source))
    run_dir.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=run_dir.parent, prefix=f".{run_dir.name}."))
    try:
        shutil.copytree(source, draft, ignore=shutil.ignore_patterns(*OF_ONE_TRIAL, ".*"), dirs_exist_ok=True)
        draft.chmod(source.stat().st_mode)
        os.rename(draft, run_dir)  # noqa: PTH104 - must fail, not replace, if the directory exists
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise


def _move_aside(run_dir: Path) -> None:
    number = 1
    while (aside := run_dir.with_name(f"{run_dir.name}.replaced-{number}")).exists():
        number += 1
    shutil.move(run_dir, aside)
