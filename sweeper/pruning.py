"""Whether to end a trial early, by its curve and the others' of its phase.

Pure functions of the curves: nothing is kept between two calls, so the decision depends neither on the order in which
reports came in, nor on how often the question was asked. A curve is the metric by step; values that are not finite
are left out.

These differ from Optuna's pruners, whose rungs and brackets depend on the calls and on the study's name:

1. ``median`` and the rungs compare with all curves that have come as far, ended or not.
2. A report need not be at the very step that is compared: the last one at or before it counts.
3. Rungs stand at the first step that any trial of the phase reported, times powers of the reduction factor.
4. A rung judges once as many trials as the reduction factor have come to it, not from the second trial on.
5. A trial's bracket in ``hyperband`` follows from its place in the phase, not from a hash of the study's name.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from sweeper.errors import UsageError

Curve = Mapping[int, float]

STARTUP_TRIALS: Final = 5  # median: others that must have come as far
ASHA_REDUCTION: Final = 4
HYPERBAND_REDUCTION: Final = 3
WILCOXON_P: Final = 0.1
WILCOXON_STEPS: Final = 4  # with fewer, no difference can be significant at that level


class _Reports:
    """A curve sorted by step, smaller is better."""

    def __init__(self, curve: Curve, sign: float) -> None:
        finite = sorted((int(step), sign * value) for step, value in curve.items() if math.isfinite(value))
        self.steps = [step for step, _ in finite]
        self.values = [value for _, value in finite]

    def reaches(self, step: int) -> bool:
        return bool(self.steps) and self.steps[-1] >= step and self.steps[0] <= step

    def at(self, step: int) -> float:
        """The last value at or before a step."""
        return self.values[bisect_right(self.steps, step) - 1]


def should_prune(
    pruner: str,
    *,
    direction: str,
    own_curve: Curve,
    other_curves: Sequence[Curve],
    own_place: int = 0,
    other_places: Sequence[int] | None = None,
) -> bool:
    """Whether the pruner ends the trial now.

    Args:
        pruner: none, median, asha, hyperband or wilcoxon.
        direction: minimize or maximize.
        own_curve: the trial's metric by step.
        other_curves: those of the other trials of its phase.
        own_place: the trial's place in its phase, from 0; hyperband's brackets follow from it.
        other_places: those of the others; without them hyperband has one bracket, and is asha.

    Raises:
        UsageError: there is no such pruner.
    """
    if pruner == "none":
        return False
    sign = -1.0 if direction == "maximize" else 1.0
    own = _Reports(own_curve, sign)
    others = [_Reports(curve, sign) for curve in other_curves]
    if pruner == "hyperband":
        places = other_places if other_places is not None else [own_place] * len(others)
        return bool(own.steps) and _hyperband(own, others, own_place, places, brackets=other_places is not None)
    rules: dict[str, Callable[[_Reports, list[_Reports]], bool]] = {
        "median": _median,
        "asha": _asha,
        "wilcoxon": _wilcoxon,
    }
    if pruner not in rules:
        raise UsageError(f"no pruner {pruner!r}. Pruners: none, {', '.join(rules)}, hyperband")
    return bool(own.steps) and rules[pruner](own, [other for other in others if other.steps])


def _median(own: _Reports, others: Sequence[_Reports]) -> bool:
    """The best value so far is worse than the median of the others at this step.

    Source: Golovin et al. (2017), Google Vizier, section 3.2.2, with values in place of running averages.
    """
    step = own.steps[-1]
    values = sorted(other.at(step) for other in others if other.reaches(step))
    if len(values) < STARTUP_TRIALS:
        return False
    middle = len(values) // 2
    median = values[middle] if len(values) % 2 else (values[middle - 1] + values[middle]) / 2
    return min(own.values) > median


def _asha(own: _Reports, others: Sequence[_Reports]) -> bool:
    """Source: Li et al. (2020), A system for massively parallel hyperparameter tuning, algorithm 2."""
    first = min(reports.steps[0] for reports in (own, *others))
    return _out_at_rung(own, others, max(1, first), ASHA_REDUCTION)


def _out_at_rung(own: _Reports, others: Sequence[_Reports], first: int, reduction: int) -> bool:
    """Whether the trial is not among the best 1/reduction of those that came to the highest rung that it reached."""
    rung = first
    if own.steps[-1] < rung:
        return False
    while rung * reduction <= own.steps[-1]:
        rung *= reduction
    if not own.reaches(rung):
        return False
    value = own.at(rung)
    rivals = [other.at(rung) for other in others if other.reaches(rung)]
    number = len(rivals) + 1
    if number < reduction:
        return False
    return sum(rival < value for rival in rivals) >= number // reduction


def _hyperband(
    own: _Reports, others: Sequence[_Reports], own_place: int, places: Sequence[int], *, brackets: bool
) -> bool:
    """Successive halving in brackets that begin to halve ever later, each among its own trials.

    The brackets are those that the longest curve so far allows; a trial's bracket is fixed by its place, and a bracket
    that is not there yet is asked of the last one.

    Source: Li et al. (2018), Hyperband, algorithm 1, run asynchronously.
    """
    known = [reports for reports in (own, *others) if reports.steps]
    first = max(1, min(reports.steps[0] for reports in known))
    longest = max(reports.steps[-1] for reports in known)
    most = int(math.log(longest / first, HYPERBAND_REDUCTION) + 1e-9) if brackets and longest > first else 0
    mine = min(bracket_of(own_place), most)
    rivals = [
        other
        for other, place in zip(others, places, strict=True)
        if other.steps and min(bracket_of(place), most) == mine
    ]
    return _out_at_rung(own, rivals, first * HYPERBAND_REDUCTION**mine, HYPERBAND_REDUCTION)


def bracket_of(place: int) -> int:
    """The bracket of the trial at a place: of 3^k trials, 2/3 are in bracket 0, 2/9 in bracket 1, and so on.

    The number of times that the place, counted from 1, is divided by 3: so every prefix of a phase has each bracket
    in its share.
    """
    bracket, number = 0, place + 1
    while number % HYPERBAND_REDUCTION == 0:
        bracket, number = bracket + 1, number // HYPERBAND_REDUCTION
    return bracket


def _wilcoxon(own: _Reports, others: Sequence[_Reports]) -> bool:
    """The trial is worse than the best other one, step by step, by a signed-rank test.

    Not pruned is a trial whose mean over those steps is no worse than the best one's.

    Source: Optuna's WilcoxonPruner.
    """
    if not others:
        return False
    best = min(others, key=lambda other: (min(other.values), other.steps, other.values))
    pairs = [(value, best.at(step)) for step, value in zip(own.steps, own.values, strict=True) if best.reaches(step)]
    differences = [value - rival for value, rival in pairs]
    if len(differences) < WILCOXON_STEPS or math.fsum(differences) <= 0:
        return False
    from scipy.stats import wilcoxon  # noqa: PLC0415 - SciPy is slow to load

    return bool(wilcoxon(differences, alternative="greater", zero_method="zsplit").pvalue < WILCOXON_P)
