"""What configurations reach by each amount of compute, where claims compare them at their best lengths.

Beside those that claims compare, these are all configurations of the phases that the claims are about: the best one of
a study may be one of which no claim says anything.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.claims.length_notes import arm_name, compared_arms
from sweeper.evidence.data.arm_lengths import ArmKey, ArmLengths, shared_units
from sweeper.evidence.data.cells import block_text
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.formatting import listed
from sweeper.evidence.statistics.envelope import Crossing, Envelope, crossing, envelope
from sweeper.spec.claim import ArmContrast, Contrast, Trend, phases_of
from sweeper.spec.metric import Metric

Arms = Mapping[ArmKey, tuple[str, ArmLengths]]  # with their names
# Relative: steps that cost the same in all configurations are what compute is counted in. The last batch of a pass may
# be shorter, so that the FLOPs of a step differ by less than this even within a run.
ALIKE: Final = 0.02
MOST: Final = 60  # configurations of a panel beside those that claims compare, the best ones


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCurve:
    """One configuration in a figure of compute.

    Attributes:
        is_reference: whether it is the baseline, or what a claim compares another single one with.
        best_cost: of its best length.
        envelope: on the metric's scale, less for better, of the seeds that have all lengths that are drawn: those that
            most of its seeds have, or if its best one is none of them, all.
    """

    key: ArmKey
    name: str
    arm: ArmLengths = field(repr=False)
    seeds: tuple[int, ...]
    is_reference: bool = False
    best_cost: float
    envelope: Envelope = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two configurations that a claim compares, and where one overtakes the other.

    Attributes:
        crossing: None if they have no seed in common.
    """

    claim: str
    start: ArmCurve
    to: ArmCurve
    crossing: Crossing | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ComputePanel:
    """The configurations of one block that claims about one metric compare, and the others of the same phases.

    Attributes:
        place: the block, e.g. ``corpus = ptb``; empty without any.
        phases: which run its configurations, if phases run others of the same names, e.g. on more text; else none.
        unit: what compute is counted in.
        arms: all configurations, with their names; those that claims compare first, then the best of the others.
        num_left_out: how many of the others are not among these.
        curves: those of which something can be drawn.
    """

    metric: Metric
    place: str
    phases: tuple[str, ...] = ()
    unit: str
    arms: tuple[tuple[str, ArmLengths], ...] = field(repr=False)
    num_left_out: int = 0
    curves: tuple[ArmCurve, ...]
    pairs: tuple[Pair, ...]

    @property
    def heading(self) -> str:
        """What tells it from the others; empty if it is the only one."""
        return ", ".join(text for text in (self.place, listed(self.phases)) if text)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Gathered:
    """The configurations of claims about one metric.

    Attributes:
        compared: by claims.
        others: of the phases that the claims are about.
        phases: that run each.
        references: the baselines, and what claims compare another single configuration with.
    """

    verdicts: Sequence[ClaimVerdict]
    compared: dict[ArmKey, tuple[str, ArmLengths]] = field(default_factory=dict)
    others: dict[ArmKey, tuple[str, ArmLengths]] = field(default_factory=dict)
    phases: dict[ArmKey, dict[str, None]] = field(default_factory=dict)
    references: set[ArmKey] = field(default_factory=set)


def compute_panels(verdicts: Sequence[ClaimVerdict]) -> tuple[ComputePanel, ...]:
    """Return the configurations of claims at best lengths, by metric and block; a metric has one unit, if possible."""
    at_best = _at_best(verdicts)
    by_metric = {
        name: [verdict for verdict in at_best if verdict.metric.name == name]
        for name in dict.fromkeys(verdict.metric.name for verdict in at_best)
    }
    return tuple(panel for own in by_metric.values() for panel in _panels(_gathered(own)))


def _gathered(verdicts: Sequence[ClaimVerdict]) -> _Gathered:
    found = _Gathered(verdicts=verdicts)
    for verdict in verdicts:
        runs, about = verdict.examination.tested[verdict.position].runs, phases_of(verdict.claim.statement)
        for key, arm in _arms(verdict).items():
            found.compared.setdefault(key, (arm_name(key, arm, runs), arm))
        found.references.update(start for start, _ in _pair_keys(verdict))
        for key, phase, is_baseline in _phases_of(runs):
            found.phases.setdefault(key, {})[phase] = None
            if is_baseline:
                found.references.add(key)
            if phase in about and key in runs.lengths and key not in found.others:
                found.others[key] = (arm_name(key, runs.lengths[key], runs), runs.lengths[key])
    for key in found.compared:
        found.others.pop(key, None)
    return found


def _panels(found: _Gathered) -> Iterator[ComputePanel]:
    unit = unit_of([arm for _, arm in (found.compared | found.others).values()])
    for place in _places(found):
        rest = sorted((key for key in found.others if key[1] == place), key=lambda key: _worth(found.others[key][1]))
        arms = {key: arm for key, arm in found.compared.items() if key[1] == place}
        arms |= {key: found.others[key] for key in rest}
        for names, own in _apart(arms, found.phases):
            yield _panel(found, place, (names, own), unit)


def _places(found: _Gathered) -> list[tuple[str, ...]]:
    """Return the blocks of the configurations, in the order of the factors' levels; all of those of a trend."""
    positions = {
        block_text([factor], [level]): position
        for verdict in found.verdicts
        for factor, levels in verdict.examination.tested[verdict.position].runs.levels.items()
        for position, level in enumerate(levels)
    }
    is_trend = any(isinstance(verdict.claim.statement, Trend) for verdict in found.verdicts)
    places = dict.fromkeys(key[1] for key in (found.compared | (found.others if is_trend else {})))
    return sorted(places, key=lambda place: [positions.get(text, len(positions)) for text in place])


def _worth(arm: ArmLengths) -> float:
    return float(arm.measure.sign * arm.at_best.mean())


def _panel(found: _Gathered, place: tuple[str, ...], group: tuple[tuple[str, ...], Arms], unit: str) -> ComputePanel:
    """Return a panel.

    Args:
        group: its phases, if others have configurations of the same names, and its configurations.
        unit: in which the compute of all panels is known; empty if there is none.
    """
    phases, every = group
    left = [key for key in every if key in found.others][MOST:]
    arms = {key: arm for key, arm in every.items() if key not in left}
    unit = unit or unit_of([arm for _, arm in arms.values()])
    known = {key: _curve(key, name, arm, unit) for key, (name, arm) in arms.items()}
    curves = {
        key: replace(curve, is_reference=key in found.references) for key, curve in known.items() if curve is not None
    }
    return ComputePanel(
        metric=found.verdicts[0].metric,
        place=", ".join(place),
        phases=phases,
        unit=unit,
        arms=tuple(arms.values()),
        num_left_out=len(left),
        curves=tuple(curves.values()),
        pairs=tuple(_pairs(found.verdicts, curves)),
    )


def _phases_of(runs: Runs) -> Iterator[tuple[ArmKey, str, bool]]:
    """Yield the configurations of each phase with its name, and whether they are its baseline, within blocks."""
    for name, phase in (runs.unchosen or runs).phases.items():
        for cell in phase.cells:
            changed = (factor for factor, level in cell.levels.items() if level != phase.baseline.get(factor))
            yield cell.arm_key, name, all(factor in phase.apart for factor in changed)


def _apart(arms: Arms, phases: Mapping[ArmKey, Collection[str]]) -> Iterator[tuple[tuple[str, ...], Arms]]:
    """Yield configurations that belong together with their phases; without these if no two have the same name.

    Configurations have the same names where phases set what is no factor, such as the amount of text. Phases that share
    a configuration belong together.
    """
    if len({name for name, _ in arms.values()}) == len(arms):
        yield (), arms
        return
    groups: list[dict[str, None]] = []
    for key in arms:
        linked = [group for group in groups if not group.keys().isdisjoint(phases[key])]
        merged = {name: None for group in linked for name in group} | dict.fromkeys(phases[key])
        groups = [*(group for group in groups if group not in linked), merged]
    for group in sorted(groups, key=lambda group: [group.keys().isdisjoint(phases[key]) for key in arms]):
        yield tuple(group), {key: arm for key, arm in arms.items() if not group.keys().isdisjoint(phases[key])}


def unit_of(arms: Iterable[ArmLengths]) -> str:
    """Return what compute is counted in: steps if all cost the same, else what is known; empty if nothing is."""
    lengths = [length for arm in arms for length in arm.lengths]
    known = shared_units(lengths)
    costs = [length.cost for length in lengths if length.cost]
    if "steps" in known:
        dear = [unit for unit in ("flops", "tokens") if unit in known]
        ratios = np.array([[cost[unit] / cost["steps"] for unit in dear] for cost in costs])
        if not dear or bool((np.ptp(ratios, axis=0) <= ALIKE * ratios.max(axis=0)).all()):
            return "steps"
    return known[0] if known else ""


def _at_best(verdicts: Sequence[ClaimVerdict]) -> list[ClaimVerdict]:
    tested = [(verdict, verdict.examination.tested[verdict.position]) for verdict in verdicts]
    return [verdict for verdict, each in tested if each.evidence is not None and each.runs.lengths]


def _arms(verdict: ClaimVerdict) -> dict[ArmKey, ArmLengths]:
    """Return the configurations that any part of a claim compares, the references first."""
    tested = verdict.examination.tested[verdict.position]
    assert tested.evidence is not None
    found: dict[ArmKey, ArmLengths] = {}
    for part in tested.evidence.parts:
        found |= compared_arms(part, tested.runs)
    return found


def _curve(key: ArmKey, name: str, arm: ArmLengths, unit: str) -> ArmCurve | None:
    """Return the envelope of a configuration; None if no seed has all of its lengths.

    A step 0 has no place on an axis of compute; None if it is the best length, too.
    """
    known = np.isfinite(arm.values) & np.isfinite(arm.chosen_by)
    on_axis = np.array([unit in length.cost for length in arm.lengths])
    for drawn in (on_axis & (2 * known.sum(axis=0) > len(arm.seeds)), on_axis):
        whole: NDArray[np.bool_] = np.asarray(known[:, drawn].all(axis=1))
        if not drawn[arm.choice.place] or not whole.any():
            continue
        costs = np.array([arm.lengths[place].cost[unit] for place in np.flatnonzero(drawn)])
        chosen_by, values = (each[np.ix_(whole, drawn)] for each in (arm.chosen_by, arm.values))
        found = envelope(costs, arm.chooser.sign * chosen_by, arm.measure.sign * values)
        seeds = tuple(arm.seeds[place] for place in np.flatnonzero(whole))
        return ArmCurve(key=key, name=name, arm=arm, seeds=seeds, best_cost=arm.best.cost[unit], envelope=found)
    return None


def _pairs(verdicts: Sequence[ClaimVerdict], curves: Mapping[ArmKey, ArmCurve]) -> Iterator[Pair]:
    """Yield the pairs of single configurations that claims on contrasts compare, of those with curves; each once."""
    seen: set[tuple[ArmKey, ArmKey]] = set()
    for verdict in verdicts:
        for keys in _pair_keys(verdict):
            if keys not in seen and curves.keys() >= set(keys):
                seen.add(keys)
                start, to = (curves[key] for key in keys)
                yield Pair(claim=verdict.id, start=start, to=to, crossing=_crossing(start, to))


def _pair_keys(verdict: ClaimVerdict) -> Iterator[tuple[ArmKey, ArmKey]]:
    """Yield the two configurations that a claim compares in a block, the reference first; none if these are more."""
    if not isinstance(verdict.claim.statement, Contrast | ArmContrast):
        return
    arms = list(_arms(verdict))
    for place in dict.fromkeys(key[1] for key in arms):
        keys = [key for key in arms if key[1] == place]
        if len(keys) == 2:
            yield keys[0], keys[1]


def _crossing(start: ArmCurve, to: ArmCurve) -> Crossing | None:
    common = [seed for seed in start.seeds if seed in to.seeds]
    if not common:
        return None
    one, other = (
        Envelope(each.envelope.costs, each.envelope.values[[each.seeds.index(seed) for seed in common]])
        for each in (start, to)
    )
    return crossing(one, other)
