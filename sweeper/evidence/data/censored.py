"""Bounds for the final values of trials that were pruned or failed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sweeper.evidence.data.measures import Measure
from sweeper.evidence.statistics.censoring import CompletedCurves, final_bounds
from sweeper.store.reading.reader import Curve

Bounds = Mapping[int, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Series:
    """A measure with the learning curves of its metric, by trial id."""

    measure: Measure
    curves: Mapping[int, Curve] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Endings:
    """What is known of how a study's trials ended, by trial id.

    Attributes:
        groups: phase and budget: trials of one group are expected to end alike.
        states: the trials' states.
        curves: of the metric that is compared.
        own: the study's own metric, where another one is compared that has the same scale.
    """

    groups: Mapping[int, tuple[str, str]] = field(repr=False)
    states: Mapping[int, str] = field(repr=False)
    curves: Mapping[int, Curve] = field(default_factory=dict, repr=False)
    own: Series | None = None


def ending_bounds(endings: Endings, measure: Measure, trials: Iterable[int]) -> dict[int, tuple[float, float]]:
    """Return the values, on the measure's scale, between which pruned or failed trials would have ended.

    For a pruned trial with a curve: from no further gain to the largest gain of a completed trial of its phase and
    budget after that step; if the last value counts, it may also have risen by as much as any of them. For one that has
    a curve of the study's metric only, as where a claim is about a test at the end: the same of that metric, plus the
    least and the most by which the two metrics differ in those completed trials. For one that failed or has no curve:
    the range of the completed trials of its phase and budget. Trials without any of these are left out.
    """
    peers: dict[tuple[str, str], _Peers] = {}
    result = {}
    for trial in trials:
        group = endings.groups[trial]
        if group not in peers:
            alike = [other for other, its_group in endings.groups.items() if its_group == group]
            peers[group] = _peers(Series(measure, endings.curves), alike, endings.own)
        bounds = _bounds(peers[group], trial, endings.states[trial])
        if bounds is not None:
            result[trial] = bounds
    return result


@dataclass(frozen=True)
class _Peers:
    """The completed trials of a phase and budget: their values, and their curves turned so that less is better.

    `other` is the same for the study's own metric where another one is compared, and `gap` the least and the most by
    which a trial's value exceeds its value there.
    """

    series: Series
    values: Sequence[float]
    curves: CompletedCurves
    other: "_Peers | None" = None
    gap: tuple[float, float] = (0.0, 0.0)
    changes: dict[int, tuple[float, float]] = field(default_factory=dict)  # by step, as far as they were needed

    @property
    def by_best(self) -> bool:
        """Whether the best value of a curve counts."""
        return self.series.measure.metric.value.takes_best

    def change_after(self, step: int) -> tuple[float, float]:
        """Return how far the value of any of them fell, and rose, after a step; infinite if none reached it."""
        if step not in self.changes:
            self.changes[step] = final_bounds(step, 0.0, self.curves, best=self.by_best)
        return self.changes[step]


def _peers(series: Series, trials: Sequence[int], own: Series | None) -> _Peers:
    values = series.measure.values
    completed = [trial for trial in trials if trial in values]
    found = _Peers(
        series=series,
        values=[values[trial] for trial in completed],
        curves=CompletedCurves.of(
            [
                (series.curves[trial].steps, _worsening(series.measure, series.curves[trial].values))
                for trial in completed
                if trial in series.curves
            ]
        ),
    )
    both = [trial for trial in completed if own is not None and trial in own.measure.values]
    if own is None or not both:
        return found
    gaps = [values[trial] - own.measure.values[trial] for trial in both]
    return replace(found, other=_peers(own, both, None), gap=(min(gaps), max(gaps)))


def _bounds(peers: _Peers, trial: int, state: str) -> tuple[float, float] | None:
    if not peers.values:
        return None
    found = _from_curve(peers, trial) if state == "pruned" else None
    if found is None and state == "pruned" and peers.other is not None:
        of_other = _from_curve(peers.other, trial)
        found = None if of_other is None else (of_other[0] + peers.gap[0], of_other[1] + peers.gap[1])
    return (min(peers.values), max(peers.values)) if found is None else found


def _from_curve(peers: _Peers, trial: int) -> tuple[float, float] | None:
    """Return the bounds by a trial's own curve; None if it has none."""
    measure, curve = peers.series.measure, peers.series.curves.get(trial)
    finite = [value for value in _worsening(measure, curve.values) if math.isfinite(value)] if curve else []
    if curve is None or not finite:
        return None
    now = min(finite) if peers.by_best else finite[-1]
    fall, rise = peers.change_after(max(curve.steps))
    others = [measure.sign * value for value in peers.values]
    best = now + fall if math.isfinite(fall) else min(now, *others)
    worst = now + rise if math.isfinite(rise) else max(now, *others)
    return (best, worst) if measure.sign > 0 else (-worst, -best)


def _worsening(measure: Measure, values: Iterable[float]) -> list[float]:
    """Return values on the scale, turned so that less is better."""
    found = measure.all_on_scale(values)
    return found if measure.sign > 0 else [-value for value in found]
