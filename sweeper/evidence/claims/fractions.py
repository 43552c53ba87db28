"""Effects in fractional designs, where no two runs differ in one factor alone: from the fit of the whole phase."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from sweeper.evidence.claims.evidence import Part, Untestable
from sweeper.evidence.claims.unpaired import Change, Unpaired, unpaired
from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.comparison import Comparison, raw_mean
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.data.units import Unit
from sweeper.evidence.effects.factorial_phase import FactorialPhase, factorial_phase
from sweeper.evidence.effects.two_level_designs import FRACTIONS, is_balanced, many_levels
from sweeper.evidence.formatting import listed
from sweeper.evidence.statistics.paired import Estimate

DRAWN: Final = ("sampler", "promote")


def fraction_contrast(runs: Runs, phase: PhaseRuns, change: Change) -> Part | None:
    """Return a main effect of a two-level phase; None if the phase does not have it.

    Raises:
        Untestable: the phase is no two-level design, so that a fit leaves what other factors do in its error.
    """
    fit = _fit(runs, phase, lambda: unpaired(runs, phase, change))

    def effect(of: FactorialPhase) -> Estimate | None:
        return _estimate(of, (change[0],), _orientation(of, change))

    if fit is None or effect(fit) is None:
        return None
    return _part(runs, fit, phase, effect, lambda cell: _side(cell, change))


def fraction_interaction(runs: Runs, phase: PhaseRuns, change: Change, other: Change) -> Part | None:
    """Return the effect of one change at the second level of another minus that at the first: twice the interaction.

    None if the phase does not have it.

    Raises:
        Untestable: as for a main effect.
    """
    fit = _fit(runs, phase, lambda: _no_square(phase, change[0], other[0]))
    if fit is None or not {change[0], other[0]} <= set(fit.factors):
        return None
    names = tuple(sorted((change[0], other[0]), key=fit.factors.index))

    def effect(of: FactorialPhase) -> Estimate | None:
        return _estimate(of, names, 2.0 * _orientation(of, change) * _orientation(of, other))

    if effect(fit) is None:
        return None
    return _part(runs, fit, phase, effect, lambda cell: 2.0 * _side(cell, change) * _side(cell, other))


def _no_square(phase: PhaseRuns, factor: str, other: str) -> Unpaired:
    combined = f"no four trials of phase {phase.name} share their seed and combine {factor} and {other} only"
    return Unpaired(combined, f"add runs in which {factor} and {other} change on their own")


def _fit(runs: Runs, phase: PhaseRuns, lack: Callable[[], Unpaired]) -> FactorialPhase | None:
    """Return the fit of a phase; refuse one that is no two-level design.

    Where configurations are drawn or listed freely, other factors have more levels than a fit of two knows, or go
    along with the one that is compared. What they do is then in its effect, or in an error that counts the seeds of
    one configuration as so many.
    """
    if phase.design in DRAWN:
        raise _untestable(lack(), "the phase's configurations are drawn or promoted")
    if many := many_levels(phase):
        have = "has" if len(many) == 1 else "have"
        raise _untestable(
            lack(), f"the phase is no two-level design to fit: {listed(many)} {have} more than two levels"
        )
    fit = factorial_phase(runs, phase)
    if fit is None or phase.design in FRACTIONS or is_balanced(fit):
        return fit
    raise _untestable(lack(), "the phase is no two-level design to fit: its configurations are not a balanced fraction")


def _untestable(lack: Unpaired, design: str) -> Untestable:
    return Untestable(f"{lack.reason}, and {design}; {lack.remedy}")


def _estimate(fit: FactorialPhase, names: tuple[str, ...], factor: float) -> Estimate | None:
    found = next((effect.estimate for effect in fit.effects if effect.terms == names), None)
    if found is None or not factor:
        return None
    return replace(found, value=factor * found.value, standard_error=abs(factor) * found.standard_error)


def _orientation(fit: FactorialPhase, change: Change) -> float:
    """Return 1 for a change from the low to the high level, -1 for the other way, 0 for other levels."""
    factor, start, end = change
    return {(start, end): 1.0, (end, start): -1.0}.get(fit.levels.get(factor, ("", "")), 0.0)


def _side(cell: Cell, change: Change) -> float:
    factor, start, end = change
    return {start: -1.0, end: 1.0}.get(cell.levels[factor], 0.0)


def _part(
    runs: Runs,
    fit: FactorialPhase,
    phase: PhaseRuns,
    effect: Callable[[FactorialPhase], Estimate | None],
    weigh: Callable[[Cell], float],
) -> Part:
    """Return a part whose only unit says which runs count and on which side; missing runs have units of their own."""
    estimate, half = effect(fit), max(len(fit.cells) / 2, 1.0)
    assert estimate is not None
    started = tuple(cell for cell in fit.cells if weigh(cell) < 0)
    measured = tuple((cell, weigh(cell) / half) for cell in phase.cells if cell.is_measured)
    lost = tuple(
        Unit(key=("missing", position), terms=((cell, weigh(cell) / half),))
        for position, cell in enumerate(phase.cells)
        if not cell.is_measured
    )
    return Part(
        label="",
        comparison=Comparison(units=(Unit(key=("all",), terms=measured), *lost), pool=phase.pool),
        estimate=estimate,
        mean_from=raw_mean(started),
        started=started,
        worsens=runs.measure.sign,
        apart=_apart(runs, phase, effect),
    )


def _apart(runs: Runs, phase: PhaseRuns, effect: Callable[[FactorialPhase], Estimate | None]) -> dict[str, Estimate]:
    """Return an effect by the fit of each stratum, such as a dataset, by itself; none without several."""
    fits = {name: factorial_phase(runs, each) for name, each in phase.by_stratum.items()}
    found = {name: effect(fit) for name, fit in fits.items() if fit is not None}
    return {name: estimate for name, estimate in found.items() if estimate is not None}
