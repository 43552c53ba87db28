"""Whether pairs that differ in the seed alone agree in all their digits, and whether that may be chance.

No two trainings differ by the same amount, or by the same factor, to eight digits. Of values of fewer digits the chance
is reckoned: with the spread of the runs as the seeds show it, of which pairing may take away most but not all.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from typing import Final, TypeAlias

from sweeper.evidence.data.cells import Cell
from sweeper.evidence.data.units import PAIR, Unit
from sweeper.evidence.statistics.agreement import chance_of_agreement, chance_of_tie
from sweeper.evidence.statistics.replicates import BY_CHANCE, FEW_DIGITS, FINE, standard_deviation
from sweeper.evidence.statistics.resolution import significant_digits

SAME_RUN: Final = "both sides gave the same values to the last digit: the setting changes nothing, or never arrives"
SAME_DIFFERENCE: Final = "the {what} is the same {how} in {which} seeds: 1 {what}, not {seeds}"
SAME_DIFFERENCES: Final = (
    "the {what} is the same {how} with every seed in each of {groups} comparisons: {groups} {what}s, not {pairs}"
)
SAME_SEEDS: Final = "some seeds gave the same values on both sides: {distinct} runs, not {seeds}"
RELATED: Final = 20.0  # by how much the spread of a difference may be less than if its runs had nothing in common
ROUNDING: Final = 1e-6  # of a step: sums of printed values are no exact multiples of it

Group: TypeAlias = list[Unit]
Scale: TypeAlias = Callable[[Cell], tuple[float, float]]  # the value of a run as compared, and its step


def same_values(units: Sequence[Unit]) -> str:
    """Return that units which differ in the seed alone agree, more than chance allows; empty if they do not."""
    if not all(len(unit.terms) >= PAIR for unit in units):
        return ""
    is_fine, is_same = all(cell.share <= FINE for unit in units for cell, _ in unit.terms), _are_same_runs(units)
    if is_fine and is_same:
        return SAME_RUN
    groups = repeated(units)
    seeds = len({unit.terms[0][0].seed for group in groups for unit in group})
    if seeds < 2:
        return ""
    for what, scale in (("difference", _measured), ("ratio", _logarithm)):
        # That a setting never arrives is likelier than that runs with it are so closely related to those without.
        if _agree(groups, scale, is_fine=is_fine, related=1.0 if is_same else RELATED):
            return SAME_RUN if is_same else _same_differences(groups, what, scale, seeds)
    return _same_seeds(groups, seeds)


def _same_differences(groups: Sequence[Group], what: str, scale: Scale, seeds: int) -> str:
    """Return that differences agree, to the last digit or as far as rounding shows, those of each group by itself."""
    exact = all(_apart(group, scale) <= max(_digits(unit, scale) for unit in group) for group in groups)
    how = "to the last digit" if exact else "within rounding"
    if any(len(group) < seeds for group in groups):  # so that the mean of a seed is not over the same comparisons
        return SAME_DIFFERENCES.format(what=what, how=how, groups=len(groups), pairs=sum(map(len, groups)))
    return SAME_DIFFERENCE.format(what=what, how=how, which="both" if seeds == 2 else f"all {seeds}", seeds=seeds)


def repeated(units: Sequence[Unit]) -> list[Group]:
    """Return the units of the same arms with the same weights, where there are several: they differ in the seed."""
    groups: dict[Hashable, Group] = defaultdict(list)
    for unit in units:
        groups[unit.arms].append(unit)
    return [group for group in groups.values() if len(group) > 1]


def equal_difference(units: Sequence[Unit]) -> bool:
    """Return whether all units that differ in the seed alone have the same difference, as far as digits show."""
    groups = repeated(units) if all(len(unit.terms) >= PAIR for unit in units) else []
    return bool(groups) and all(
        _apart(group, _measured) <= ROUNDING * max(step_of(cell) for cell, _ in group[0].terms) for group in groups
    )


def step_of(cell: Cell) -> float:
    """Return the step of a value as measured; 0 if it is unknown."""
    return cell.share * abs(cell.raw) if math.isfinite(cell.share) else 0.0


def _are_same_runs(units: Sequence[Unit]) -> bool:
    pairs = all(len(unit.terms) == PAIR for unit in units)
    return pairs and all(abs(_sum(unit, _measured)) <= _digits(unit, _measured) for unit in units)


def _agree(groups: Sequence[Group], scale: Scale, *, is_fine: bool, related: float) -> bool:
    loose = groups[0] if is_fine else []
    widest = max(_width(groups[0][0], scale), *(_digits(unit, scale) for unit in loose), 0.0) * 2.0
    if not _apart(groups[0][:2], scale) <= widest:  # as nearly always; so is NaN
        return False
    if is_fine and all(_apart(group, scale) <= max(_digits(unit, scale) for unit in group) for group in groups):
        return True
    chance = 1.0
    for group in groups:
        apart, width = _apart(group, scale), _width(group[0], scale)
        if not apart <= width * (1.0 + ROUNDING):  # so is NaN
            return False
        spread = _unrelated(group, scale) / related
        chance *= chance_of_agreement(len(group), _finest(group[0], scale), spread, apart=apart)
    return chance < BY_CHANCE


def _measured(cell: Cell) -> tuple[float, float]:
    return cell.raw, step_of(cell)


def _logarithm(cell: Cell) -> tuple[float, float]:
    """Return the logarithm; NaN, which equals nothing, where there is none."""
    return (math.log(cell.raw), 2.0 * cell.share) if cell.raw > 0 else (math.nan, math.nan)


def _sum(unit: Unit, scale: Scale) -> float:
    return sum(weight * scale(cell)[0] for cell, weight in unit.terms)


def _apart(group: Group, scale: Scale) -> float:
    """Return how far the sums of units are apart; NaN if one has none."""
    found = [_sum(unit, scale) for unit in group]
    if not all(map(math.isfinite, found)):  # `max` and `min` pass over a NaN that is not the first
        return math.nan
    return max(found) - min(found)


def _digits(unit: Unit, scale: Scale) -> float:
    """Return how much of the sum of values of eight digits are digits that need not agree."""
    size = 1.0 if scale is _logarithm else 0.0
    return FINE * sum(abs(weight) * (size or abs(cell.raw)) for cell, weight in unit.terms)


def _width(unit: Unit, scale: Scale) -> float:
    """Return how far sums that only rounding keeps apart may be apart."""
    return sum(abs(weight) * scale(cell)[1] for cell, weight in unit.terms) / 2.0


def _finest(unit: Unit, scale: Scale) -> float:
    return min(abs(weight) * scale(cell)[1] for cell, weight in unit.terms)


def _unrelated(group: Group, scale: Scale) -> float:
    """Return the standard deviation of the sums of runs with the spread of these, but with nothing in common."""
    return math.hypot(*(abs(weight) * sd for weight, sd in _deviations(group, scale)))


def _deviations(group: Group, scale: Scale) -> list[tuple[float, float]]:
    """Return the weight of each arm of a group, and the standard deviation of its runs."""
    arms: dict[Hashable, list[float]] = defaultdict(list)
    weights: dict[Hashable, float] = {}
    for unit in group:
        for cell, weight in unit.terms:
            arms[cell.arm, cell.stratum].append(scale(cell)[0])
            weights[cell.arm, cell.stratum] = weight
    return [(weights[arm], standard_deviation(runs)) for arm, runs in arms.items()]


def _same_seeds(groups: Sequence[Group], seeds: int) -> str:
    """Return that a seed repeats all runs of another one, as `seed // 2` does; empty if none does, but by chance."""
    chance, distinct = 1.0, 0
    for group in groups:
        if len({min(cell.raw for cell, _ in unit.terms) for unit in group}) == len(group):
            return ""  # as nearly always
        rows = {frozenset((cell.arm, cell.stratum, cell.raw) for cell, _ in unit.terms) for unit in group}
        if len(rows) == len(group) or any(_is_one_value(unit) for unit in group):
            return ""
        distinct = max(distinct, len(rows))
        steps = [step_of(cell) for cell, _ in group[0].terms]
        spreads = sorted((sd for _, sd in _deviations(group, _measured)), reverse=True)
        chance *= chance_of_tie(len(group), max(steps), spreads[0])
        for sd in spreads[1:]:
            chance *= chance_of_agreement(2, max(steps), sd / RELATED)
    return SAME_SEEDS.format(distinct=distinct, seeds=seeds) if chance < BY_CHANCE else ""


def _is_one_value(unit: Unit) -> bool:
    """Return whether all runs of a seed have one value, or one of them a value that runs come to, such as 0 or 1."""
    raws = {cell.raw for cell, _ in unit.terms}
    return len(raws) == 1 or any(significant_digits(raw) <= FEW_DIGITS for raw in raws)
