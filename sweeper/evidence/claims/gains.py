"""The gains that orderings rank: what a factor's best level saves, or what leaving a factor out loses."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean

from sweeper.evidence.claims.evidence import Part, require, require_levels
from sweeper.evidence.claims.fractions import fraction_contrast
from sweeper.evidence.data.cells import Cell, level_text
from sweeper.evidence.data.comparison import Comparison, infer, paired_by_factor, raw_mean
from sweeper.evidence.data.differences import minus
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.statistics.paired import Estimate, satterthwaite


@dataclass(frozen=True, slots=True)
class _Gain:
    """The gain of one factor, positive where it improves the metric.

    Attributes:
        estimate: of a fractional design, whose comparison has no pairs.
        apart: the same in each of several strata.
        considered: the cells among which its level was chosen.
        compared: the number of levels among which it was.
    """

    factor: str
    level: str
    comparison: Comparison
    estimate: Estimate | None = None
    apart: Mapping[str, Estimate] = field(default_factory=dict)
    considered: tuple[Cell, ...] = ()
    compared: int = 1


def gain_parts(
    runs: Runs, phase: PhaseRuns, pairs: Sequence[tuple[str, str]], declared: Mapping[str, str]
) -> tuple[Part, ...]:
    """Return for each pair of factors the gain of the first minus that of the second.

    In a leave_one_out phase a gain is the loss when the factor is left out of the full configuration. Elsewhere it is
    that of the level that is best on the study's own metric, so that a ranking on test values is one of levels that
    validation chose; or of the level that `declared` has for the factor, which costs no selection.
    """
    names = dict.fromkeys(name for pair in pairs for name in pair)
    gains = {name: _gain(runs, phase, name, declared.get(name)) for name in names}
    return tuple(_difference(runs, gains[first], gains[second]) for first, second in pairs)


def _gain(runs: Runs, phase: PhaseRuns, factor: str, declared: str | None) -> _Gain:
    require(factor in phase.baseline, f"the study has no factor {factor}")
    sign, start, full = runs.measure.sign, phase.baseline[factor], phase.full_level(factor)
    guess = runs.guesses.get(factor)
    instead = f", or declare baselines={ {factor: guess.other}!r}" if guess is not None else ""
    _require_gain_of(phase, factor, declared, only=full if phase.design == "leave_one_out" else None, or_else=instead)
    if phase.design == "leave_one_out":
        comparison = paired_by_factor(phase.cells, (factor, full or start, start), phase.pool).scaled(sign)
        require(full is not None and bool(comparison.units), f"phase {phase.name} does not leave out {factor}")
        assert full is not None
        return _Gain(factor, level_text(full), comparison)
    if declared is not None:
        comparison = paired_by_factor(phase.cells, (factor, start, declared), phase.pool).scaled(-sign)
        return (
            _Gain(factor, level_text(declared), comparison)
            if comparison.units
            else _fitted(runs, phase, factor, declared)
        )
    chooser = runs.chooser or runs
    level, considered, compared = _best_level(chooser.phases[phase.name], chooser.measure, factor, start)
    if level is not None:
        comparison = paired_by_factor(phase.cells, (factor, start, level), phase.pool).scaled(-sign)
        return _Gain(factor, level_text(level), comparison, considered=considered, compared=compared)
    return _fitted(runs, phase, factor, full)


def _fitted(runs: Runs, phase: PhaseRuns, factor: str, level: str | None) -> _Gain:
    """Return the gain of a level by the fit of a fraction, in which nothing is paired."""
    sign, start = runs.measure.sign, phase.baseline[factor]
    part = fraction_contrast(runs, phase, (factor, start, level)) if level is not None else None
    require(part is not None, f"phase {phase.name} does not show the gain of {factor} over its baseline")
    assert part is not None and level is not None
    estimate, *others = (replace(each, value=-sign * each.value) for each in (part.estimate, *part.apart.values()))
    apart = dict(zip(part.apart, others, strict=True))
    return _Gain(factor, level_text(level), part.comparison.scaled(-sign), estimate, apart)


def _require_gain_of(
    phase: PhaseRuns, factor: str, declared: str | None, *, only: str | None, or_else: str = ""
) -> None:
    """Refuse a declared level that no run has, or that has no gain here.

    Args:
        only: the level whose gain the phase shows; None for any.
        or_else: another remedy where the level is the baseline, as text.
    """
    if declared is None:
        return
    require_levels(phase, (factor, declared, declared))
    level = level_text(declared)
    instead = f"name another level of {factor}, or none for the best one{or_else}"
    require(declared != phase.baseline[factor], f"{level} is the baseline of {factor}, so it has no gain; {instead}")
    shows = only is None or declared == only
    require(shows, f"phase {phase.name} leaves {factor} = {level_text(only or declared)} out, not {level}")


def _best_level(
    phase: PhaseRuns, chosen_by: Measure, factor: str, start: str
) -> tuple[str | None, tuple[Cell, ...], int]:
    """Return the level with the best mean difference from the baseline, all cells and the number of levels compared.

    Of levels that are not measured yet it is the first.
    """
    means: dict[str, float] = {}
    considered: list[Cell] = []
    for key in dict.fromkeys(cell.levels[factor] for cell in phase.cells if cell.levels[factor] != start):
        comparison = paired_by_factor(phase.cells, (factor, start, key), phase.pool)
        if comparison.units:
            found = comparison.differences
            means[key] = chosen_by.sign * fmean(found) if found else math.inf
            considered += [cell for unit in comparison.units for cell, _ in unit.terms]
    return min(means, key=lambda key: means[key], default=None), tuple(considered), len(means)


def _difference(runs: Runs, first: _Gain, second: _Gain) -> Part:
    apart: dict[str, Estimate] = {}
    if first.estimate is not None and second.estimate is not None:
        units = (*first.comparison.units, *second.comparison.scaled(-1.0).units)
        comparison = Comparison(units=units, pool=first.comparison.pool)
        estimate = _independent(first.estimate, second.estimate)
        apart = {
            name: _independent(each, second.apart[name]) for name, each in first.apart.items() if name in second.apart
        }
    else:
        comparison = minus(first.comparison, second.comparison)
        estimate = infer(comparison)
    started = [cell for unit in first.comparison.complete for cell, _ in unit.terms]
    return Part(
        label=f"gain of {first.factor} ({first.level}) minus gain of {second.factor} ({second.level})",
        comparison=comparison,
        estimate=estimate,
        mean_from=raw_mean(started),
        started=tuple(started),
        worsens=runs.measure.sign,
        considered=(*first.considered, *second.considered),
        compared=(first.compared, second.compared),
        apart=apart,
    )


def _independent(first: Estimate, second: Estimate) -> Estimate:
    """Return the difference of two effects of one orthogonal design, which are independent given their common error.

    Of one error it has the degrees of freedom; of two, such as of effects of which one varies with the seed, those of
    their sum, but never more than either has.
    """
    squares = [first.standard_error**2, second.standard_error**2]
    df = min(satterthwaite(squares, [first.df, second.df]), max(first.df, second.df))
    weakest = min(first, second, key=lambda each: each.df)
    return replace(weakest, value=first.value - second.value, standard_error=math.sqrt(sum(squares)), df=df)
