"""The frame that judging and importing share: one row per run, with the levels of its factors, its seed and its state.

What a factor, a baseline, a seed and a state of a frame are is decided here, whether the frame is judged at once or
written into a store as a study.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pandas as pd

from sweeper.designs.baselines import Guess, guessed_baselines
from sweeper.designs.factor import Factor
from sweeper.designs.levels import Level, level_key
from sweeper.errors import UsageError
from sweeper.importing.frame_levels import column_levels
from sweeper.importing.seeds import whole_seed
from sweeper.store.records import TrialState

STATES: Final[Mapping[str, TrialState]] = {
    "completed": "completed",
    "pruned": "pruned",
    "failed": "failed",
    "diverged": "failed",
}
MOST_ROWS: Final = 5  # that are named


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFrame:
    """The runs of a frame, by row.

    Attributes:
        factors: what varies, and the strata, in the order of the columns. The baseline is the level of most
            configurations, and of equally frequent ones that of `sweeper.designs.baselines`.
        guesses: by factor, the baselines that could be others.
        keys: by factor, the key of each run's level.
        strata: the factors within whose levels runs are compared.
        seeds: equal for runs that are paired; what the frame has, if all are whole numbers of at least 0.
        seed_names: the seeds as the frame has them, by their number.
    """

    factors: Mapping[str, Factor]
    guesses: Mapping[str, Guess] = field(default_factory=dict)
    keys: Mapping[str, Sequence[str]] = field(repr=False)
    strata: tuple[str, ...]
    seeds: Sequence[int] = field(repr=False)
    seed_names: Mapping[int, str] = field(repr=False)
    states: Sequence[TrialState] = field(repr=False)

    def with_baselines(self, declared: Mapping[str, Level]) -> "RunFrame":
        """Return the runs with the baselines of some factors declared, and those of the others guessed."""
        varied = [name for name in self.keys if name not in self.strata]
        levels = {
            name: dict(zip(dict.fromkeys(keys), self.factors[name].levels or (), strict=True))
            for name, keys in self.keys.items()
        }
        # Each once: a lost run, or a block, changes no baseline.
        configurations = dict.fromkeys(zip(*(self.keys[name] for name in varied), strict=True))
        found, guesses = guessed_baselines(varied, configurations, levels, declared)
        of_strata = {
            name: levels[name][Counter(self.keys[name]).most_common(1)[0][0]] if levels[name] else None
            for name in self.strata
            if name in levels
        }
        baselines = {**of_strata, **found}
        factors = {name: replace(factor, baseline=baselines[name]) for name, factor in self.factors.items()}
        return replace(self, factors=factors, guesses=guesses)


def run_frame(
    frame: pd.DataFrame,
    *,
    metrics: Iterable[str],
    seed: str,
    factors: Iterable[str] | None,
    strata: Iterable[str] | None,
    state: str,
) -> RunFrame:
    """Return the runs of a frame.

    Args:
        frame: its columns have names.
        metrics: the columns that are compared; the first one decides.
        factors: the columns that differ between configurations; None for every column that varies and is nothing else.

    Raises:
        UsageError: a column or a cell is not valid; the message says which.
    """
    known, blocks = list(metrics), column_names(strata, "strata") or ()
    chosen = column_names(factors, "factors")
    _check_columns(frame, {**dict.fromkeys(known, "metric"), seed: "seed"}, chosen or (), blocks)
    if chosen is None:
        _check_distinct(frame)
    others = [str(name) for name in frame.columns if name not in {*known, seed, state}]
    levels = {
        name: column_levels(frame[name]) for name in dict.fromkeys([*(others if chosen is None else chosen), *blocks])
    }
    keys = {name: _keys(name, column) for name, column in levels.items()}
    if chosen is None:
        keys = {name: column for name, column in keys.items() if name in blocks or len(set(column)) > 1}
    found = {name: _factor(name, levels[name], keys[name]) for name in keys}
    seeds, seed_names = _seeds(frame, seed)
    return RunFrame(
        factors=found, keys=keys, strata=blocks, seeds=seeds, seed_names=seed_names, states=_states(frame, state)
    ).with_baselines({})


def column_names(columns: Iterable[str] | None, argument: str) -> tuple[str, ...] | None:
    """Return the names of columns that an argument has.

    Raises:
        UsageError: it is a text, whose letters are no names, or nothing that has several.
    """
    if columns is not None and not isinstance(columns, Iterable):
        raise UsageError(f"{argument}: {columns!r} is not a list of columns. Use e.g. {argument}=['dropout'].")
    if isinstance(columns, str):
        raise UsageError(f"{argument}: {columns!r} is one name. Use a list: {argument}=[{columns!r}].")
    return None if columns is None else tuple(map(str, columns))


def _check_columns(
    frame: pd.DataFrame, needed: Mapping[str, str], factors: Sequence[str], strata: Sequence[str]
) -> None:
    wanted = [*needed.items(), *((name, "factors") for name in factors), *((name, "strata") for name in strata)]
    for name, argument in wanted:
        if name not in frame.columns:
            columns = ", ".join(frame.columns) or "none"
            raise UsageError(f"{argument}: the frame has no column {name!r}. Columns: {columns}.")
        if isinstance(frame[name], pd.DataFrame):
            raise UsageError(f"{argument}: the frame has several columns {name!r}. Rename all but one of them.")
    used = Counter([*needed, *dict.fromkeys([*factors, *strata])])
    twice = [name for name, number in used.items() if number > 1]
    if twice:
        raise UsageError(f"column {twice[0]!r} is a factor or stratum and something else too. Use it once.")


def _check_distinct(frame: pd.DataFrame) -> None:
    names = Counter(frame.columns)
    twice = [str(name) for name, number in names.items() if number > 1]
    if twice:
        raise UsageError(f"frame: it has several columns {twice[0]!r}. Rename all but one of them.")


def _keys(name: str, levels: Sequence[Level]) -> list[str]:
    """Return the keys of the levels in a column."""
    keys = []
    for row, level in enumerate(levels):
        try:
            keys.append(level_key(level))
        except (TypeError, ValueError, OverflowError):
            raise UsageError(
                f"column {name!r}, row {row}: {level!r} cannot be a level. Use a text, a number, true, false or a list "
                f"of those, e.g. by frame[{name!r}].map(str)."
            ) from None
    return keys


def _factor(name: str, levels: Sequence[Level], keys: Sequence[str]) -> Factor:
    """Return a factor with the levels of its runs."""
    return Factor(name=name, path=name, levels=tuple(_distinct(keys, levels).values()), baseline=None)


def _distinct(keys: Iterable[str], levels: Iterable[Level]) -> dict[str, Level]:
    """Return levels by their keys, each as it first comes."""
    distinct: dict[str, Level] = {}
    for key, level in zip(keys, levels, strict=True):
        distinct.setdefault(key, level)
    return distinct


def _seeds(frame: pd.DataFrame, seed: str) -> tuple[list[int], dict[int, str]]:
    """Return the seeds as numbers, equal ones as equal, and what they are in the frame.

    Whole numbers of at least 0 are themselves; if there are others, all are numbered in their order.
    """
    if without := np.flatnonzero(frame[seed].isna()).tolist():
        has = "the run has no seed" if len(without) == 1 else "the runs have no seed"
        raise UsageError(f"column {seed!r}, {rows_text(without)}: {has}. Give each run one; pairs share it.")
    for row, value in enumerate(frame[seed].tolist()):
        if not _is_hashable(value):
            raise UsageError(f"column {seed!r}, row {row}: {value!r} is not a seed. Use a number or a text.")
    codes, found = pd.factorize(frame[seed])
    names: list[object] = found.tolist()
    whole = [number for name in names if (number := whole_seed(name)) is not None]
    numbers = whole if len(set(whole)) == len(names) else list(range(len(names)))
    return [numbers[code] for code in codes], {
        number: str(name if whole_seed(name) is None else whole_seed(name))
        for number, name in zip(numbers, names, strict=True)
    }


def _is_hashable(value: object) -> bool:
    try:
        hash(value)  # a tuple of lists only says that it can be hashed
    except TypeError:
        return False
    return True


def _states(frame: pd.DataFrame, state: str) -> list[TrialState]:
    if state not in frame.columns:
        return ["completed"] * len(frame)
    values = frame[state].tolist()
    unknown = [row for row, value in enumerate(values) if not isinstance(value, str) or value not in STATES]
    if unknown:
        shown = list(dict.fromkeys(repr(values[row]) for row in unknown[:MOST_ROWS]))
        verb = "is not a state" if len(shown) == 1 else "are no states"
        raise UsageError(
            f"column {state!r}, {rows_text(unknown)}: {', '.join(shown)} {verb}. States: {', '.join(STATES)}."
        )
    return [STATES[value] for value in values]


def rows_text(rows: Sequence[int]) -> str:
    """Return rows by their numbers, the first few of many: ``row 0``, or ``rows 0, 3 and 5``."""
    named = [str(row) for row in rows[:MOST_ROWS]]
    if len(rows) == 1:
        return f"row {named[0]}"
    more = [f"{len(rows) - MOST_ROWS} more"] if len(rows) > MOST_ROWS else []
    *first, last = [*named, *more]
    return f"rows {', '.join(first)} and {last}"
