"""What each phase of an imported study is: its configurations as a design, its seeds, and what is missing in it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sweeper.designs.factor import Range
from sweeper.designs.levels import level_key
from sweeper.importing.arguments import by
from sweeper.importing.arranged import Arranged
from sweeper.spec.names import row_text

Kind = Literal["grid", "one_at_a_time", "list", "sampler"]
Key = tuple[str, ...]  # the levels of some factors, as keys
MOST_NOTES: Final = 8
SEARCH: Final = 0.5  # the share of runs that have a configuration of their own from which on they are a search


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedPhase:
    """A phase.

    Attributes:
        varied: the factors that it varies, without its blocks, in the study's order.
        configurations: of `varied`, each once, in the order of the runs.
        seeds: what the plan has for each configuration; of a search, in the order of its trials.
        rows: the indices of its runs.
        missing: the runs that its design has and the source does not, as text.
    """

    name: str
    kind: Kind
    varied: tuple[str, ...]
    blocks: tuple[str, ...]
    configurations: tuple[Key, ...] = field(repr=False)
    seeds: tuple[int, ...]
    repeats: int
    rows: tuple[int, ...] = field(repr=False)
    budget: Mapping[str, float]
    missing: tuple[str, ...] = field(repr=False)


def phases_of(found: Arranged) -> list[ImportedPhase]:
    """Return the phases of arranged runs, in the order of their first runs."""
    by_name: dict[str, list[int]] = {}
    for row, name in enumerate(found.phases):
        by_name.setdefault(name, []).append(row)
    return [_phase(found, name, rows) for name, rows in by_name.items()]


def drawn_ranges(found: Arranged) -> dict[str, Range]:
    """Return the ranges of factors that a sampler drew from, wide enough for all runs."""
    ranges: dict[str, Range] = {}
    for name, factor in found.known.factors.items():
        drawn = found.source.ranges.get(found.columns[name])
        levels = [level for level in factor.levels or () if isinstance(level, int | float)]
        if drawn is not None and levels:
            low, high = min(drawn.low, *levels), max(drawn.high, *levels)
            if low < high:
                ranges[name] = Range(low=low, high=high, log=drawn.log, step=drawn.step)
    return ranges


def _phase(found: Arranged, name: str, rows: Sequence[int]) -> ImportedPhase:
    known = found.known
    levels = {factor: {known.keys[factor][row] for row in rows} for factor in known.factors}
    varied_all = [factor for factor in known.factors if len(levels[factor]) > 1]
    blocks = tuple(factor for factor in varied_all if factor in known.strata)
    varied = tuple(factor for factor in varied_all if factor not in blocks)
    keys = {row: tuple(known.keys[factor][row] for factor in varied) for row in rows}
    of_blocks = {row: tuple(known.keys[factor][row] for factor in blocks) for row in rows}
    configurations = tuple(dict.fromkeys(keys.values()))
    seeds = tuple(sorted({known.seeds[row] for row in rows}))
    paired = tuple(seed for seed in seeds if seed not in found.own_seeds) or seeds
    cells: dict[tuple[Key, Key, int], int] = {}
    for row in rows:
        cell = (of_blocks[row], keys[row], known.seeds[row])
        cells[cell] = max(cells.get(cell, 0), found.repeats[row] + 1)
    kind = _kind(found, varied, configurations, rows, levels)
    absent = () if kind == "sampler" else tuple(_absent(found, varied, blocks, cells, paired))
    return ImportedPhase(
        name=name,
        kind=kind,
        varied=varied,
        blocks=blocks,
        configurations=configurations,
        seeds=_drawn_seeds([known.seeds[row] for row in rows]) if kind == "sampler" else paired,
        repeats=1 if kind == "sampler" else min(cells.values()),
        rows=tuple(rows),
        budget=_budget(found, rows),
        missing=absent,
    )


def _kind(
    found: Arranged,
    varied: Sequence[str],
    configurations: Sequence[Key],
    rows: Sequence[int],
    levels: Mapping[str, set[str]],
) -> Kind:
    factors = found.known.factors
    at_baseline = all(
        levels[name] == {level_key(factor.baseline)}
        for name, factor in factors.items()
        if len(levels[name]) == 1 and name not in found.known.strata
    )
    is_full = len(configurations) == math.prod(len(levels[name]) for name in varied)
    is_crossed = len(varied) > 1 and is_full
    drawn = drawn_ranges(found).keys() & set(varied)
    if drawn and not is_crossed and len(configurations) > SEARCH * len(rows):
        return "sampler"
    if varied and at_baseline and is_full:
        return "grid"
    baseline = tuple(level_key(factors[name].baseline) for name in varied)
    changes = [key for key in configurations if _distance(key, baseline) == 1]
    wanted = sum(len(levels[name]) - 1 for name in varied)
    if varied and at_baseline and baseline in configurations and len(changes) == len(configurations) - 1 == wanted:
        return "one_at_a_time"
    return "list"


def _distance(key: Key, other: Key) -> int:
    return sum(one != another for one, another in zip(key, other, strict=True))


def _budget(found: Arranged, rows: Sequence[int]) -> Mapping[str, float]:
    """Return the budget that the source gives all runs of a phase; empty if it gives none, or several."""
    given = {tuple(found.runs[row].run.budget.items()) for row in rows}
    only = given.pop() if len(given) == 1 else ()
    return dict(only) if len(only) == 1 else {}


def _absent(
    found: Arranged,
    varied: Sequence[str],
    blocks: Sequence[str],
    cells: Mapping[tuple[Key, Key, int], int],
    seeds: Sequence[int],
) -> Iterator[str]:
    """Yield what is missing of every configuration in every block with every seed."""
    of_blocks = list(dict.fromkeys(block for block, _, _ in cells))
    configurations = list(dict.fromkeys(key for _, key, _ in cells))
    for block in of_blocks:
        for key in configurations:
            missing = [seed for seed in seeds if (block, key, seed) not in cells]
            if missing:
                text = _text(found, (*blocks, *varied), (*block, *key))
                names = [found.known.seed_names[seed] for seed in missing]
                yield f"{text}: no run" if len(missing) == len(seeds) else f"{text}: {_seeds_text(names)}"


def _seeds_text(seeds: Sequence[str]) -> str:
    return f"no seed {seeds[0]}" if len(seeds) == 1 else f"no seeds {', '.join(seeds)}"


def _drawn_seeds(by_trial: Sequence[int]) -> tuple[int, ...]:
    """Return the seeds that a search goes through again and again, the shortest such list; else each once."""
    distinct = tuple(dict.fromkeys(by_trial))
    cycle = len(distinct)
    if all(seed == distinct[place % cycle] for place, seed in enumerate(by_trial)):
        return distinct
    return tuple(sorted(distinct))


def _text(found: Arranged, names: Sequence[str], keys: Key) -> str:
    levels = dict(zip(names, keys, strict=True))
    return row_text({name: found.level(name, key) for name, key in levels.items()})


def phase_notes(found: Arranged, phases: Sequence[ImportedPhase]) -> list[str]:
    """Return notes on runs that phases lack, and on runs that cannot be compared since their lengths differ."""
    notes = []
    for phase in phases:
        where = found.source.path if len(phases) == 1 else f"{found.source.path}, phase {phase.name}"
        notes += [f"{where}: {text}." for text in phase.missing[:MOST_NOTES]]
        if (more := len(phase.missing) - MOST_NOTES) > 0:
            notes.append(f"{where}: {more} more configurations lack seeds.")
        notes += _length_notes(found, phase, where)
    return notes


def _length_notes(found: Arranged, phase: ImportedPhase, where: str) -> Iterator[str]:
    """Yield a note on completed runs that end at other steps than most."""
    lengths = {
        row: length
        for row in phase.rows
        if found.runs[row].state == "completed"
        and (length := found.runs[row].run.last_step(found.metric.name)) is not None
    }
    counts: dict[int, int] = {}
    for length in lengths.values():
        counts[length] = counts.get(length, 0) + 1
    if len(counts) < 2:
        return
    usual = max(counts, key=lambda length: counts[length])
    others = [(found.runs[row].run.place, length) for row, length in lengths.items() if length != usual]
    shown = ", ".join(f"{place} at {length}" for place, length in others[:3])
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    yield (
        f"{where}: {counts[usual]} runs end at step {usual}, but {shown}{more}. Runs of different lengths are compared "
        f"as they are. Remove them, or name the column that differs by {by('strata')}."
    )
