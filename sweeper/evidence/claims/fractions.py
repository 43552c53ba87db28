"""Effects in fractional designs, where no two runs differ in one factor alone: from the fit of the whole phase."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from sweeper.evidence.claims.parts import Part
from sweeper.evidence.data.cells import Cell, cells
from sweeper.evidence.data.comparison import Comparison, Unit, raw_mean
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.effects.factorial_phase import FactorialPhase, factorial_phase
from sweeper.evidence.statistics.paired import Estimate

Change = tuple[str, str, str]  # factor, from, to


def fraction_contrast(
    data: StudyData, phase: str, measure: Measure, change: Change, where: Mapping[str, str]
) -> Part | None:
    """A main effect of a two-level phase; None where the phase does not have it, or only some of its runs count."""
    fit = None if where else factorial_phase(data, phase, measure)
    if fit is None:
        return None
    factor, start, end = change
    estimate = _estimate(fit, (factor,), _orientation(fit, change))
    if estimate is None:
        return None
    whole = cells(data, phase, measure)
    return _part(fit, whole, estimate, lambda cell: _side(cell, factor, start, end))


def fraction_interaction(data: StudyData, phase: str, measure: Measure, change: Change, partner: Change) -> Part | None:
    """The effect of one change at the second level of another less that at the first: twice the interaction."""
    fit = factorial_phase(data, phase, measure)
    if fit is None:
        return None
    names = tuple(sorted((change[0], partner[0]), key=fit.factors.index)) if _both(fit, change, partner) else ()
    orientation = 2.0 * _orientation(fit, change) * _orientation(fit, partner)
    estimate = _estimate(fit, names, orientation)
    if estimate is None:
        return None
    whole = cells(data, phase, measure)
    return _part(fit, whole, estimate, lambda cell: 2.0 * _side(cell, *change) * _side(cell, *partner))


def _both(fit: FactorialPhase, change: Change, partner: Change) -> bool:
    return change[0] in fit.factors and partner[0] in fit.factors


def _estimate(fit: FactorialPhase, names: tuple[str, ...], factor: float) -> Estimate | None:
    found = next((effect.estimate for effect in fit.effects if effect.terms == names), None)
    if found is None or not factor:
        return None
    return replace(found, value=factor * found.value, standard_error=abs(factor) * found.standard_error)


def _orientation(fit: FactorialPhase, change: Change) -> float:
    """1 where a change goes from the low to the high level, -1 the other way, 0 for other levels."""
    factor, start, end = change
    return {(start, end): 1.0, (end, start): -1.0}.get(fit.levels.get(factor, ("", "")), 0.0)


def _side(cell: Cell, factor: str, start: str, end: str) -> float:
    return {start: -1.0, end: 1.0}.get(cell.levels[factor], 0.0)


def _part(fit: FactorialPhase, whole: tuple[Cell, ...], estimate: Estimate, weigh: Callable[[Cell], float]) -> Part:
    """One unit with all measured runs says which trials count and to which side; missing ones stand beside it."""
    half = max(len(fit.cells) / 2, 1.0)
    measured = tuple((cell, weigh(cell) / half) for cell in whole if cell.measured)
    lost = tuple(
        Unit(key=("missing", place), terms=((cell, weigh(cell) / half),))
        for place, cell in enumerate(whole)
        if not cell.measured
    )
    return Part(
        label="",
        comparison=Comparison(units=(Unit(key=("all",), terms=measured), *lost), around=whole),
        estimate=estimate,
        mean_from=raw_mean(cell for cell in fit.cells if weigh(cell) < 0),
        low=None,
        high=None,
    )
