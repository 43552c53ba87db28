"""Which checkpoints stay once their trials have ended, and what is dropped.

Checkpoints of trials that may still need them stay: of those that run, wait or have failed, since `sweeper retry`
resumes from them, and of a phase from whose checkpoints another one is to start.
"""

import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sweeper.designs.kinds import PromoteDesign
from sweeper.errors import StoreError
from sweeper.quantities import byte_size, counted
from sweeper.spec.metric import Direction
from sweeper.spec.program import CommandProgram, Program, TrainerProgram
from sweeper.spec.study import KeptCheckpoints, Study
from sweeper.store.reading import reader
from sweeper.store.reading.directories import run_directories
from sweeper.store.reading.reader import TrialRow

if TYPE_CHECKING:
    from sqlalchemy import Engine  # `sweeper gc` does without it

EVERY_S: Final = 60.0
ENDED: Final = ("completed", "pruned")
OPEN: Final = ("waiting", "running")
RESUMABLE: Final = ("checkpoint.pt", "checkpoint.previous.pt")  # of the built-in trainer, the last one first
OTHERS: Final = ("checkpoint.unreadable.pt", "best.pt")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Dropped:
    """A checkpoint that does not stay, and its size in bytes."""

    path: Path
    size: int


def checkpoint_files(program: Program) -> tuple[str, ...]:
    """Return the checkpoints of a program in its run directory, the last one first; none if they are not known."""
    return (*resumable_files(program), *(OTHERS if isinstance(program, TrainerProgram) else ()))


def resumable_files(program: Program) -> tuple[str, ...]:
    """Return those checkpoints that a program resumes from, the last one first; none if they are not known."""
    if isinstance(program, TrainerProgram):
        return RESUMABLE
    named = program.checkpoint if isinstance(program, CommandProgram) else None
    return () if named is None else (named,)


def superfluous(store: "str | Engine", name: str, rule: KeptCheckpoints | None = None) -> list[Dropped]:
    """Return the checkpoints on this machine that a study does not keep.

    Args:
        rule: which to keep; None for the study's own rule.

    Raises:
        UsageError: there is no such study.
        StoreError: the store cannot be read.
    """
    with reader.connect(store) as connection:
        row = reader.study(connection, name)
        study, trials = row.study, reader.trials(connection, row.id)
        rule = study.keep.checkpoints if rule is None else rule
        if rule == "all":
            return []
        members, directories = reader.members(connection, row.id), run_directories(connection, row.id)
    files = checkpoint_files(study.trial.program)
    best = best_trials(trials, members, study.metric.direction) if rule == "best" else set()
    needed = needed_trials(study, trials, members, directories)
    found = []
    for trial in trials:
        if trial.state in ENDED:
            where = directories.get(trial.id, [])
            for earlier in where[:-1]:  # of attempts that another one has continued elsewhere
                found += _existing(earlier, files)
            for latest in where[-1:] if trial.id not in best | needed else []:
                found += _existing(latest, files[1:] if rule == "last" else files)
    return found


def best_trials(trials: Sequence[TrialRow], members: Mapping[str, Iterable[int]], direction: Direction) -> set[int]:
    """Return the best completed trial of each phase, of those so far."""
    by_id = {trial.id: trial for trial in trials}
    sign = 1 if direction == "minimize" else -1
    found = set()
    for wanted in members.values():
        valued = [
            (sign * trial.value, trial.id)
            for trial in (by_id[each] for each in wanted)
            if trial.state == "completed" and trial.value is not None and math.isfinite(trial.value)
        ]
        found |= {min(valued)[1]} if valued else set()
    return found


def needed_trials(
    study: Study,
    trials: Sequence[TrialRow],
    members: Mapping[str, Iterable[int]],
    directories: Mapping[int, Sequence[Path]],
) -> set[int]:
    """Return the trials from whose checkpoints those of another phase are still to start.

    A promoted trial has its own copy of the checkpoint once it has a run directory. One that failed before, e.g. since
    its study was cancelled, can still be put back by `sweeper retry`.
    """
    found = set()
    for phase in study.phases:
        design = phase.design
        if isinstance(design, PromoteDesign) and design.start == "checkpoint":
            promoted = [trial.id for trial in trials if trial.phase == phase.name and _may_start(trial)]
            if any(not any(each.is_dir() for each in directories.get(trial, ())) for trial in promoted):
                found |= set(members[design.phase])
    return found


def _may_start(trial: TrialRow) -> bool:
    return trial.state in OPEN or (trial.state == "failed" and trial.configuration is not None)


def drop(found: Iterable[Dropped]) -> Iterator[Dropped]:
    """Delete checkpoints; yield those that are gone now.

    Raises:
        OSError: one cannot be deleted.
    """
    for each in found:
        each.path.unlink(missing_ok=True)
        yield each


class Keeper:
    """Drops what a study does not keep, from time to time while it runs."""

    def __init__(self, store: "str | Engine", study: Study) -> None:
        self._store = store
        self._study = study
        self._next_at = time.monotonic() + EVERY_S

    def look(self, *, now: bool = False) -> None:
        """Drop what does not stay, at most once a minute unless it is to be `now`. What fails is tried again."""
        if self._study.keep.checkpoints == "all" or (time.monotonic() < self._next_at and not now):
            return
        self._next_at = time.monotonic() + EVERY_S
        with suppress(StoreError):  # the launch notices it, too
            try:
                gone = list(drop(superfluous(self._store, self._study.name)))
            except OSError as error:
                log.warning("%s: checkpoints cannot be dropped: %s", self._study.name, error)
            else:
                if gone:
                    log.info("%s: dropped %s", self._study.name, described(gone))


def described(found: Sequence[Dropped]) -> str:
    """Return how many checkpoints there are, and of what size."""
    return f"{counted(len(found), 'checkpoint')}, {byte_size(sum(each.size for each in found))}"


def _existing(directory: Path, names: Iterable[str]) -> list[Dropped]:
    found = []
    for name in names:
        with suppress(FileNotFoundError, NotADirectoryError):
            path = directory / name
            found.append(Dropped(path, path.stat().st_size))
    return found
