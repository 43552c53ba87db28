"""Runs of any source in one form: a frame of one row per run, whose factors, seeds and states are those of a study."""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

import pandas as pd

from sweeper.designs.levels import Level, level_key
from sweeper.errors import UsageError
from sweeper.importing.arguments import by, option
from sweeper.importing.columns import seed_column
from sweeper.importing.frame import RunFrame, run_frame
from sweeper.importing.naming import factor_names, phase_names
from sweeper.importing.outcomes import EndedRun, ended_runs, without_superseded
from sweeper.importing.seeds import NO_SEEDS, numbered, read_seed, seed_text
from sweeper.importing.source_runs import Source, SourceRun
from sweeper.spec.metric import Metric
from trainer.config.wording import suggestion

SEED: Final = "seed"
STATE: Final = "state"
PHASE_COLUMN: Final = "phase"


@dataclass(frozen=True, kw_only=True)  # no slots: levels are found by their keys once
class Arranged:
    """Runs in one form.

    Attributes:
        frame: one row per run: its factors, ``seed``, ``state``, the metric, ``phase`` if there are several, further
            metrics.
        known: what the frame's factors, seeds and states are.
        runs: by row, the run and how it ended.
        phases: by row.
        repeats: by row, which exact repeat of its phase, configuration and seed it is, from 0.
        own_seeds: the numbers of runs without a seed, where others have one.
        columns: by factor, the name that the source gives it.
        constants: what all runs have in common.
        notes: what was left out or decided, one line each.
    """

    source: Source
    metric: Metric
    frame: pd.DataFrame = field(repr=False)
    known: RunFrame
    runs: Sequence[EndedRun] = field(repr=False)
    phases: Sequence[str] = field(repr=False)
    repeats: Sequence[int] = field(repr=False)
    own_seeds: frozenset[int]
    columns: Mapping[str, str]
    constants: Mapping[str, Level]
    notes: tuple[str, ...]

    def configuration(self, row: int) -> dict[str, Level]:
        """Return the levels of a run, without those of parameters that it does not have."""
        levels = {name: self._by_key[name][keys[row]] for name, keys in self.known.keys.items()}
        return {name: level for name, level in levels.items() if level is not None or not self._is_absent(row, name)}

    def levels(self, row: int) -> dict[str, Level]:
        """Return the level of every factor in a run; null where the run does not have it."""
        return {name: self._by_key[name][keys[row]] for name, keys in self.known.keys.items()}

    def level(self, name: str, key: str) -> Level:
        """Return the level of a factor that has a key."""
        return self._by_key[name][key]

    def _is_absent(self, row: int, name: str) -> bool:
        return self.columns[name] not in self.runs[row].run.cells

    @cached_property
    def _by_key(self) -> dict[str, dict[str, Level]]:
        return {
            name: {level_key(level): level for level in factor.levels or ()}
            for name, factor in self.known.factors.items()
        }


def arranged(
    source: Source,
    metric: Metric,
    *,
    seed: str | None = None,
    factors: Sequence[str] | None = None,
    strata: Sequence[str] = (),
    planned: Collection[int] | None = None,
    remedy: str = "",
) -> Arranged:
    """Return the runs of a source in one form.

    Args:
        seed: the parameter that is the seed; None to find it, ``none`` to have runs numbered whatever seeds they have.
        factors: what differs between configurations; None for everything that varies.
        strata: within whose levels runs are compared.
        planned: the seeds of the study that the runs are of; None if it is made of them.
        remedy: what to do about runs that repeat others; empty to name what differs by `factors`.

    Raises:
        UsageError: a name is unknown, a state is, or no run has a value.
    """
    ended, notes = ended_runs(source.runs, metric=metric.name, direction=metric.direction, value=metric.value)
    ended = _with_seeds(ended, source, seed)
    chosen = _chosen(ended, source, factors, strata)
    keys = [tuple(_cell_key(each.run.cells.get(name)) for name in chosen) for each in ended]
    groups = [(each.run.phase, key) for each, key in zip(ended, keys, strict=True)]
    known = {
        index: (*group, seed_text(each.run.seed))
        for index, (each, group) in enumerate(zip(ended, groups, strict=True))
        if each.run.seed is not None
    }
    kept, copies = without_superseded(ended, known)
    runs = [ended[index] for index in kept]
    remedy = remedy or f"Remove what is a copy, or name what differs by {by('factors')}."
    seeds = numbered(runs, [groups[index] for index in kept], planned=planned, remedy=remedy)
    of_phases = phase_names(each.run.phase for each in runs)
    phases = [of_phases[each.run.phase] for each in runs]
    names = factor_names(chosen, {metric.name, *_metrics(runs)})
    frame = _frame(runs, {name: column for column, name in names.items()}, seeds.numbers, phases, metric.name)
    by_name = [names[column] for column in chosen]
    blocks = [names[column] for column in _resolved(strata, ended, source, "strata") if column in names]
    found = run_frame(frame, metrics=[metric.name], seed=SEED, factors=by_name, strata=blocks, state=STATE)
    found = replace(found, seed_names=seeds.names)
    return Arranged(
        source=source,
        metric=metric,
        frame=frame,
        known=found,
        runs=runs,
        phases=phases,
        repeats=seeds.repeats,
        own_seeds=seeds.own,
        columns={name: column for column, name in names.items()},
        constants=_constants(runs, chosen),
        notes=(*source.notes, *notes, *copies, *seeds.notes, *_renamed(names)),
    )


def _with_seeds(ended: Sequence[EndedRun], source: Source, seed: str | None) -> list[EndedRun]:
    """Return the runs with their seeds out of their parameters, and whole ones as whole numbers."""
    names = dict.fromkeys(name for each in ended for name in each.run.cells)
    known = any(each.run.seed is not None for each in ended)
    column = None if known else seed_column(names, None if seed == NO_SEEDS else seed, source.path)
    return [replace(each, run=_with_seed(each.run, column, ignored=seed == NO_SEEDS)) for each in ended]


def _with_seed(run: SourceRun, column: str | None, *, ignored: bool) -> SourceRun:
    cells = {name: level for name, level in run.cells.items() if name != column}
    written = run.seed if column is None else run.texts.get(column, run.cells.get(column))
    return replace(run, cells=cells, seed=None if ignored else read_seed(written))


def _chosen(
    ended: Sequence[EndedRun], source: Source, factors: Sequence[str] | None, strata: Sequence[str]
) -> list[str]:
    """Return the parameters that are factors: those that are named, else those that vary; strata come last."""
    blocks = _resolved(strata, ended, source, "strata")
    if factors is not None:
        return list(dict.fromkeys([*_resolved(factors, ended, source, "factors"), *blocks]))
    names = dict.fromkeys(name for each in ended for name in each.run.cells)
    varied = [name for name in names if len({_cell_key(each.run.cells.get(name)) for each in ended}) > 1]
    if not varied:
        raise UsageError(
            f"{source.path}: nothing varies between the runs, so there is nothing to compare. Parameters: "
            f"{', '.join(names) or 'none'}."
        )
    return [*(name for name in varied if name not in blocks), *(name for name in blocks if name in varied)]


def _resolved(wanted: Iterable[str], ended: Sequence[EndedRun], source: Source, argument: str) -> list[str]:
    names = list(dict.fromkeys(name for each in ended for name in each.run.cells))
    for name in wanted:
        if name not in names:
            near = suggestion(name, names)
            known = ", ".join(names) or "none"
            raise UsageError(
                f"{option(argument)}: {name!r} is not a parameter in {source.path}.{near} Parameters: {known}."
            )
    return list(dict.fromkeys(wanted))


def _cell_key(level: Level) -> str:
    return level_key(level)


def _metrics(runs: Sequence[EndedRun]) -> list[str]:
    return list(dict.fromkeys(name for each in runs for name in (*each.run.values, *each.run.curves)))


def _frame(
    runs: Sequence[EndedRun], factors: Mapping[str, str], seeds: Sequence[int], phases: Sequence[str], metric: str
) -> pd.DataFrame:
    columns: dict[str, object] = {
        name: pd.Series([each.run.cells.get(column) for each in runs], dtype=object) for name, column in factors.items()
    }
    columns[SEED] = list(seeds)
    columns[STATE] = [each.state for each in runs]
    columns[metric] = [math.nan if each.value is None else each.value for each in runs]
    if len(set(phases)) > 1:
        columns[PHASE_COLUMN] = phases
    for name in _metrics(runs):
        if name not in columns:
            columns[name] = [_other(each.run, name) for each in runs]
    return pd.DataFrame(columns)


def _other(run: SourceRun, name: str) -> float:
    points = run.curves.get(name, {})
    return run.values.get(name, points[max(points)] if points else math.nan)


def _constants(runs: Sequence[EndedRun], chosen: Sequence[str]) -> dict[str, Level]:
    """Return the parameters that all runs share."""
    found: dict[str, Level] = {}
    first = runs[0].run.cells
    for name, level in first.items():
        same = all(_cell_key(each.run.cells.get(name)) == _cell_key(level) for each in runs)
        if name not in chosen and level is not None and same:
            found[name] = level
    return found


def _renamed(names: Mapping[str, str]) -> list[str]:
    return [
        f"{column}: is no name of a factor here, so it is called {name!r}."
        for column, name in names.items()
        if name != column
    ]
