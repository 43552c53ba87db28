"""Seeds of imported runs: numbers by which runs are paired, exact repeats, and what a reader must know of them."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import count

from sweeper.designs.levels import level_key
from sweeper.importing.arguments import by
from sweeper.importing.outcomes import places
from sweeper.importing.source_runs import SourceRun
from sweeper.spec.entries.values import LARGEST_INTEGER


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """The seeds of runs.

    Attributes:
        numbers: by run; runs with the same number are paired.
        repeats: by run, which exact repeat of its configuration and seed it is, from 0.
        notes: what was decided.
    """

    numbers: Sequence[int]
    repeats: Sequence[int]
    notes: tuple[str, ...]


def numbered(runs: Sequence[SourceRun], groups: Sequence[Hashable]) -> Seeds:
    """Return the seeds of runs.

    Runs are numbered within their configuration if none has a seed, or if no two configurations share one: such seeds
    pair nothing. Where only some have none, each of those gets a number of its own: nothing says what it pairs with.

    Args:
        groups: by run, its phase and configuration.
    """
    notes: list[str] = []
    without = [run for run in runs if run.seed is None]
    if without and len(without) < len(runs):
        verb, them = ("has", "it") if len(without) == 1 else ("have", "they")
        notes.append(f"{places(without)}: {verb} no seed, and others do: {them} cannot be paired with any run.")
        numbers = _with_own(runs, notes)
    elif without and len(set(groups)) < len(runs):
        notes.append(
            "The runs have no seeds: those of one configuration are numbered 0, 1, 2, … in their order, and pairs of "
            f"runs share nothing. Name the column of the seeds by {by('seed')}, if there is one."
        )
    elif not without and _pairs_nothing(runs, groups):
        without = list(runs)
        notes.append(
            "No two configurations share a seed, so seeds pair nothing: runs are numbered within each configuration."
        )
    if len(without) in (0, len(runs)):
        numbers = _within(groups) if without else _of_source(runs, notes)
    repeats = _within([(group, number) for group, number in zip(groups, numbers, strict=True)])
    if again := [run for run, repeat in zip(runs, repeats, strict=True) if repeat]:
        verb = "repeats" if len(again) == 1 else "repeat"
        notes.append(
            f"{places(again)}: {verb} the configuration and seed of another run; their mean counts as one run. Remove "
            f"them, or name what differs by {by('factors')}."
        )
    return Seeds(numbers=numbers, repeats=repeats, notes=tuple(notes))


def _pairs_nothing(runs: Sequence[SourceRun], groups: Sequence[Hashable]) -> bool:
    sharing: dict[str, set[Hashable]] = {}
    for run, group in zip(runs, groups, strict=True):
        sharing.setdefault(level_key(run.seed), set()).add(group)
    return len(set(groups)) > 1 and len(sharing) > 1 and all(len(found) == 1 for found in sharing.values())


def _within(groups: Sequence[Hashable]) -> list[int]:
    """Return the number of each item among those that are equal to it."""
    counts: dict[Hashable, int] = {}
    found = []
    for group in groups:
        found.append(counts.get(group, 0))
        counts[group] = found[-1] + 1
    return found


def _with_own(runs: Sequence[SourceRun], notes: list[str]) -> list[int]:
    """Return the seeds, and for each run without one the next number that no run has."""
    known = iter(_of_source([run for run in runs if run.seed is not None], notes))
    found = [None if run.seed is None else next(known) for run in runs]
    taken = {number for number in found if number is not None}
    free = (number for number in count() if number not in taken)
    return [next(free) if number is None else number for number in found]


def _of_source(runs: Sequence[SourceRun], notes: list[str]) -> list[int]:
    """Return the seeds themselves, or a number for each where they are no whole numbers of at least 0."""
    found = [_whole(run.seed) for run in runs]
    numbers = [number for number in found if number is not None]
    if len(numbers) == len(found):
        return numbers
    names = {key: index for index, key in enumerate(dict.fromkeys(level_key(run.seed) for run in runs))}
    shown = ", ".join(f"{key} is {index}" for key, index in list(names.items())[:3])
    notes.append(f"Seeds are no whole numbers of at least 0, and are numbered in their order: {shown} …")
    return [names[level_key(run.seed)] for run in runs]


def _whole(seed: object) -> int | None:
    if isinstance(seed, float) and seed.is_integer():
        seed = int(seed)
    if isinstance(seed, bool) or not isinstance(seed, int):
        return None
    return seed if 0 <= seed <= LARGEST_INTEGER else None
