"""Who earned the gain in a two-level phase: Shapley values beside add-one and leave-one-out."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, combinations
from statistics import fmean
from typing import Final

from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure, Scale, measure
from sweeper.evidence.effects.factorial_phase import FactorialPhase, factorial_phase
from sweeper.evidence.statistics.attribution import add_one, leave_one_out, shapley

MOST_FACTORS: Final = 12  # 4,096 combinations


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorShare:
    """What one factor gains: positive where it betters the metric, on the measure's scale; None where not run."""

    factor: str
    shapley: float
    add_one: float | None
    leave_one_out: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The gain of a phase's full configuration against its baseline, shared out.

    Attributes:
        phase, metric, scale: what of.
        gain: of all factors at their high levels against none; Shapley values sum to it.
        fitted: whether combinations that were not run come from main effects and two-way interactions.
        factors: by Shapley value, falling.
    """

    phase: str
    metric: str
    scale: Scale
    gain: float
    fitted: bool
    factors: tuple[FactorShare, ...]


def phase_attribution(data: StudyData, phase: str, metric: Measure | None = None) -> Attribution | None:
    """Shares the gain of a two-level phase out; None for other phases.

    A full factorial gives every combination. Of a fraction the fit gives those that were not run, so its Shapley
    values know of no interaction of three. Add-one and leave-one-out are of runs alone.
    """
    found = metric or measure(data)
    fit = factorial_phase(data, phase, found)
    if fit is None or not 2 <= len(fit.factors) <= MOST_FACTORS:
        return None
    run = {coalition: -found.sign * value for coalition, value in _means(fit).items()}
    everyone = _coalitions(fit.factors)
    fitted = any(coalition not in run for coalition in everyone)
    if fitted and not all(_balanced(fit, name) for name in fit.factors):
        return None  # one at a time and the like: only a fraction's fit speaks for what was not run
    worth = {coalition: -found.sign * _predicted(fit, coalition) for coalition in everyone} if fitted else run
    values = shapley(worth, fit.factors)
    first, last = add_one(run, fit.factors), leave_one_out(run, fit.factors)
    shares = [
        FactorShare(factor=name, shapley=value, add_one=first.get(name), leave_one_out=last.get(name))
        for name, value in values.items()
    ]
    return Attribution(
        phase=phase,
        metric=found.name,
        scale=found.scale,
        gain=worth[frozenset(fit.factors)] - worth[frozenset()],
        fitted=fitted,
        factors=tuple(sorted(shares, key=lambda each: -each.shapley)),
    )


def _balanced(fit: FactorialPhase, factor: str) -> bool:
    return 2 * sum(cell.levels[factor] == fit.levels[factor][1] for cell in fit.cells) == len(fit.cells)


def _coalitions(names: tuple[str, ...]) -> list[frozenset[str]]:
    subsets = chain.from_iterable(combinations(names, size) for size in range(len(names) + 1))
    return [frozenset(subset) for subset in subsets]


def _means(fit: FactorialPhase) -> Mapping[frozenset[str], float]:
    """The mean value of each combination that ran, as the set of factors at their high level."""
    values: dict[frozenset[str], list[float]] = {}
    for cell in fit.cells:
        on = frozenset(name for name in fit.factors if cell.levels[name] == fit.levels[name][1])
        values.setdefault(on, []).append(cell.value)
    return {coalition: fmean(found) for coalition, found in values.items()}


def _predicted(fit: FactorialPhase, coalition: frozenset[str]) -> float:
    """The fitted value of a combination, less the grand mean: half of each effect, with its sign."""
    total = 0.0
    for effect in fit.effects:
        sign = 1.0
        for name in effect.terms:
            sign *= 1.0 if name in coalition else -1.0
        total += sign * effect.estimate.value / 2
    return total
