"""Bounds for the trials of a study that were pruned or failed."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from reports.load import StudyData
from reports.measures import Measure
from reports.statistics.censoring import final_bounds

Bounds = Mapping[int, tuple[float, float]]


def ending_bounds(data: StudyData, measure: Measure, trials: Iterable[int]) -> dict[int, tuple[float, float]]:
    """Between which values, on the measure's scale, trials would have ended that were pruned or failed.

    A pruned trial with a curve: from no further gain to the largest gain of a completed trial of its phase and budget
    after that step. One that failed, or has no curve: anything that completed trials of its phase and budget gave.
    Trials without either are left out.
    """
    rows = data.trials.set_index("trial_id")
    peers: dict[tuple[str, str], _Peers] = {}
    result = {}
    for trial in trials:
        row = rows.loc[trial]
        kind = (str(row["phase"]), str(row["budget"]))
        if kind not in peers:
            peers[kind] = _peers(data, measure, rows[(rows["phase"] == kind[0]) & (rows["budget"] == kind[1])].index)
        bounds = _bounds(data, measure, trial, str(row["state"]), peers[kind])
        if bounds is not None:
            result[trial] = bounds
    return result


@dataclass(frozen=True)
class _Peers:
    """The completed trials of a phase and budget: their values, their curves turned so that less is better."""

    values: Sequence[float]
    curves: Sequence[tuple[Sequence[int], Sequence[float]]]
    gains: dict[int, float] = field(default_factory=dict)  # the largest after a step, as far as they were asked for

    def gain_after(self, step: int) -> float:
        """The largest gain of any of them after a step; infinite if none reached it."""
        if step not in self.gains:
            self.gains[step] = -final_bounds(step, 0.0, self.curves)[0]
        return self.gains[step]


def _peers(data: StudyData, measure: Measure, trials: Iterable[int]) -> _Peers:
    completed = [int(trial) for trial in trials if int(trial) in measure.values]
    curves = data.curves(measure.name)
    return _Peers(
        values=[measure.values[trial] for trial in completed],
        curves=[
            (curves[trial].steps, _worsening(measure, curves[trial].values)) for trial in completed if trial in curves
        ],
    )


def _bounds(data: StudyData, measure: Measure, trial: int, state: str, peers: _Peers) -> tuple[float, float] | None:
    if not peers.values:
        return None
    seen = (min(peers.values), max(peers.values))
    curves = data.curves(measure.name)
    if state != "pruned" or trial not in curves:
        return seen
    points = _worsening(measure, curves[trial].values)
    finite = [value for value in points if math.isfinite(value)]
    if not finite:
        return seen
    worst = min(finite)
    best = worst - peers.gain_after(max(curves[trial].steps))
    best = best if math.isfinite(best) else min(worst, *(measure.sign * value for value in peers.values))
    return (best, worst) if measure.sign > 0 else (-worst, -best)


def _worsening(measure: Measure, values: Iterable[float]) -> list[float]:
    """On the scale, turned so that less is better."""
    return [measure.sign * measure.on_scale(value) if math.isfinite(value) else math.nan for value in values]
