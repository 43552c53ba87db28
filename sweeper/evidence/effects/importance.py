"""Importance of the factors of a phase, by fANOVA and PED-ANOVA; pruned trials are censored, not dropped."""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sweeper.evidence.data.cells import baseline_key, blocks_of, factor_spec, level_key
from sweeper.evidence.data.censored import ending_bounds
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure, measure
from sweeper.evidence.statistics.censoring import impute
from sweeper.evidence.statistics.forest import fanova, forest_regression
from sweeper.evidence.statistics.ped_anova import Grid, level_grid, ped_anova, range_grid

FEWEST_TRIALS: Final = 10
TREES_FOR_IMPUTING: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorImportance:
    """One factor: its share of the variance with the deviation over the trees, and its weight for being the best."""

    factor: str
    fanova: float
    fanova_sd: float
    ped_anova: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseImportance:
    """The importances of one phase, the most important first.

    Attributes:
        phase: its name.
        factors: by fANOVA's share, falling.
        num_completed: trials with a value.
        num_censored: pruned and diverged trials, whose values were imputed within their bounds.
        left_out: ended trials of which nothing can be said, with their state: crashed ones and the like.
    """

    phase: str
    factors: tuple[FactorImportance, ...]
    num_completed: int
    num_censored: int
    left_out: tuple[tuple[int, str], ...]


def phase_importance(data: StudyData, phase: str, metric: Measure | None = None) -> PhaseImportance | None:
    """The importances of a phase's factors; None with fewer than ten completed trials or no factor that varies.

    A pruned trial has a value imputed between the least and the most that it would have improved; one that diverged
    counts as bad as the worst that completed.
    """
    found = metric or measure(data)
    rows = [{str(name): value for name, value in row.items()} for row in data.phase_trials(phase).to_dict("records")]
    known = {int(row["trial_id"]): found.values.get(int(row["trial_id"])) for row in rows}
    completed = [value for value in known.values() if value is not None]
    if len(completed) < FEWEST_TRIALS:
        return None
    bounds = _bounds(data, found, rows, known)
    used = [row for row in rows if known[int(row["trial_id"])] is not None or int(row["trial_id"]) in bounds]
    factors = [factor for factor in data.factors if factor not in blocks_of(data, phase)]
    axes = [axis for factor in factors if (axis := _axis(data, phase, factor, used)) is not None]
    if not axes:
        return None
    generator = np.random.default_rng([int(data.study.spec.get("seed") or 0), zlib.crc32(phase.encode())])
    response = _response(found, axes, [int(row["trial_id"]) for row in used], (known, bounds), generator)
    left_out = [
        (int(row["trial_id"]), str(row["state"])) for row in rows if row["state"] == "failed" and row not in used
    ]
    return PhaseImportance(
        phase=phase,
        factors=_factors(axes, response, generator),
        num_completed=len(completed),
        num_censored=len(used) - len(completed),
        left_out=tuple(left_out),
    )


@dataclass(frozen=True, slots=True)
class _Axis:
    """A factor as a number between bounds, and its grid."""

    factor: str
    values: NDArray[np.float64]
    bounds: tuple[float, float]
    grid: Grid


def _axis(data: StudyData, phase: str, factor: str, rows: Sequence[Mapping[str, Any]]) -> _Axis | None:
    """A range by its value, in the logarithm where it is drawn so; levels by their number. None if it does not vary."""
    column = data.column(factor)
    spec = factor_spec(data, factor, phase)
    if spec.get("low") is not None and spec.get("high") is not None:
        return _range_axis(factor, spec, [row.get(column) for row in rows])
    base = baseline_key(data, factor, phase)
    keys = [level_key(row[column]) if row.get(column) is not None else base for row in rows]
    order = [level_key(level) for level in spec.get("levels") or ()]
    levels = [*(key for key in order if key in keys), *(key for key in dict.fromkeys(keys) if key not in order)]
    if len(levels) < 2:
        return None
    places = np.array([levels.index(key) for key in keys])
    return _Axis(factor, places.astype(np.float64), (-0.5, len(levels) - 0.5), level_grid(places, len(levels)))


def _range_axis(factor: str, spec: Mapping[str, Any], levels: Sequence[Any]) -> _Axis | None:
    low, high = float(spec["low"]), float(spec["high"])
    baseline = spec.get("baseline")
    filled = [level if level is not None else baseline for level in levels]
    if any(not isinstance(level, int | float) for level in filled) or not low < high:
        return None
    values = np.array(filled, dtype=np.float64)
    if np.ptp(values) == 0:
        return None
    if spec.get("log"):
        values, low, high = np.log(values), math.log(low), math.log(high)
    steps = min(round((high - low) / spec["step"]) + 1, 50) if spec.get("step") and not spec.get("log") else 50
    low, high = min(low, float(values.min())), max(high, float(values.max()))  # a baseline may lie outside
    return _Axis(factor, values, (low, high), range_grid(values, low, high, num_steps=max(steps, 2)))


def _bounds(
    data: StudyData, found: Measure, rows: Sequence[Mapping[str, Any]], known: Mapping[int, float | None]
) -> dict[int, tuple[float, float]]:
    pruned = [int(row["trial_id"]) for row in rows if row["state"] == "pruned"]
    worst = max((value for value in known.values() if value is not None), key=lambda value: found.sign * value)
    diverged = [int(row["trial_id"]) for row in rows if row["exit_reason"] == "diverged" and row["state"] == "failed"]
    return {**ending_bounds(data, found, pruned), **dict.fromkeys(diverged, (worst, worst))}


def _response(
    found: Measure,
    axes: Sequence[_Axis],
    trials: Sequence[int],
    values: tuple[Mapping[int, float | None], Mapping[int, tuple[float, float]]],
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """All trials' values, less being better, censored ones imputed."""
    known, bounds = values
    measured = np.array([math.nan if known[trial] is None else known[trial] for trial in trials], dtype=np.float64)
    low, high = np.array([bounds.get(trial, (0.0, 0.0)) for trial in trials]).T
    points = np.column_stack([axis.values for axis in axes])

    def regress(response: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return forest_regression(points, response, generator, num_trees=TREES_FOR_IMPUTING)

    return found.sign * impute(measured, low, high, regress)


def _factors(
    axes: Sequence[_Axis], response: NDArray[np.float64], generator: np.random.Generator
) -> tuple[FactorImportance, ...]:
    points = np.column_stack([axis.values for axis in axes])
    explained = dict(enumerate(fanova(points, response, [axis.bounds for axis in axes], generator)))
    found = [
        FactorImportance(
            factor=axis.factor,
            fanova=explained[place].share if place in explained else 0.0,
            fanova_sd=explained[place].spread if place in explained else 0.0,
            ped_anova=ped_anova(axis.grid, response),
        )
        for place, axis in enumerate(axes)
    ]
    return tuple(sorted(found, key=lambda each: -each.fanova))
