"""Bounds for the trials of a study that were pruned or failed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.data.measures import measure as study_measure
from sweeper.evidence.statistics.censoring import final_bounds

Bounds = Mapping[int, tuple[float, float]]


def ending_bounds(data: StudyData, measure: Measure, trials: Iterable[int]) -> dict[int, tuple[float, float]]:
    """Between which values, on the measure's scale, trials would have ended that were pruned or failed.

    A pruned trial with a curve: from no further gain to the largest gain of a completed trial of its phase and budget
    after that step. One that has a curve of the study's metric alone, as where a claim is on a test made at the end:
    the same of that metric, plus the least and the most by which the two differ in those completed trials. One that
    failed, or has no curve: anything that completed trials of its phase and budget gave. Trials without either are
    left out.
    """
    rows = data.trials.set_index("trial_id")
    own = None if measure.name == data.study.metric else study_measure(data)
    peers: dict[tuple[str, str], _Peers] = {}
    result = {}
    for trial in trials:
        row = rows.loc[trial]
        kind = (str(row["phase"]), str(row["budget"]))
        if kind not in peers:
            same = rows[(rows["phase"] == kind[0]) & (rows["budget"] == kind[1])].index
            peers[kind] = _peers(data, measure, same, own)
        bounds = _bounds(data, measure, trial, str(row["state"]), peers[kind])
        if bounds is not None:
            result[trial] = bounds
    return result


@dataclass(frozen=True)
class _Peers:
    """The completed trials of a phase and budget: their values, their curves turned so that less is better.

    `other` are those of the study's metric where that is another one on the same scale, and `gap` the least and the
    most by which a trial's value exceeds its value there.
    """

    values: Sequence[float]
    curves: Sequence[tuple[Sequence[int], Sequence[float]]]
    other: "tuple[Measure, _Peers] | None" = None
    gap: tuple[float, float] = (0.0, 0.0)
    gains: dict[int, float] = field(default_factory=dict)  # the largest after a step, as far as they were asked for

    def gain_after(self, step: int) -> float:
        """The largest gain of any of them after a step; infinite if none reached it."""
        if step not in self.gains:
            self.gains[step] = -final_bounds(step, 0.0, self.curves)[0]
        return self.gains[step]


def _peers(data: StudyData, measure: Measure, trials: Iterable[int], own: Measure | None) -> _Peers:
    completed = [int(trial) for trial in trials if int(trial) in measure.values]
    curves = data.curves(measure.name)
    found = _Peers(
        values=[measure.values[trial] for trial in completed],
        curves=[
            (curves[trial].steps, _worsening(measure, curves[trial].values)) for trial in completed if trial in curves
        ],
    )
    both = [trial for trial in completed if own is not None and own.scale == measure.scale and trial in own.values]
    if own is None or not both:
        return found
    gaps = [measure.values[trial] - own.values[trial] for trial in both]
    return replace(found, other=(own, _peers(data, own, both, None)), gap=(min(gaps), max(gaps)))


def _bounds(data: StudyData, measure: Measure, trial: int, state: str, peers: _Peers) -> tuple[float, float] | None:
    if not peers.values:
        return None
    found = _from_curve(data, measure, trial, peers) if state == "pruned" else None
    if found is None and state == "pruned" and peers.other is not None:
        of_other = _from_curve(data, peers.other[0], trial, peers.other[1])
        found = None if of_other is None else (of_other[0] + peers.gap[0], of_other[1] + peers.gap[1])
    return (min(peers.values), max(peers.values)) if found is None else found


def _from_curve(data: StudyData, measure: Measure, trial: int, peers: _Peers) -> tuple[float, float] | None:
    """The bounds by the curve of a trial; None where it has none."""
    curve = data.curves(measure.name).get(trial)
    finite = [value for value in _worsening(measure, curve.values) if math.isfinite(value)] if curve else []
    if curve is None or not finite:
        return None
    worst = min(finite)
    best = worst - peers.gain_after(max(curve.steps))
    best = best if math.isfinite(best) else min(worst, *(measure.sign * value for value in peers.values))
    return (best, worst) if measure.sign > 0 else (-worst, -best)


def _worsening(measure: Measure, values: Iterable[float]) -> list[float]:
    """On the scale, turned so that less is better."""
    return [measure.sign * measure.on_scale(value) if math.isfinite(value) else math.nan for value in values]
