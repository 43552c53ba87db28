"""Whose the directory of a study's runs is. A file in it names the store and the study that have it.

Stores do not know of each other: those of two people, or of two directories, may have a study of the same name, and
the same $SWEEPER_RUNS. The first one has the directory of that name, and the others have one with the beginning of
their store's identity behind it.
"""

import errno
import json
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from sweeper.execution.slots.identity import IDENTITY_FILE
from sweeper.execution.slots.regular_files import read_json
from sweeper.execution.slots.run_dir import read_mark
from sweeper.files import write_new
from sweeper.store.queue.run_dirs import StudyRoot, UsedDirectory, move_root, study_root, used_directories

OWNER_FILE: Final = ".sweeper-study"
SHOWN: Final = 8  # digits of a store's identity in a directory's name
MOST_NUMBERED: Final = 100  # if these are taken, nothing in their directory can be read


@dataclass(frozen=True, slots=True)
class Owner:
    """A study of a store."""

    store: str
    study: int


def settle_root(engine: Engine, study_id: int) -> StudyRoot:
    """Claim a directory on this machine for a study's runs, another one than the usual if that is somebody else's.

    Raises:
        OSError: a directory cannot be made or written to.
    """
    root = study_root(engine, study_id)
    owner = Owner(root.store_uid, study_id)
    while not is_claimed(root.path, owner, lambda: used_directories(engine, study_id)):
        free = next((path for path in _others(root) if is_claimed(path, owner, list)), None)
        if free is None:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(root.usual.parent))
        root = move_root(engine, root, free)
    return root


def is_claimed(path: Path, owner: Owner, used: Callable[[], list[UsedDirectory]]) -> bool:
    """Claim a directory for a study, unless another one has it; return whether it has it now.

    Args:
        used: returns the directories in which the study's trials have run: one that was used by an earlier version,
            which did not say whose it is, is claimed if they are the study's own.

    Raises:
        OSError: it cannot be made or written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        found = _read(path)
    except (ValueError, PermissionError, NotADirectoryError):
        return False
    if found is not None:
        return found == asdict(owner)
    if path.is_dir() and _has_files(path) and not _is_used_by(path, used()):
        return False
    path.mkdir(mode=0o700, exist_ok=True)  # what programs print is only for its owner
    with suppress(FileExistsError):  # another launch was faster
        write_new(path / OWNER_FILE, (json.dumps(asdict(owner)) + "\n").encode())
    return _read(path) == asdict(owner)


def _others(root: StudyRoot) -> Iterator[Path]:
    """Yield the directories that a study may have instead of the usual one."""
    name = f"{root.usual.name}-{root.store_uid[:SHOWN]}"
    yield root.usual.with_name(name)
    for number in range(2, MOST_NUMBERED):
        yield root.usual.with_name(f"{name}-{number}")


def _read(path: Path) -> object:
    """Return who has a directory; None if it does not say."""
    try:
        return read_json(path / OWNER_FILE)
    except FileNotFoundError:
        return None


def _has_files(path: Path) -> bool:
    """Return whether there is anything but drafts of an owner's file."""
    return any(not name.startswith(f".{OWNER_FILE}") for name in os.listdir(path))  # noqa: PTH208


def _is_used_by(path: Path, used: list[UsedDirectory]) -> bool:
    """Return whether what an earlier version left in a directory is this study's: all of it that can be known."""
    here = [each for each in used if each.path.is_relative_to(path) and each.path.is_dir()]
    return bool(here) and all(map(_agrees, here))


def _agrees(directory: UsedDirectory) -> bool:
    mark = read_mark(directory.path)
    try:
        found = read_json(directory.path / IDENTITY_FILE)
    except (OSError, ValueError):
        return False
    expected = {
        "configuration_hash": directory.configuration_hash,
        "seed": directory.seed,
        "budget": directory.budget,
    }
    return found == expected and (mark is None or mark.attempt_id in directory.attempts)
