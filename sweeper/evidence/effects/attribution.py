"""Attribution of the gain in each stratum of a two-level phase: Shapley values, add-one and leave-one-out."""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, combinations
from statistics import fmean
from typing import Final

from sweeper.evidence.data.measures import Scale
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.effects.factorial_phase import FactorialPhase, factorial_phase
from sweeper.evidence.statistics.attribution import add_one, leave_one_out, shapley
from sweeper.evidence.statistics.two_way import block_effects

MOST_FACTORS: Final = 12  # 4,096 combinations


@dataclass(frozen=True, slots=True, kw_only=True)
class FactorShare:
    """What one factor gains on the measure's scale: positive where it improves the metric; None where not run."""

    factor: str
    shapley: float
    add_one: float | None
    leave_one_out: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribution:
    """The gain of the full configuration over the baseline in one stratum of a phase, attributed to the factors.

    Attributes:
        scale: of the gains.
        gain: of all factors at their high levels over none; Shapley values sum to it.
        fitted: whether combinations that were not run come from main effects and two-way interactions.
        factors: by Shapley value, the largest first.
    """

    scale: Scale
    gain: float
    fitted: bool
    factors: tuple[FactorShare, ...]


def phase_attribution(runs: Runs, phase: str) -> dict[str, Attribution]:
    """Attribute the gain in each stratum of a two-level phase to its factors, by the stratum's name.

    Strata are never averaged: what factors do may differ between them, and where runs were lost, a mean over strata
    shows how many of each are left. The name is empty where there is one stratum. Strata in which the gain cannot be
    attributed, because runs or a two-level design are missing, are left out.

    A full factorial has every combination. For a fraction, the fit gives those that were not run, so its Shapley values
    leave out interactions of three factors. Add-one and leave-one-out rest on runs only.
    """
    whole = runs.phases[phase]
    found = {name: _attribution(runs, each) for name, each in (whole.by_stratum or {"": whole}).items()}
    return {name: each for name, each in found.items() if each is not None}


def _attribution(runs: Runs, phase: PhaseRuns) -> Attribution | None:
    fit, sign = factorial_phase(runs, phase), runs.measure.sign
    if fit is None or not 2 <= len(fit.factors) <= MOST_FACTORS:
        return None
    run = {coalition: -sign * value for coalition, value in _means(fit).items()}
    everyone = _coalitions(fit.factors)
    fitted = any(coalition not in run for coalition in everyone)
    if fitted and not all(_is_balanced(fit, name) for name in fit.factors):
        return None  # one at a time and the like: only a fraction's fit says something about what was not run
    worth = {coalition: -sign * _predicted(fit, coalition) for coalition in everyone} if fitted else run
    values = shapley(worth, fit.factors)
    first, last = add_one(run, fit.factors), leave_one_out(run, fit.factors)
    shares = [
        FactorShare(factor=name, shapley=value, add_one=first.get(name), leave_one_out=last.get(name))
        for name, value in values.items()
    ]
    return Attribution(
        scale=runs.measure.metric.scale,
        gain=worth[frozenset(fit.factors)] - worth[frozenset()],
        fitted=fitted,
        factors=tuple(sorted(shares, key=lambda each: -each.shapley)),
    )


def _is_balanced(fit: FactorialPhase, factor: str) -> bool:
    return 2 * sum(cell.levels[factor] == fit.levels[factor][1] for cell in fit.cells) == len(fit.cells)


def _coalitions(names: tuple[str, ...]) -> list[frozenset[str]]:
    subsets = chain.from_iterable(combinations(names, size) for size in range(len(names) + 1))
    return [frozenset(subset) for subset in subsets]


def _means(fit: FactorialPhase) -> Mapping[frozenset[str], float]:
    """Return the mean value of each combination that ran, by the set of factors at their high level.

    What seeds, and levels of other factors, add is taken out as far as it is known (least squares on value =
    combination + the rest). A combination that lost its worst seed would look better than it is by a plain mean.
    """
    ignored = {*fit.factors, *(name for names in fit.tied.values() for name in names)}
    on = [frozenset(name for name in fit.factors if cell.levels[name] == fit.levels[name][1]) for cell in fit.cells]
    rest = [(cell.seed, *(key for name, key in cell.levels.items() if name not in ignored)) for cell in fit.cells]
    added = block_effects([cell.value for cell in fit.cells], on, rest)
    mean = fmean(added[block] for block in rest)
    values: dict[frozenset[str], list[float]] = {}
    for coalition, block, cell in zip(on, rest, fit.cells, strict=True):
        values.setdefault(coalition, []).append(cell.value - added[block] + mean)
    return {coalition: fmean(found) for coalition, found in values.items()}


def _predicted(fit: FactorialPhase, coalition: frozenset[str]) -> float:
    """Return the fitted value of a combination minus the grand mean: half of each effect, with its sign."""
    total = 0.0
    for effect in fit.effects:
        sign = 1.0
        for name in effect.terms:
            sign *= 1.0 if name in coalition else -1.0
        total += sign * effect.estimate.value / 2
    return total
