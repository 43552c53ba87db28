"""Effects in units that one can feel: how much compute or data the reference would need for the same value.

The reference configuration was measured at several budgets, or with several amounts of data. Between them, the
logarithm of the metric is taken for a straight line over that of the amount. Where this line reaches the value of the
other configuration is the amount that the change is worth. The interval is Fieller's (`statistics.fieller`), by seeds.
Beyond the amounts that were measured nothing is said.
"""

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Final, Literal

from sweeper.designs.levels import level_key
from sweeper.evidence.data.arms import arm_cells
from sweeper.evidence.data.cells import Cell, block_text
from sweeper.evidence.data.comparison import matching, paired_by_factor, paired_by_seed
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.data.units import Unit
from sweeper.evidence.formatting import level_text, number
from sweeper.evidence.statistics.fieller import Place, Refusal, place_on_line
from sweeper.spec.claim import Arm, ArmContrast, Contrast

Kind = Literal["compute", "data"]
Sizes = Mapping[str, Mapping[str, float]]  # by factor and the key of its level the amount of data
DIGITS: Final = 2
# Factors whose numbers are amounts of data, by their names, e.g. train_fraction, data_share, n_samples.
DATA_NAME: Final = re.compile(
    r"(train|data|subset|corpus)\w*[._-]?(fraction|share|size|tokens|samples|examples|percent)s?$"
    r"|(^|[._-])(n|num|max)[._-](train[._-])?(samples|examples|tokens)$|(^|[._-])fraction[._-]of[._-]data$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Felt:
    """What a change is worth in compute or data.

    Attributes:
        kind: of what.
        unit: of the amounts, e.g. ``steps``, or the factor that they are the levels of.
        stratum: the block in which it was measured, e.g. ``corpus = ptb``; empty without blocks.
        times: how many times the amount the reference needs for the same value; NaN where it is unknown.
        low, high: its 95% interval; an open end is the last amount that was measured.
        low_is_open, high_is_open: whether the interval may extend beyond what was measured.
        amount: with which the change was measured.
        measured: the amounts at which the reference was, the smallest first.
        seeds: the number of seeds.
        refusal: why it is unknown; empty if it is known.
    """

    kind: Kind
    unit: str
    stratum: str = ""
    times: float = math.nan
    low: float = math.nan
    high: float = math.nan
    low_is_open: bool = False
    high_is_open: bool = False
    amount: float = math.nan
    measured: tuple[float, ...] = ()
    seeds: int = 0
    refusal: str = ""

    @property
    def is_known(self) -> bool:
        """Whether the reference was measured where it reaches the value."""
        return not self.refusal

    @property
    def text(self) -> str:
        """E.g. ``worth 1.8 times the compute (1.5 to 2.3)``; for what is unknown, why."""
        if self.refusal:
            return self.refusal
        low = f"less than {number(self.low, DIGITS)}" if self.low_is_open else number(self.low, DIGITS)
        high = f"more than {number(self.high, DIGITS)}" if self.high_is_open else number(self.high, DIGITS)
        place = f" at {self.stratum}" if self.stratum else ""
        return f"worth {number(self.times, DIGITS)} times the {self.kind} ({low} to {high}){place}"


def felt_units(runs: Runs, statement: Contrast | ArmContrast, sizes: Sizes | None = None) -> tuple[Felt, ...]:
    """Return what the effect of a contrast is worth in compute, and in data, in each block.

    None of a kind where the reference was measured with one amount of it only.

    Args:
        runs: of the study, on one metric.
        statement: within one phase; a difference between two phases is worth nothing in this sense.
        sizes: amounts of data by factor and level; the numeric levels of factors that are called like one, if None.
    """
    phases = {statement.phase} if isinstance(statement, Contrast) else {statement.start.phase, statement.to.phase}
    if len(phases) > 1 or not phases <= runs.phases.keys():
        return ()
    phase = runs.phases[phases.pop()]
    found = [_in_compute(runs, phase, part, statement) for part in _blocks(phase).items()]
    known = _named_sizes(runs, phase) if sizes is None else sizes
    for factor, amounts in known.items():
        found += [_in_data(runs, part, statement, factor, amounts) for part in _blocks(phase, without=factor).items()]
    return tuple(each for each in found if each is not None)


def _blocks(phase: PhaseRuns, *, without: str = "") -> dict[str, PhaseRuns]:
    """Return the runs of each block; a factor that is the amount of data is none."""
    blocks = tuple(name for name in phase.blocks if name != without)
    return dict(_by_block(phase, blocks)) or {"": phase}


def _by_block(phase: PhaseRuns, blocks: Sequence[str]) -> list[tuple[str, PhaseRuns]]:
    groups: dict[tuple[str, ...], list[Cell]] = {}
    for cell in phase.cells:
        groups.setdefault(tuple(cell.levels[name] for name in blocks), []).append(cell)
    if len(groups) < 2:
        return []
    return [(block_text(blocks, key), replace(phase, blocks=(), cells=tuple(each))) for key, each in groups.items()]


def _in_compute(
    runs: Runs, phase: PhaseRuns, part: tuple[str, PhaseRuns], statement: Contrast | ArmContrast
) -> Felt | None:
    """Return what a change is worth in compute: the reference ran in phases with other budgets too."""
    stratum, here = part
    own = _budget(here)
    reference = _reference(here, statement)
    if own is None or not reference:
        return None
    arms = {cell.arm for cell in reference}
    by_amount: dict[float, dict[int, float]] = {own[1]: _by_seed(reference)}
    for other in runs.phases.values():
        budget = _budget(other)
        if other.name == phase.name or budget is None or budget[0] != own[0] or budget[1] in by_amount:
            continue
        cells = [cell for cell in other.cells if cell.arm in arms and cell.is_measured]  # the same configuration
        if cells:
            by_amount[budget[1]] = _by_seed(cells)
    found = Felt(kind="compute", unit=own[0], stratum=stratum, amount=own[1])
    return _measured(found, by_amount, _effects(here, statement), runs.measure)


def _in_data(
    runs: Runs,
    part: tuple[str, PhaseRuns],
    statement: Contrast | ArmContrast,
    factor: str,
    amounts: Mapping[str, float],
) -> Felt | None:
    """Return what a change is worth in data: the reference ran with other levels of a factor too."""
    stratum, here = part
    level = _level_of(statement, factor, here)
    if level not in amounts or _changes(statement, factor):
        return None
    by_amount = {}
    for key, amount in amounts.items():
        reference = _reference(here, statement, {factor: key})
        if reference:
            by_amount[amount] = _by_seed(reference)
    found = Felt(kind="data", unit=factor, stratum=stratum, amount=amounts[level])
    return _measured(found, by_amount, _effects(here, statement, {factor: level}), runs.measure)


def _measured(
    felt: Felt, by_amount: Mapping[float, Mapping[int, float]], effects: Mapping[int, float], measure: Measure
) -> Felt | None:
    """Return a change with what it is worth, or why that is unknown; None with one amount only.

    Args:
        felt: with the amount at which it was measured.
        by_amount: the reference at each amount, by seed.
        effects: by seed.
        measure: on whose scale they are.
    """
    points = sorted(each for each, values in by_amount.items() if values)
    if len(points) < 2 or felt.amount not in points or not effects:
        return None
    seeds = sorted(set(effects).intersection(*(by_amount[point] for point in points)))
    found = replace(felt, measured=tuple(points), seeds=len(seeds))
    if points[0] <= 0:
        return _refused(found, f"{found.unit} of {points[0]:g} has no logarithm")
    if not seeds:
        return _refused(found, "no seed has all runs")
    values = [[_log(by_amount[point][seed], measure) for point in points] for seed in seeds]
    targets = [_log(by_amount[found.amount][seed] + effects[seed], measure) for seed in seeds]
    if not all(map(math.isfinite, [*targets, *(value for row in values for value in row)])):
        return _refused(found, f"{measure.metric.name} is not positive, so it has no logarithm")
    place = place_on_line([math.log(point) for point in points], values, targets)
    if not isinstance(place, Place):
        return _refused(found, _why(place, found, falls=_falls(values)))
    low, times, high = (math.exp(each) / found.amount for each in (place.low, place.value, place.high))
    found = replace(found, times=times, low=low, high=high)
    return replace(found, low_is_open=place.low_is_open, high_is_open=place.high_is_open)


def _refused(found: Felt, why: str) -> Felt:
    return replace(found, refusal=f"not expressed in {found.kind}: {why}")


def _why(place: Refusal, found: Felt, *, falls: bool) -> str:
    least, most = (_amount_text(found, each) for each in (found.measured[0], found.measured[-1]))
    match place:
        case "one seed":
            return "one seed does not show how runs vary"
        case "unsteady":
            return f"the reference does not change steadily between {least} and {most}"
        case "unclear":
            return f"between {least} and {most} the reference changes too little for an interval"
        case "below" | "above":
            # Values fall with the amount, or rise: beyond the last point on the side that more of it leads to.
            beyond = (place == "below") == falls
            return f"the reference was measured {'up to' if beyond else 'down to'} {most if beyond else least} only"


def _amount_text(found: Felt, amount: float) -> str:
    text = level_text(int(amount) if amount == int(amount) else amount)
    return f"{text} {found.unit}" if found.kind == "compute" else f"{found.unit} = {text}"


def _falls(values: Sequence[Sequence[float]]) -> bool:
    """Return whether values fall from the smallest to the largest amount."""
    return fmean(row[-1] for row in values) < fmean(row[0] for row in values)


def _log(value: float, measure: Measure) -> float:
    """Return the logarithm of a value on the measure's scale; NaN if it has none."""
    if measure.is_log:
        return value
    return math.log(value) if value > 0 else math.nan


def _budget(phase: PhaseRuns) -> tuple[str, float] | None:
    """Return the unit and the amount of a phase's budget; None for runs that end by themselves, and in frames."""
    texts = {cell.stratum[0] for cell in phase.cells if cell.stratum}
    if len(texts) != 1:
        return None
    try:
        document = json.loads(texts.pop())
    except ValueError:
        return None
    if not isinstance(document, dict) or len(document) != 1 or "runs" in document:
        return None
    ((unit, amount),) = document.items()
    return str(unit), float(amount)


def _start_levels(statement: Contrast | ArmContrast) -> dict[str, str]:
    """Return the levels that the reference names, by their keys."""
    if isinstance(statement, ArmContrast):
        return {name: level_key(level) for name, level in statement.start.levels.items()}
    named = {**statement.where, statement.factor: statement.start}
    return {name: level_key(level) for name, level in named.items()}


def _reference(
    phase: PhaseRuns, statement: Contrast | ArmContrast, where: Mapping[str, str] | None = None
) -> list[Cell]:
    """Return the measured cells of the reference."""
    if isinstance(statement, ArmContrast):
        start = statement.start
    else:
        start = Arm(phase=statement.phase, levels={**statement.where, statement.factor: statement.start})
    return [cell for cell in _cells(phase, start, where or {}) if cell.is_measured]


def _effects(
    phase: PhaseRuns, statement: Contrast | ArmContrast, where: Mapping[str, str] | None = None
) -> dict[int, float]:
    """Return the effect of each seed, on the measure's scale: the mean over its complete pairs."""
    places = where or {}
    if isinstance(statement, ArmContrast):
        start, to = (_cells(phase, arm, places) for arm in (statement.start, statement.to))
        comparison = paired_by_seed(start, to, phase.pool)
    else:
        named = {**{name: level_key(level) for name, level in statement.where.items()}, **places}
        change = (statement.factor, level_key(statement.start), level_key(statement.to))
        comparison = paired_by_factor(matching(phase.cells, named), change, phase.pool)
    seeds: dict[int, list[Unit]] = {}
    for unit in comparison.complete:
        seeds.setdefault(unit.terms[0][0].seed, []).append(unit)
    return {seed: fmean(unit.value for unit in units) for seed, units in seeds.items()}


def _cells(phase: PhaseRuns, arm: Arm, places: Mapping[str, str]) -> tuple[Cell, ...]:
    return arm_cells(phase, {**{name: level_key(level) for name, level in arm.levels.items()}, **places})


def _by_seed(cells: Sequence[Cell]) -> dict[int, float]:
    seeds: dict[int, list[float]] = {}
    for cell in cells:
        seeds.setdefault(cell.seed, []).append(cell.value)
    return {seed: fmean(values) for seed, values in seeds.items()}


def _level_of(statement: Contrast | ArmContrast, factor: str, phase: PhaseRuns) -> str:
    """Return the key of the level of a factor at which a contrast is looked at: that of the reference."""
    return _start_levels(statement).get(factor, phase.baseline.get(factor, ""))


def _changes(statement: Contrast | ArmContrast, factor: str) -> bool:
    """Return whether a factor is part of the change."""
    if isinstance(statement, Contrast):
        return statement.factor == factor
    return statement.start.levels.get(factor) != statement.to.levels.get(factor)


def _named_sizes(runs: Runs, phase: PhaseRuns) -> Sizes:
    """Return the factors of a phase whose levels are amounts of data, by their names."""
    found: dict[str, dict[str, float]] = {}
    for factor in runs.factors:
        keys = list(dict.fromkeys(cell.levels[factor] for cell in phase.cells if factor in cell.levels))
        if len(keys) < 2 or not DATA_NAME.search(factor):
            continue
        values = [json.loads(key) for key in keys]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            found[factor] = {key: float(value) for key, value in zip(keys, values, strict=True)}
    return found
