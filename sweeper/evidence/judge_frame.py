"""Verdicts on claims about a pandas frame with one row per run, without a study or a store.

::

    claim = {"id": "a-helps", "contrast": {"factor": "a", "from": 0.0, "to": 0.2}, "expect": "decrease"}
    (verdict,) = sweeper.judge(frame, metric="loss", claims=[claim])
    verdict.verdict, verdict.estimate, verdict.low, verdict.high
"""

import datetime as dt
import math
import sys
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.designs.factor import Factor
from sweeper.designs.levels import Level, level_key
from sweeper.errors import UsageError
from sweeper.evidence.claims.judge import ClaimVerdict, judge
from sweeper.evidence.data.cells import Cell, block_text
from sweeper.evidence.data.censored import Endings, Series
from sweeper.evidence.data.measures import Direction, Measure, Metric, Scale, make_measure
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.frame_claims import PHASE, claim_metrics, read_claims, read_metric
from sweeper.evidence.frame_levels import plain_level
from sweeper.store.records import TrialState

STATES: Final[Mapping[str, TrialState]] = {
    "completed": "completed",
    "pruned": "pruned",
    "failed": "failed",
    "diverged": "failed",
}


def judge_frame(
    frame: pd.DataFrame,
    *,
    metric: str,
    direction: Direction = "minimize",
    scale: Scale | None = None,
    seed: str = "seed",
    factors: Sequence[str] | None = None,
    strata: Sequence[str] | None = None,
    state: str = "state",
    claims: Iterable[Mapping[str, object]],
) -> list[ClaimVerdict]:
    """Return the verdicts on claims about the runs in a frame, in the order of the claims.

    The arguments and errors are those of `sweeper.judge`.
    """
    if not isinstance(frame, pd.DataFrame):
        raise UsageError(f"frame: {type(frame).__name__} is not a pandas frame. Use pandas.DataFrame(...).")
    factors, strata = _names(factors, "factors"), _names(strata, "strata") or ()
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    own, documents = read_metric({"name": metric, "direction": direction, "scale": scale}), list(claims)
    metrics, blocks = claim_metrics(documents, own), strata
    _check_columns(frame, {**dict.fromkeys(metrics, "metric"), seed: "seed"}, factors or (), blocks)
    if factors is None:
        _check_distinct(frame)
    others = [str(name) for name in frame.columns if name not in {*metrics, seed, state}]
    levels = {
        name: _levels(frame[name]) for name in dict.fromkeys([*(others if factors is None else factors), *blocks])
    }
    keys = {name: _keys(name, column) for name, column in levels.items()}
    if factors is None:
        keys = {name: column for name, column in keys.items() if name in blocks or len(set(column)) > 1}
    known = {name: _factor(name, levels[name], column) for name, column in keys.items()}
    typed = read_claims(documents, metrics, known)
    states = _states(frame, state)
    seeds, seed_names = _seeds(frame, seed)
    phase = PhaseRuns(
        name=PHASE,
        design="list",
        blocks=blocks,
        baseline={name: level_key(factor.baseline) for name, factor in known.items()},
        cells=_cells(keys, seeds, blocks, states),
    )
    return list(judge(typed, _runs(frame, metrics, phase, known, states, seed_names=seed_names)))


def _runs(
    frame: pd.DataFrame,
    metrics: Mapping[str, Metric],
    phase: PhaseRuns,
    factors: Mapping[str, Factor],
    states: Sequence[TrialState],
    *,
    seed_names: Mapping[int, str],
) -> dict[str, Runs]:
    """Return the runs on each metric; levels are chosen on the first."""
    measures = [_measure(frame, metric, states) for metric in metrics.values()]
    groups = {trial: (PHASE, "/".join(cell.stratum)) for cell in phase.cells for trial in cell.all_trials}
    levels = {name: tuple(map(level_key, factor.levels or ())) for name, factor in factors.items()}
    found: dict[str, Runs] = {}
    for measure in measures:
        chooser = found[measures[0].metric.name] if found else None
        own = Series(measures[0]) if chooser and measure.metric.scale == measures[0].metric.scale else None
        endings = Endings(groups=groups, states=dict(enumerate(states)), own=own)
        runs = Runs(
            measure=measure,
            phases={PHASE: phase},
            levels=levels,
            endings=endings,
            chooser=chooser,
            seed_names=seed_names,
            is_frame=True,
        )
        found[measure.metric.name] = runs.measured()
    return found


def _names(columns: Iterable[str] | None, argument: str) -> tuple[str, ...] | None:
    if isinstance(columns, str):
        raise UsageError(f"{argument}: {columns!r} is one name. Use a list: {argument}=[{columns!r}].")
    return None if columns is None else tuple(map(str, columns))


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


def _numbers(frame: pd.DataFrame, name: str) -> npt.NDArray[np.float64]:
    """Return a column as real numbers; NaN for what is missing or no number."""
    kind = getattr(frame[name].dtype, "kind", "O")
    if kind in "mMc":
        what = {"m": "durations", "M": "dates", "c": "complex numbers"}[kind]
        raise UsageError(f"column {name!r} has {what}, which are no metric. Use real numbers, e.g. seconds.")
    for row, value in enumerate(frame[name].tolist() if kind == "O" else ()):
        if isinstance(value, complex | np.complexfloating | dt.date | dt.timedelta | np.datetime64 | np.timedelta64):
            raise UsageError(f"column {name!r}, row {row}: {value!r} is not a real number. Use numbers, or NaN.")
        if isinstance(value, int) and abs(value) > sys.float_info.max:
            size = f"an integer of {len(str(abs(value)))} digits" if value.bit_length() < 10_000 else "an integer"
            raise UsageError(f"column {name!r}, row {row}: {size} is too large to compute with. Use smaller numbers.")
    return pd.to_numeric(frame[name], errors="coerce").to_numpy(dtype=np.float64, na_value=math.nan)


def _measure(frame: pd.DataFrame, metric: Metric, states: Sequence[TrialState]) -> Measure:
    column = _numbers(frame, metric.name)
    bad = np.flatnonzero(np.isnan(column) & frame[metric.name].notna().to_numpy())
    if len(bad):
        value = frame[metric.name].iloc[bad[0]]
        raise UsageError(f"column {metric.name!r}, row {bad[0]}: {value!r} is not a number. Use numbers, or NaN.")
    done = {row: value for row, value in enumerate(column.tolist()) if states[row] == "completed"}
    return make_measure(metric, done)


def _cells(
    keys: Mapping[str, Sequence[str]], seeds: Sequence[int], strata: Sequence[str], states: Sequence[TrialState]
) -> tuple[Cell, ...]:
    """Return the cells, none of them measured yet."""
    groups: dict[tuple[tuple[str, ...], int], list[int]] = {}
    rows = list(zip(*keys.values(), strict=True)) if keys else [()] * len(seeds)
    for row, (levels, seed) in enumerate(zip(rows, seeds, strict=True)):
        groups.setdefault((levels, seed), []).append(row)
    cells = []
    for (levels, seed), members in groups.items():
        named = dict(zip(keys, levels, strict=True))
        cells.append(
            Cell(
                levels=named,
                arm="\n".join(levels),
                seed=seed,
                stratum=tuple(block_text([name], [named[name]]) for name in strata),
                missing=tuple((row, states[row]) for row in members),
            )
        )
    return tuple(cells)


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


def _levels(column: pd.Series) -> list[Level]:
    """Return the levels in a column; what is missing is null."""
    values = column.tolist()
    missing = column.isna().tolist()
    return [None if absent else _level(value) for value, absent in zip(values, missing, strict=True)]


def _level(value: object) -> Level:
    value = plain_level(value)
    return value if value is None or isinstance(value, bool | int | float | str | list | dict) else str(value)


def _factor(name: str, levels: Sequence[Level], keys: Sequence[str]) -> Factor:
    distinct: dict[str, Level] = {}
    for key, level in zip(keys, levels, strict=True):
        distinct.setdefault(key, level)
    baseline = distinct[Counter(keys).most_common(1)[0][0]] if keys else None
    return Factor(name=name, path=name, levels=tuple(distinct.values()), baseline=baseline)


def _seeds(frame: pd.DataFrame, seed: str) -> tuple[list[int], dict[int, str]]:
    """Return the seeds as numbers, equal ones as equal, and what they are in the frame."""
    if frame[seed].isna().any():
        row = int(np.flatnonzero(frame[seed].isna())[0])
        raise UsageError(f"column {seed!r}, row {row}: the run has no seed. Give each run one; pairs share it.")
    for row, value in enumerate(frame[seed].tolist()):
        if not isinstance(value, Hashable):
            raise UsageError(f"column {seed!r}, row {row}: {value!r} is not a seed. Use a number or a text.")
    codes, names = pd.factorize(frame[seed])
    return [int(code) for code in codes], {code: str(name) for code, name in enumerate(names.tolist())}


def _states(frame: pd.DataFrame, state: str) -> list[TrialState]:
    if state not in frame.columns:
        return ["completed"] * len(frame)
    found: list[TrialState] = []
    for row, value in enumerate(frame[state].tolist()):
        if not isinstance(value, str) or value not in STATES:
            raise UsageError(f"column {state!r}, row {row}: {value!r} is not a state. States: {', '.join(STATES)}.")
        found.append(STATES[value])
    return found
