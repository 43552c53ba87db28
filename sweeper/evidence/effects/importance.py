"""Importance of the factors of a phase, by fANOVA and PED-ANOVA; pruned trials are censored, not dropped."""

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweeper.designs.factor import Factor, Range
from sweeper.designs.levels import Level, level_key
from sweeper.evidence.data.censored import Bounds, ending_bounds
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.statistics.censoring import impute
from sweeper.evidence.statistics.centring import aliased, block_offsets, level_columns
from sweeper.evidence.statistics.forest import fanova, forest_regression
from sweeper.evidence.statistics.ped_anova import Grid, level_grid, ped_anova, range_grid
from sweeper.extras import require

FEWEST_TRIALS: Final = 10
TREES_FOR_IMPUTING: Final = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorImportance:
    """One factor: its share of the variance, with the standard deviation over the trees, and its PED-ANOVA weight."""

    factor: str
    fanova: float
    fanova_sd: float
    ped_anova: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseImportance:
    """The importances of one phase, the most important first.

    Attributes:
        factors: by fANOVA's share, the largest first.
        num_completed: trials with a value.
        num_censored: pruned and diverged trials, whose values were imputed within their bounds.
        num_left_out: failed trials without any bounds, e.g. crashed ones.
        aliased: factors that always change together: then there are no importances.
    """

    factors: tuple[FactorImportance, ...]
    num_completed: int
    num_censored: int
    num_left_out: int
    aliased: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trial:
    """A trial of a phase: its levels by factor, how it ended, and its value if it has one."""

    trial_id: int
    levels: Mapping[str, Level]
    state: str
    exit_reason: str | None
    value: float | None


def phase_importance(data: StudyData, runs: Runs, phase: str) -> PhaseImportance | None:
    """Return the importances of a phase's factors; None with fewer than ten completed trials or no factor that varies.

    They are shares of what is left when the strata, such as datasets, and the seeds are taken out. The value of a
    pruned trial is imputed between the least and the most that it would have improved; a trial that diverged counts as
    bad as the worst that completed.
    """
    measure, adapted = runs.measure, data.study.phase(phase)
    trials = _trials(data, measure, phase)
    completed = [trial.value for trial in trials if trial.value is not None]
    if len(completed) < FEWEST_TRIALS:
        return None
    bounds = _bounds(runs, trials)
    used = [trial for trial in trials if trial.value is not None or trial.trial_id in bounds]
    known, names = data.study.factors, [name for name in data.factors if name not in adapted.blocks]
    factors = [adapted.adapt(known[name]) if name in known else Factor(name=name) for name in names]
    axes = [axis for factor in factors if (axis := _axis(factor, used)) is not None]
    if not axes:
        return None
    require("importance", "the importance of factors")
    generator = np.random.default_rng([data.study.seed, zlib.crc32(phase.encode())])
    confounded = tuple(axes[position].factor for position in aliased([axis.columns for axis in axes]))
    response = _response(runs, phase, axes, used, bounds, generator) if not confounded else np.empty(0)
    return PhaseImportance(
        factors=_factors(axes, response, generator) if not confounded else (),
        aliased=confounded,
        num_completed=len(completed),
        num_censored=len(used) - len(completed),
        num_left_out=sum(trial.state == "failed" and trial.trial_id not in bounds for trial in trials),
    )


def _trials(data: StudyData, measure: Measure, phase: str) -> list[_Trial]:
    columns = data.phase_trials(phase)[["trial_id", "state", "exit_reason"]].itertuples(index=False)
    return [
        _Trial(
            trial_id=trial,
            levels=data.configurations[trial],
            state=state,
            exit_reason=exit_reason,
            value=measure.values.get(trial),
        )
        for trial, state, exit_reason in columns
    ]


@dataclass(frozen=True, slots=True)
class _Axis:
    """A factor as a number between bounds, and its grid; `columns` are what its main effect would be fitted by."""

    factor: str
    values: NDArray[np.float64]
    bounds: tuple[float, float]
    grid: Grid
    columns: NDArray[np.float64]


def _axis(factor: Factor, trials: Sequence[_Trial]) -> _Axis | None:
    """Return a range by its value or its logarithm, as it is drawn, and levels by number; None if it is constant."""
    found = [trial.levels.get(factor.name, factor.baseline) for trial in trials]
    if factor.range is not None:
        return _range_axis(factor.name, factor.range, found)
    keys = [level_key(level) for level in found]
    order = [level_key(level) for level in factor.levels or ()]
    levels = [*(key for key in order if key in keys), *(key for key in dict.fromkeys(keys) if key not in order)]
    if len(levels) < 2:
        return None
    positions = np.array([levels.index(key) for key in keys])
    grid = level_grid(positions, len(levels))
    bounds = (-0.5, len(levels) - 0.5)
    return _Axis(factor.name, positions.astype(np.float64), bounds, grid, level_columns(keys))


def _range_axis(factor: str, drawn: Range, levels: Sequence[Level]) -> _Axis | None:
    low, high = float(drawn.low), float(drawn.high)
    numbers = [level for level in levels if isinstance(level, int | float)]
    if len(numbers) < len(levels) or not low < high:
        return None
    values = np.array(numbers, dtype=np.float64)
    if np.ptp(values) == 0:
        return None
    if drawn.log:
        values, low, high = np.log(values), math.log(low), math.log(high)
    steps = min(round((high - low) / drawn.step) + 1, 50) if drawn.step and not drawn.log else 50
    low, high = min(low, float(values.min())), max(high, float(values.max()))  # a baseline may lie outside
    return _Axis(factor, values, (low, high), range_grid(values, low, high, num_steps=max(steps, 2)), values[:, None])


def _bounds(runs: Runs, trials: Sequence[_Trial]) -> Bounds:
    """Return the bounds of pruned trials; a trial that diverged has those of the worst that completed."""
    pruned = [trial.trial_id for trial in trials if trial.state == "pruned"]
    diverged = [trial.trial_id for trial in trials if trial.state == "failed" and trial.exit_reason == "diverged"]
    known = [trial.value for trial in trials if trial.value is not None]
    worst = max(known, key=lambda value: runs.measure.sign * value)
    return {**ending_bounds(runs.endings, runs.measure, pruned), **dict.fromkeys(diverged, (worst, worst))}


def _response(  # noqa: PLR0917
    runs: Runs,
    phase: str,
    axes: Sequence[_Axis],
    trials: Sequence[_Trial],
    bounds: Bounds,
    generator: np.random.Generator,
) -> NDArray[np.float64]:
    """Return all trials' values without what strata and seeds add, less being better, censored ones imputed."""
    known = np.array([math.nan if trial.value is None else trial.value for trial in trials], dtype=np.float64)
    low, high = np.array([bounds.get(trial.trial_id, (0.0, 0.0)) for trial in trials]).T
    cells = {trial: cell for cell in runs.phases[phase].cells for trial in cell.all_trials}
    own = [cells[trial.trial_id] for trial in trials]
    arms = [
        tuple(level for name, level in cell.levels.items() if name not in runs.phases[phase].blocks) for cell in own
    ]
    offsets = block_offsets(known, arms, [cell.seed for cell in own], [cell.stratum for cell in own])
    known, low, high = known - offsets, low - offsets, high - offsets
    points = np.column_stack([axis.values for axis in axes])

    def regress(response: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return forest_regression(points, response, generator, num_trees=TREES_FOR_IMPUTING)

    return runs.measure.sign * impute(known, low, high, regress)


def _factors(
    axes: Sequence[_Axis], response: NDArray[np.float64], generator: np.random.Generator
) -> tuple[FactorImportance, ...]:
    points = np.column_stack([axis.values for axis in axes])
    explained = dict(enumerate(fanova(points, response, [axis.bounds for axis in axes], generator)))
    found = [
        FactorImportance(
            factor=axis.factor,
            fanova=explained[position].share if position in explained else 0.0,
            fanova_sd=explained[position].spread if position in explained else 0.0,
            ped_anova=ped_anova(axis.grid, response),
        )
        for position, axis in enumerate(axes)
    ]
    return tuple(sorted(found, key=lambda each: -each.fanova))
