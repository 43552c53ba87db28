"""Seeds of imported runs: numbers by which runs are paired, exact repeats, and what a reader must know of them.

A seed that is a whole number is stored as it is, since a program that is launched later gets it. All others get numbers
that no run has.
"""

from collections.abc import Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Final

from sweeper.designs.levels import Level, level_key
from sweeper.importing.arguments import by
from sweeper.importing.cells import INTEGER, as_level, level_of
from sweeper.importing.outcomes import EndedRun, places
from sweeper.importing.source_runs import SourceRun
from sweeper.spec.entries.values import LARGEST_INTEGER

NO_SEEDS: Final = "none"  # in place of a column: the seeds of the source pair nothing
MOST_DIGITS: Final = 400  # of a number that is read as one
MOST_SHOWN: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """The seeds of runs.

    Attributes:
        numbers: by run; runs with the same number are paired.
        names: what the source has instead of a number, as text; of each other number, the number.
        own: the numbers of runs that have no seed, where others do: nothing else may be paired with them.
        repeats: by run, which exact repeat of its configuration and seed it is, from 0.
        notes: what was decided.
    """

    numbers: Sequence[int]
    names: dict[int, str]
    own: frozenset[int]
    repeats: Sequence[int]
    notes: tuple[str, ...]


def read_seed(cell: object) -> Level:
    """Return what a cell has as a seed: whole numbers exactly, whatever their size and form.

    >>> [read_seed(cell) for cell in ("4", 4.0, "1e3", "9223372036854775809", "a", 1.5, "")]
    [4, 4, 1000, 9223372036854775809, 'a', 1.5, None]
    """
    text = cell.strip() if isinstance(cell, str) else ""
    if len(text) < MOST_DIGITS and INTEGER.fullmatch(text):
        return int(text)
    level = level_of(cell) if isinstance(cell, str) else as_level(cell)
    return level if (whole := whole_seed(level)) is None else whole


def whole_seed(seed: object) -> int | None:
    """Return a seed that is a whole number of at least 0, as the store keeps it; None for any other."""
    if isinstance(seed, bool) or not isinstance(seed, int | float) or not 0 <= seed <= LARGEST_INTEGER:
        return None
    return int(seed) if seed == int(seed) else None


def seed_text(seed: Level) -> str:
    """Return a seed as text: no two seeds have the same."""
    return str(seed) if isinstance(seed, int) and not isinstance(seed, bool) else level_key(seed)


def numbered(
    ended: Sequence[EndedRun],
    groups: Sequence[Hashable],
    *,
    planned: Collection[int] | None = None,
    remedy: str,
) -> Seeds:
    """Return the seeds of runs.

    Runs are numbered within their configuration if none has a seed. Where only some have none, each of those gets a
    number of its own: nothing says what it pairs with.

    Args:
        groups: by run, its phase and configuration.
        planned: the seeds of a given study, which only runs that have them get; None if no study is given.
        remedy: what to do about runs that repeat others.
    """
    runs = [each.run for each in ended]
    without = [run for run in runs if run.seed is None]
    known = [whole_seed(run.seed) for run in runs]
    free = _free({number for number in known if number is not None}.union(planned or ()))
    names, notes = _others(runs, known, free)
    numbers = [
        names[seed_text(run.seed)] if number is None and run.seed is not None else number
        for run, number in zip(runs, known, strict=True)
    ]
    own: frozenset[int] = frozenset()
    if len(without) == len(runs):
        within = _within(groups)
        order = list(range(max(within) + 1)) if planned is None else [next(free) for _ in range(max(within) + 1)]
        found = [order[place] for place in within]
        notes += _note_without(groups, planned)
    else:
        found = [next(free) if number is None else number for number in numbers]
        own = frozenset(number for run, number in zip(runs, found, strict=True) if run.seed is None)
        if without:
            verb, them = ("has", "it") if len(without) == 1 else ("have", "they")
            notes.append(f"{places(without)}: {verb} no seed, and others do: {them} cannot be paired with any run.")
        elif planned is None and _pairs_nothing(groups, found):
            notes.append(
                "No two configurations share a seed, so no two runs are a pair. Give runs that belong together the "
                f"same seed, or number those of each configuration by {by('seed', NO_SEEDS)}."
            )
    repeats = _within([(group, number) for group, number in zip(groups, found, strict=True)])
    return Seeds(
        numbers=found,
        names={**{number: str(number) for number in found}, **{number: name for name, number in names.items()}},
        own=own,
        repeats=repeats,
        notes=(*notes, *_repeated(ended, list(zip(groups, found, strict=True)), remedy)),
    )


def _free(taken: Collection[int]) -> Iterator[int]:
    return (number for number in count() if number not in taken)


def _others(
    runs: Sequence[SourceRun], known: Sequence[int | None], free: Iterator[int]
) -> tuple[dict[str, int], list[str]]:
    """Return a number for each seed that is no whole number of at least 0, by its text, and a note on them."""
    keys = dict.fromkeys(
        seed_text(run.seed) for run, number in zip(runs, known, strict=True) if number is None and run.seed is not None
    )
    names = {key: next(free) for key in keys}
    if not names:
        return {}, []
    shown = ", ".join(f"{key} is {number}" for key, number in list(names.items())[:MOST_SHOWN])
    more = f" and {len(names) - MOST_SHOWN} more in their order" if len(names) > MOST_SHOWN else ""
    return names, [
        f"Seeds that are no whole numbers from 0 to {LARGEST_INTEGER} get numbers that no run has: {shown}{more}."
    ]


def _note_without(groups: Sequence[Hashable], planned: Collection[int] | None) -> list[str]:
    if planned is not None:
        return []  # each is reported with the reason that it is of no trial
    if len(set(groups)) == len(groups):
        return []
    return [
        "The runs have no seeds: those of one configuration are numbered 0, 1, 2, … in their order, and pairs of "
        f"runs share nothing. Name the column of the seeds by {by('seed')}, if there is one."
    ]


def _pairs_nothing(groups: Sequence[Hashable], numbers: Sequence[int]) -> bool:
    sharing: dict[int, set[Hashable]] = {}
    for number, group in zip(numbers, groups, strict=True):
        sharing.setdefault(number, set()).add(group)
    return len(set(groups)) > 1 and len(sharing) > 1 and all(len(found) == 1 for found in sharing.values())


def _within(groups: Sequence[Hashable]) -> list[int]:
    """Return the number of each item among those that are equal to it."""
    counts: dict[Hashable, int] = {}
    found = []
    for group in groups:
        found.append(counts.get(group, 0))
        counts[group] = found[-1] + 1
    return found


def _repeated(ended: Sequence[EndedRun], cells: Sequence[Hashable], remedy: str) -> Iterator[str]:
    """Yield notes on runs that repeat a configuration and seed: they are averaged, unless one of them has no value."""
    members: dict[Hashable, list[EndedRun]] = {}
    for each, cell in zip(ended, cells, strict=True):
        members.setdefault(cell, []).append(each)
    averaged: list[SourceRun] = []
    for found in members.values():
        lost = [each for each in found if each.state in ("diverged", "failed")]
        if not lost:
            averaged += [each.run for each in found[1:]]
        elif len(found) > 1:
            verb = "diverged" if lost[0].state == "diverged" else "failed"
            yield (
                f"{places([each.run for each in found])}: share configuration and seed, and {lost[0].run.place} "
                f"{verb}, so together they count as one run that {verb}. {remedy}"
            )
    if averaged:
        verb = "repeats" if len(averaged) == 1 else "repeat"
        yield (
            f"{places(averaged)}: {verb} the configuration and seed of another run; their mean counts as one run. "
            f"{remedy}"
        )
