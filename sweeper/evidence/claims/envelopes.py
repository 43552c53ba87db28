"""What configurations reach by each amount of compute, where claims compare them at their best lengths."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.claims.length_notes import arm_name, compared_arms
from sweeper.evidence.data.arm_lengths import ArmKey, ArmLengths, shared_units
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.formatting import listed
from sweeper.evidence.statistics.envelope import Crossing, Envelope, crossing, envelope
from sweeper.spec.claim import ArmContrast, Contrast
from sweeper.spec.metric import Metric

Arms = Mapping[ArmKey, tuple[str, ArmLengths]]  # with their names
ALIKE: Final = 1e-3  # relative: steps that cost the same in all configurations are what compute is counted in


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmCurve:
    """One configuration in a figure of compute.

    Attributes:
        best_cost: of its best length.
        envelope: on the metric's scale, less for better, of the seeds that have all lengths that are drawn: those that
            most of its seeds have, or if its best one is none of them, all.
    """

    key: ArmKey
    name: str
    arm: ArmLengths = field(repr=False)
    seeds: tuple[int, ...]
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
    """The configurations of one block that claims about one metric compare.

    Attributes:
        place: the block, e.g. ``corpus = ptb``; empty without any.
        phases: which run its configurations, if phases run others of the same names, e.g. on more text; else none.
        unit: what compute is counted in.
        arms: all configurations, with their names.
        curves: those of which something can be drawn.
    """

    metric: Metric
    place: str
    phases: tuple[str, ...] = ()
    unit: str
    arms: tuple[tuple[str, ArmLengths], ...] = field(repr=False)
    curves: tuple[ArmCurve, ...]
    pairs: tuple[Pair, ...]

    @property
    def heading(self) -> str:
        """What tells it from the others; empty if it is the only one."""
        return ", ".join(text for text in (self.place, listed(self.phases)) if text)


def compute_panels(verdicts: Sequence[ClaimVerdict]) -> tuple[ComputePanel, ...]:
    """Return the configurations that claims compare at their best lengths, by metric and block."""
    groups: dict[tuple[str, tuple[str, ...]], dict[ArmKey, tuple[str, ArmLengths]]] = {}
    metrics: dict[str, Metric] = {}
    phases: dict[ArmKey, dict[str, None]] = {}
    for verdict in _at_best(verdicts):
        metrics[verdict.metric.name] = verdict.metric
        runs = verdict.examination.tested[verdict.position].runs
        for key, arm in _arms(verdict).items():
            groups.setdefault((verdict.metric.name, key[1]), {}).setdefault(key, (arm_name(key, arm, runs), arm))
        for key, name in _phases_of(runs):
            phases.setdefault(key, {})[name] = None
    return tuple(
        _panel(verdicts, metrics[metric], place, names, arms)
        for (metric, place), every in groups.items()
        for names, arms in _apart(every, phases)
    )


def _panel(
    verdicts: Sequence[ClaimVerdict], metric: Metric, place: tuple[str, ...], phases: tuple[str, ...], arms: Arms
) -> ComputePanel:
    unit = unit_of([arm for _, arm in arms.values()])
    curves = {key: curve for key, (name, arm) in arms.items() if (curve := _curve(key, name, arm, unit)) is not None}
    own = [verdict for verdict in _at_best(verdicts) if verdict.metric.name == metric.name]
    return ComputePanel(
        metric=metric,
        place=", ".join(place),
        phases=phases,
        unit=unit,
        arms=tuple(arms.values()),
        curves=tuple(curves.values()),
        pairs=tuple(_pairs(own, place, curves)),
    )


def _phases_of(runs: Runs) -> Iterator[tuple[ArmKey, str]]:
    """Yield the configurations of each phase with its name."""
    for name, phase in (runs.unchosen or runs).phases.items():
        for cell in phase.cells:
            yield (cell.arm, cell.stratum[1:]), name


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
    for group in groups:
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


def _pairs(
    verdicts: Sequence[ClaimVerdict], place: tuple[str, ...], curves: Mapping[ArmKey, ArmCurve]
) -> Iterable[Pair]:
    """Yield the pairs of single configurations of a block that claims on contrasts compare; each once."""
    seen: set[tuple[ArmKey, ArmKey]] = set()
    for verdict in verdicts:
        keys = [key for key in _arms(verdict) if key[1] == place]
        is_pair = isinstance(verdict.claim.statement, Contrast | ArmContrast) and len(keys) == 2
        if not is_pair or not curves.keys() >= set(keys):
            continue
        start, to = (curves[key] for key in keys)
        if (start.key, to.key) not in seen:
            seen.add((start.key, to.key))
            yield Pair(claim=verdict.id, start=start, to=to, crossing=_crossing(start, to))


def _crossing(start: ArmCurve, to: ArmCurve) -> Crossing | None:
    common = [seed for seed in start.seeds if seed in to.seeds]
    if not common:
        return None
    one, other = (
        Envelope(each.envelope.costs, each.envelope.values[[each.seeds.index(seed) for seed in common]])
        for each in (start, to)
    )
    return crossing(one, other)
