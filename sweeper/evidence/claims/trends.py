"""How a gain changes with a number: a size, a share of the data, or the budget.

The gain at each level is that of pairs, and the slope is the weighted sum of the gains at all levels that least squares
gives, formed within each seed. So what the runs of a seed share cancels in it, and its error is that of any comparison
(`statistics.contrast`). The number counts by its logarithm to base 2 if all levels are positive, so that the slope is
the change per doubling; else as it is.

The effect at the next doubling is extrapolated: the line through the gains, continued. No run shows whether the line
continues. Its prediction interval is that of the effect that as many new seeds would measure there.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np

from sweeper.designs.levels import Level, level_key
from sweeper.evidence.claims.arm_wording import pair_text
from sweeper.evidence.claims.evidence import Evidence, Region, Untestable, region_of, require, require_levels
from sweeper.evidence.claims.margins import with_margin_error
from sweeper.evidence.claims.parts import cells_of, part_of, phase_of
from sweeper.evidence.claims.wording import change_text
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.comparison import (
    Comparison,
    infer,
    matching,
    paired_by_factor,
    paired_by_seed,
    raw_mean,
)
from sweeper.evidence.data.differences import weighted_sum
from sweeper.evidence.data.pool import Pool
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.data.units import Unit
from sweeper.evidence.formatting import level_text
from sweeper.evidence.statistics.heterogeneity import DIFFERS, same_effect_p
from sweeper.evidence.statistics.paired import Estimate
from sweeper.spec.claim import ALPHA, ArmContrast, Claim, Contrast, Trend

Place = Callable[[Unit], tuple[str, ...]]  # what tells the stratum of a unit
FEWEST: Final = 2  # levels of a slope
CURVED: Final = 3  # levels that show whether the gains lie on a line


@dataclass(frozen=True, slots=True)
class TrendPoint:
    """The effect at one level.

    Attributes:
        level: the number as declared.
        position: of the level on the axis of the line.
        place: as text, e.g. ``train_fraction = 0.5`` or ``long``.
        pairs: the pairs at this level.
        comparison: the same, where runs at this level have a variance of their own.
    """

    level: float
    position: float
    place: str
    pairs: Comparison = field(repr=False)
    comparison: Comparison = field(repr=False)

    @property
    def effect(self) -> Estimate:
        """The effect at this level, on the metric's scale."""
        return infer(self.pairs)


@dataclass(frozen=True, slots=True)
class Extrapolation:
    """The effect where no run is: the line, continued.

    Attributes:
        level: the number, e.g. twice the largest level.
        value: the effect there on the metric's scale.
        low, high: its 95% prediction interval, for the effect that as many new seeds would measure.
    """

    level: float
    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendFit:
    """A gain over the levels of a number.

    Attributes:
        over: the number as text: a factor, or the budget in its unit.
        is_log: whether the slope is the change per doubling; else it is per unit.
        points: by level, the smallest first.
    """

    over: str
    is_log: bool
    points: tuple[TrendPoint, ...]

    @property
    def per(self) -> str:
        """What the slope is a change per, as text."""
        return f" per doubling of {self.over}" if self.is_log else f" per unit of {self.over}"

    @property
    def slope(self) -> Comparison:
        """The slope of each unit: the sum of its effects, weighted as least squares does."""
        return self._sum(self._slope_weights)

    @property
    def by_stratum(self) -> dict[str, "TrendFit"]:
        """The fit in each stratum, e.g. dataset, if the effects or their slopes differ between strata; else none."""
        place = _place(self.points)
        names = list(dict.fromkeys(place(unit) for unit in self.points[0].pairs.units))
        fits = {", ".join(name): self._only(place, name) for name in names}
        if len(fits) < 2 or not all(point.pairs.units for fit in fits.values() for point in fit.points):
            return {}
        found = [[infer(fit.slope) for fit in fits.values()]]
        found += [[fit.points[at].effect for fit in fits.values()] for at in range(len(self.points))]
        return fits if min(same_effect_p(each) for each in found) < DIFFERS else {}

    def _only(self, place: Place, name: tuple[str, ...]) -> "TrendFit":
        def kept(comparison: Comparison) -> Comparison:
            return replace(comparison, units=tuple(unit for unit in comparison.units if place(unit) == name))

        points = (replace(point, pairs=kept(point.pairs), comparison=kept(point.comparison)) for point in self.points)
        return replace(self, points=tuple(points))

    @property
    def extrapolation(self) -> Extrapolation | None:
        """The effect at twice the largest level, or one more step; None if its interval is unknown."""
        last, before = self.points[-1], self.points[-2]
        level = 2.0 * last.level if self.is_log else 2.0 * last.level - before.level
        position = math.log2(level) if self.is_log else level
        away = position - float(np.mean(self._positions))
        found = infer(self._sum(1.0 / len(self.points) + away * self._slope_weights))
        at_last = infer(last.comparison)
        if not found.decides or not at_last.decides:
            return None
        # New seeds add the error of a mean at one level.
        error = math.hypot(found.standard_error, at_last.standard_error)
        spread = replace(found, standard_error=error, df=min(found.df, at_last.df))
        return Extrapolation(level, found.value, *spread.interval())

    @property
    def curvature_p(self) -> float:
        """The p-value of effects that lie on a line; NaN with fewer than three levels."""
        if len(self.points) < CURVED:
            return math.nan
        x = self._positions - self._positions.mean()
        basis = np.linalg.qr(np.column_stack([np.ones_like(x), x, x**2]))[0]
        found = infer(self._sum(basis[:, 2]))
        return found.p_two_sided() if found.decides else math.nan

    @property
    def is_curved(self) -> bool:
        """Whether the effects are shown not to lie on a line."""
        return self.curvature_p < ALPHA

    def line_at(self, position: float) -> float:
        """Return the value of the line at a position on its axis, on the metric's scale."""
        effects = np.array([infer(point.comparison).value for point in self.points])
        slope = float(self._slope_weights @ effects)
        return float(effects.mean()) + slope * (position - float(self._positions.mean()))

    @property
    def _positions(self) -> np.ndarray:
        return np.array([point.position for point in self.points])

    @property
    def _slope_weights(self) -> np.ndarray:
        away = self._positions - self._positions.mean()
        weights: np.ndarray = away / float(away @ away)
        return weights

    def _sum(self, weights: np.ndarray) -> Comparison:
        # A level without weight, such as the middle one of three in a slope, need not have the seeds of the others.
        least = 1e-9 * float(np.abs(weights).max())
        parts = [
            (point.comparison, weight)
            for point, weight in zip(self.points, weights.tolist(), strict=True)
            if abs(weight) > least
        ]
        return replace(weighted_sum(parts), varies=True)


def trend_evidence(claim: Claim, statement: Trend, runs: Runs) -> Evidence:
    """Return the slope of the gain; for a gain that is to persist, also the gain at the largest level.

    Raises:
        Untestable: there are no pairs at two levels or more.
    """
    fit = trend_fit(statement, runs)
    comparison = fit.slope
    require(bool(comparison.units), "no seed has the runs of both sides at all levels")
    levels = ", ".join(level_text(_short(point.level)) for point in fit.points)
    label = f"{_change_text(statement, runs)} over {fit.over} = {levels}{_place_text(statement)}"
    slope = replace(part_of(runs, label, comparison), per=fit.per)
    started = tuple({cell.identity: cell for point in fit.points for cell in _started(point.comparison)}.values())
    slope = replace(slope, mean_from=raw_mean(started), started=started)
    region = region_of(claim, runs.measure, slope.mean_from)
    parts = [with_margin_error(replace(slope, region=region), claim, runs.measure)]
    if claim.expect == "persists":
        last = fit.points[-1]
        gain = part_of(
            runs, f"{_change_text(statement, runs)} at {last.place}{_place_text(statement)}", last.comparison
        )
        parts.append(replace(gain, region=Region(high=0.0) if runs.measure.sign > 0 else Region(low=0.0)))
    return Evidence(tuple(parts))


def trend_fit(statement: Trend, runs: Runs) -> TrendFit:
    """Return the effects at all levels that have pairs.

    Raises:
        Untestable: fewer than two have, or a level is not a number.
    """
    over, found = _levels(statement, runs)
    places = [(number, place, _pairs_at(contrast, statement, runs)) for number, place, contrast in found]
    known = sorted(((*each[:2], each[2]) for each in places if each[2] is not None), key=lambda each: each[0])
    require(
        len(known) >= FEWEST,
        f"{_change_text(statement, runs)} was run at {len(known) or 'no'} level{'' if len(known) == 1 else 's'} of "
        f"{over}, and a trend needs two or more",
    )
    is_log = known[0][0] > 0
    points = [
        TrendPoint(number, math.log2(number) if is_log else number, place, pairs, _alone(pairs, place, statement))
        for number, place, pairs in known
    ]
    return TrendFit(over=over, is_log=is_log, points=tuple(points))


def _place(points: Sequence[TrendPoint]) -> Place:
    """Return what tells the stratum of a unit at any level, such as its dataset: no budget, which differs by level."""
    found = [{unit.common_stratum for unit in point.pairs.units} for point in points]
    known = set.intersection(*({text for stratum in each for text in stratum} for each in found))
    shared = set.intersection(*(set(stratum) for each in found for stratum in each))
    return lambda unit: tuple(text for text in unit.common_stratum if text in known - shared)


def _levels(statement: Trend, runs: Runs) -> tuple[str, list[tuple[float, str, Contrast | ArmContrast]]]:
    """Return the number as text, and its levels, each with the effect there."""
    if statement.over is None:
        budgets = [_budget(runs, name) for name in statement.phases]
        units = list(dict.fromkeys(unit for _, unit in budgets))
        require(len(units) == 1, f"the budgets of {', '.join(statement.phases)} have different units")
        levels = [number for number, _ in budgets]
        require(len(set(levels)) == len(levels), f"two of {', '.join(statement.phases)} have the same budget")
        named = zip(levels, statement.phases, strict=True)
        return units[0], [(number, name, statement.at(name)) for number, name in named]
    (name,) = statement.phases
    phase, over = phase_of(runs, name), statement.over
    require(over in runs.factors, f"the study has no factor {over}")
    keys = dict.fromkeys(cell.levels[over] for cell in phase.cells if over in cell.levels)
    values: list[Level] = [json.loads(key) for key in keys]
    found = []
    for value in values:
        require(
            isinstance(value, int | float) and not isinstance(value, bool),
            f"{over} = {level_text(value)} is not a number, so nothing can be said of a trend over it",
        )
        found.append((float(str(value)), f"{over} = {level_text(value)}", statement.at(name, value)))
    return over, found


def _budget(runs: Runs, name: str) -> tuple[float, str]:
    """Return the budget of a phase and its unit, from the trials."""
    phase = phase_of(runs, name)
    texts = list(dict.fromkeys(cell.stratum[0] for cell in phase.cells if cell.stratum))
    require(len(texts) == 1, f"phase {name} has no single budget")
    ((unit, amount),) = json.loads(texts[0]).items()
    return float(amount), str(unit)


def _pairs_at(contrast: Contrast | ArmContrast, statement: Trend, runs: Runs) -> Comparison | None:
    """Return the pairs of an effect at one level, with keys that those at other levels have too; None without pairs."""
    try:
        found = _pairs(contrast, statement, runs)
    except Untestable:
        if statement.over is None:
            raise
        return None
    units = tuple(Unit(key=_key(unit, statement), terms=unit.terms) for unit in found.units)
    return replace(found, units=units) if units else None


def _alone(pairs: Comparison, place: str, statement: Trend) -> Comparison:
    """Return pairs whose runs share what the seed adds, and a variance, with those at the same level only.

    A size or a share of the data changes both. Runs of phases with different budgets are apart anyway.
    """
    if statement.over is None:
        return pairs
    level = next(cell.levels[statement.over] for unit in pairs.units for cell, _ in unit.terms)

    def apart(cell: Cell) -> Cell:
        return replace(cell, stratum=(*cell.stratum, place), blocks=cell.arm_key[1])

    units = tuple(
        Unit(key=unit.key, terms=tuple((apart(cell), weight) for cell, weight in unit.terms)) for unit in pairs.units
    )
    cells = (apart(cell) for cell in matching(pairs.pool.cells, {statement.over: level}))
    return Comparison(units=units, pool=Pool(cells, pairs.pool.rule))


def _pairs(contrast: Contrast | ArmContrast, statement: Trend, runs: Runs) -> Comparison:
    if isinstance(contrast, ArmContrast):
        pool = phase_of(runs, contrast.start.phase).pool
        return paired_by_seed(cells_of(runs, contrast.start), cells_of(runs, contrast.to), pool)
    phase = phase_of(runs, contrast.phase)
    where = {factor: level_key(level) for factor, level in contrast.where.items()}
    change = (contrast.factor, level_key(contrast.start), level_key(contrast.to))
    for each in (change, *((factor, key, key) for factor, key in where.items())):
        require_levels(phase, each)
    unless = () if statement.over is None else (statement.over,)
    return paired_by_factor(matching(phase.cells, where), change, phase.pool, unless=unless)


def _key(unit: Unit, statement: Trend) -> tuple[object, ...]:
    """Return the key of a unit without the level of the number."""
    return tuple(each for each in unit.key if not (isinstance(each, tuple) and each and each[0] == statement.over))


def _started(comparison: Comparison) -> list[Cell]:
    return [cell for unit in comparison.complete for cell, weight in unit.terms if weight < 0]


def _change_text(statement: Trend, runs: Runs) -> str:
    """Return what is compared, without where."""
    if statement.factor is not None:
        return change_text(statement.factor, statement.start, statement.to)
    contrast = replace(statement, over=None, where={}).at(statement.phases[0])
    assert isinstance(contrast, ArmContrast)
    return " against ".join(pair_text(contrast, runs.arm_names)[0])


def _place_text(statement: Trend) -> str:
    where = ", ".join(f"{name} = {level_text(level)}" for name, level in statement.where.items())
    place = "" if statement.over is None else f" in {statement.phases[0]}"
    return f"{place}{f', where {where}' if where else ''}"


def _short(number: float) -> float | int:
    return int(number) if number == int(number) and abs(number) < 1e15 else number
