"""The gains that orderings rank: what a factor's best level saves, or what leaving a factor out loses."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

from sweeper.evidence.claims.arms import phase_cells, require
from sweeper.evidence.claims.fractions import fraction_contrast
from sweeper.evidence.claims.parts import Part
from sweeper.evidence.data.cells import Cell, baseline_key, full_key, level_text
from sweeper.evidence.data.comparison import Comparison, infer, minus, paired_by_factor, raw_mean
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure, measure
from sweeper.evidence.statistics.paired import Estimate


@dataclass(frozen=True, slots=True)
class _Gain:
    """The gain of one factor, positive where it betters the metric; a fraction's has an estimate of its own.

    `considered` are the cells among which its level was chosen.
    """

    factor: str
    level: str
    comparison: Comparison
    estimate: Estimate | None = None
    considered: tuple[Cell, ...] = ()


def gain_parts(data: StudyData, phase: str, metric: Measure, pairs: Sequence[tuple[str, str]]) -> tuple[Part, ...]:
    """For each pair of factors the gain of the first less that of the second.

    In a leave_one_out phase a gain is the loss when the factor is left out of the full configuration. Elsewhere it is
    that of the level that is best on the study's own metric, so that a ranking on test values is of levels that
    validation chose.
    """
    runs = phase_cells(data, phase, metric)
    chosen_by = metric.chooser or measure(data)
    choice = phase_cells(data, phase, chosen_by)
    names = dict.fromkeys(name for pair in pairs for name in pair)
    gains = {name: _gain(data, phase, metric, name, (runs, choice, chosen_by)) for name in names}
    return tuple(_difference(gains[first], gains[second]) for first, second in pairs)


def _gain(
    data: StudyData,
    phase: str,
    metric: Measure,
    factor: str,
    found: tuple[Sequence[Cell], Sequence[Cell], Measure],
) -> _Gain:
    runs, choice, chosen_by = found
    design = next(each.design for each in data.phases if each.name == phase)
    start, full = baseline_key(data, factor, phase), full_key(data, factor, phase, runs)
    if design == "leave_one_out":
        comparison = paired_by_factor(runs, factor, full or start, start).scaled(metric.sign)
        require(full is not None and bool(comparison.units), f"phase {phase} does not leave out {factor}")
        assert full is not None
        return _Gain(factor, level_text(full), replace(comparison, around=tuple(runs)))
    level, considered = _best_level(choice, chosen_by, factor, start)
    if level is not None:
        comparison = paired_by_factor(runs, factor, start, level).scaled(-metric.sign)
        return _Gain(factor, level_text(level), comparison, considered=considered)
    part = fraction_contrast(data, phase, metric, (factor, start, full), {}) if full is not None else None
    require(part is not None, f"phase {phase} does not show the gain of {factor} against its baseline")
    assert part is not None and full is not None
    estimate = replace(part.estimate, value=-metric.sign * part.estimate.value)
    return _Gain(factor, level_text(full), part.comparison.scaled(-metric.sign), estimate)


def _best_level(
    runs: Sequence[Cell], chosen_by: Measure, factor: str, start: str
) -> tuple[str | None, tuple[Cell, ...]]:
    """The level with the best mean difference from the baseline, and all cells that were compared for it.

    Of levels not measured yet it is the first.
    """
    means: dict[str, float] = {}
    considered: list[Cell] = []
    for key in dict.fromkeys(cell.levels[factor] for cell in runs):
        comparison = paired_by_factor(runs, factor, start, key) if key != start else None
        if comparison is not None and comparison.units:
            found = comparison.differences
            means[key] = chosen_by.sign * fmean(found) if found else math.inf
            considered += [cell for unit in comparison.units for cell, _ in unit.terms]
    return min(means, key=lambda key: means[key], default=None), tuple(considered)


def _difference(first: _Gain, second: _Gain) -> Part:
    label = f"gain of {first.factor} ({first.level}) less gain of {second.factor} ({second.level})"
    if first.estimate is not None and second.estimate is not None:
        comparison = Comparison(
            units=(*first.comparison.units, *second.comparison.scaled(-1.0).units), around=first.comparison.around
        )
        estimate = _independent(first.estimate, second.estimate)
    else:
        comparison = minus(first.comparison, second.comparison)
        estimate = infer(comparison)
    started = [cell for unit in first.comparison.complete for cell, _ in unit.terms]
    return Part(
        label=label,
        comparison=comparison,
        estimate=estimate,
        mean_from=raw_mean(started),
        low=None,
        high=None,
        considered=(*first.considered, *second.considered),
    )


def _independent(first: Estimate, second: Estimate) -> Estimate:
    """The difference of two effects of one orthogonal design, whose estimates are independent given one error."""
    error = (first.standard_error**2 + second.standard_error**2) ** 0.5
    return replace(first, value=first.value - second.value, standard_error=error)
