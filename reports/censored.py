"""Bounds for the trials of a study that were pruned or failed."""

import math
from collections.abc import Iterable, Mapping

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
    result = {}
    for trial in trials:
        row = rows.loc[trial]
        peers = rows[(rows["phase"] == row["phase"]) & (rows["budget"] == row["budget"])]
        values = {int(peer): measure.values[int(peer)] for peer in peers.index if int(peer) in measure.values}
        bounds = _bounds(data, measure, trial, str(row["state"]), values)
        if bounds is not None:
            result[trial] = bounds
    return result


def _bounds(
    data: StudyData, measure: Measure, trial: int, state: str, peers: Mapping[int, float]
) -> tuple[float, float] | None:
    if not peers:
        return None
    seen = (min(peers.values()), max(peers.values()))
    curves = data.curves(measure.name)
    if state != "pruned" or trial not in curves:
        return seen
    points = _worsening(measure, curves[trial].values)
    finite = [value for value in points if math.isfinite(value)]
    if not finite:
        return seen
    completed = [(curves[peer].steps, _worsening(measure, curves[peer].values)) for peer in peers if peer in curves]
    best, worst = final_bounds(max(curves[trial].steps), min(finite), completed)
    best = best if math.isfinite(best) else min(worst, *(measure.sign * value for value in peers.values()))
    return (best, worst) if measure.sign > 0 else (-worst, -best)


def _worsening(measure: Measure, values: Iterable[float]) -> list[float]:
    """On the scale, turned so that less is better."""
    return [measure.sign * measure.on_scale(value) if math.isfinite(value) else math.nan for value in values]
