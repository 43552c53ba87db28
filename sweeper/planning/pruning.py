"""Decide whether to prune a trial, from its curve and those of the other trials in its phase.

These are pure functions of the curves, so a decision depends neither on the order in which reports arrived nor on how
often it was requested. A curve is the metric by step; values that are not finite are ignored.

Differences from Optuna's pruners, whose rungs and brackets depend on the calls and on the study's name:

1. ``median`` compares with all curves that have reached the step, whether their trials have ended or not.
2. Rungs are shares of the phase's budget R: r, r eta, r eta^2, … below R, with r = `min_resource` R. Optuna's start at
   a number of reports, or at the length of the first trial.
3. A report need not be at the exact step of a rung: the first one at or after it counts.
4. A rung prunes once as many trials as the reduction factor have reached it; Optuna's prune from the second trial on.
5. The bracket of a trial in ``hyperband`` follows from its index in the phase, not from a hash of the study's name.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.errors import UsageError
from sweeper.spec.phase import PRUNERS, Pruner, PrunerName

Curve = Mapping[int, float]

STARTUP_TRIALS: Final = 5  # median: other trials that must have reached the step
WILCOXON_P: Final = 0.1
WILCOXON_STEPS: Final = 4  # with fewer, no difference can be significant at that level
# From the papers: eta is 4 in Li et al. (2020), section 5, and 3 or 4 in Li et al. (2018), section 3.6. The minimum
# resources give two and three rungs; with more, trials would be pruned before their curves say much about the end.
REDUCTION: Final[Mapping[str, int]] = {"asha": 4, "hyperband": 3}
MIN_RESOURCE: Final[Mapping[str, float]] = {"asha": 1 / 16, "hyperband": 1 / 27}


@dataclass(frozen=True, slots=True, kw_only=True)
class PruningRule:
    """A pruner with all its settings.

    Attributes:
        reduction: 1 / reduction of the trials that reach a rung continue; rungs are this factor apart.
        min_resource: the share of the budget before which no trial is ended, 0 to 1; the lowest rung.
    """

    name: PrunerName
    reduction: int
    min_resource: float


def rule_of(pruner: Pruner) -> PruningRule:
    """Return a phase's pruner with the defaults of the settings that the study does not give."""
    reduction, share = pruner.reduction, pruner.min_resource
    return PruningRule(
        name=pruner.name,
        reduction=REDUCTION.get(pruner.name, 1) if reduction is None else reduction,
        min_resource=MIN_RESOURCE.get(pruner.name, 0.0) if share is None else share,
    )


def rule_named(name: str) -> PruningRule:
    """Return the pruner of a name, with its default settings.

    Raises:
        UsageError: there is no such pruner.
    """
    known = next((each for each in PRUNERS if each == name), None)
    if known is None:
        raise UsageError(f"{name!r} is not a pruner. Pruners: {', '.join(PRUNERS)}")
    return rule_of(Pruner(name=known))


class _Reports:
    """A curve sorted by step, in which smaller values are better."""

    def __init__(self, curve: Curve, sign: float) -> None:
        finite = sorted((int(step), sign * value) for step, value in curve.items() if math.isfinite(value))
        self.steps = [step for step, _ in finite]
        self.values = [value for _, value in finite]

    def reaches(self, step: float) -> bool:
        return bool(self.steps) and self.steps[-1] >= step

    def spans(self, step: int) -> bool:
        return self.reaches(step) and self.steps[0] <= step

    def at(self, step: int) -> float:
        """Return the last value at or before a step."""
        return self.values[bisect_right(self.steps, step) - 1]

    def at_rung(self, rung: float) -> float:
        """Return the first value at or after a rung."""
        return self.values[bisect_left(self.steps, rung)]


def should_prune(
    rule: PruningRule,
    *,
    direction: str,
    own_curve: Curve,
    other_curves: Sequence[Curve],
    max_resource: float | None,
    own_index: int = 0,
    other_indices: Sequence[int] | None = None,
) -> bool:
    """Return whether the pruner ends the trial now.

    Args:
        rule: the pruner and its settings.
        own_curve: the trial's metric by step.
        other_curves: those of the other trials in its phase.
        max_resource: the phase's budget in steps; if it is unknown, there are no rungs, so they prune nothing.
        own_index: the trial's index in its phase, which determines its bracket in hyperband.
        other_indices: those of the others; without them, hyperband has one bracket, like asha.
    """
    sign = -1.0 if direction == "maximize" else 1.0
    own = _Reports(own_curve, sign)
    if rule.name == "none" or not own.steps or (rule.min_resource > 0 and max_resource is None):
        return False
    budget = math.inf if max_resource is None else float(max_resource)
    first = rule.min_resource * budget if rule.min_resource > 0 else 0.0
    if own.steps[-1] < first:
        return False
    others = [_Reports(curve, sign) for curve in other_curves]
    if rule.name in REDUCTION:
        indices = other_indices if other_indices is not None else [own_index] * len(others)
        bracketed = rule.name == "hyperband" and other_indices is not None
        return _out_at_rung(own, others, rule, (first, budget), (own_index, indices) if bracketed else None)
    rules: dict[str, Callable[[_Reports, list[_Reports]], bool]] = {"median": _median, "wilcoxon": _wilcoxon}
    return rules[rule.name](own, [other for other in others if other.steps])


def rungs(rule: PruningRule, max_resource: float, bracket: int = 0) -> tuple[float, ...]:
    """Return the rungs of a bracket: the steps r eta^bracket, r eta^(bracket + 1), … below the budget.

    Source: Li et al. (2020), A system for massively parallel hyperparameter tuning, section 3.1, where r is the
    minimum resource and the bracket the "minimum early-stopping rate" s.
    """
    found = []
    rung = rule.min_resource * max_resource * rule.reduction**bracket
    while 0 < rung < max_resource * (1 - 1e-9):
        found.append(rung)
        rung *= rule.reduction
    return tuple(found)


def _median(own: _Reports, others: Sequence[_Reports]) -> bool:
    """Return whether the best value so far is worse than the median of the others at this step.

    Source: Golovin et al. (2017), Google Vizier, section 3.2.2, with values instead of running averages.
    """
    step = own.steps[-1]
    values = sorted(other.at(step) for other in others if other.spans(step))
    if len(values) < STARTUP_TRIALS:
        return False
    middle = len(values) // 2
    median = values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
    return min(own.values) > median


def _out_at_rung(
    own: _Reports,
    others: Sequence[_Reports],
    rule: PruningRule,
    span: tuple[float, float],
    indices: tuple[int, Sequence[int]] | None,
) -> bool:
    """Return whether the trial is not among the best 1/eta in its bracket at the highest rung that it reached.

    With `indices`, its own and those of the others, trials are compared in brackets, whose first rungs differ.

    Source: Li et al. (2020), algorithm 2 (ASHA), in the variant that ends trials at a rung instead of pausing them
    until they are promoted; the brackets are those of Li et al. (2018), Hyperband, algorithm 1.
    """
    first, budget = span
    mine = 0
    if indices is not None:
        most = max(int(math.log(budget / first, rule.reduction) + 1e-9) - 1, 0)
        mine = min(bracket_of(indices[0], rule.reduction), most)
        others = [
            other
            for other, index in zip(others, indices[1], strict=True)
            if min(bracket_of(index, rule.reduction), most) == mine
        ]
    reached = [rung for rung in rungs(rule, budget, mine) if own.reaches(rung)]
    if not reached:
        return False
    value = own.at_rung(reached[-1])
    rivals = [other.at_rung(reached[-1]) for other in others if other.reaches(reached[-1])]
    number = len(rivals) + 1
    if number < rule.reduction:
        return False
    return sum(rival < value for rival in rivals) >= number // rule.reduction


def bracket_of(index: int, reduction: int = REDUCTION["hyperband"]) -> int:
    """Return the bracket of a trial by its index: of 3^k trials, 2/3 are in bracket 0, 2/9 in bracket 1, and so on.

    It is the number of times that the index, counted from 1, is divisible by the reduction factor, so every prefix of
    a phase has its share of each bracket.
    """
    bracket, number = 0, index + 1
    while number % reduction == 0:
        bracket, number = bracket + 1, number // reduction
    return bracket


def _wilcoxon(own: _Reports, others: Sequence[_Reports]) -> bool:
    """Return whether the trial is worse than the best other one, step by step, by a signed-rank test.

    A trial is kept if its mean over those steps is no worse than that of the best one.

    Source: Optuna's WilcoxonPruner.
    """
    if not others:
        return False
    best = min(others, key=lambda other: (min(other.values), other.steps, other.values))
    pairs = [(value, best.at(step)) for step, value in zip(own.steps, own.values, strict=True) if best.spans(step)]
    differences = [value - rival for value, rival in pairs]
    if len(differences) < WILCOXON_STEPS or math.fsum(differences) <= 0:
        return False
    from scipy.stats import wilcoxon  # noqa: PLC0415 - SciPy is slow to load

    return bool(wilcoxon(differences, alternative="greater", zero_method="zsplit").pvalue < WILCOXON_P)
