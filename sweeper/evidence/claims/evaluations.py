"""Whether the runs that a claim compares were evaluated alike, if not only the last value of a curve counts."""

from sweeper.evidence.claims.evidence import Evidence, Part
from sweeper.evidence.data.load import Curve
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.statistics.evaluations import evaluated_alike, evaluation_noise


def evaluation_note(found: Evidence, runs: Runs) -> str:
    """Return a note if the value that counts favours a side that was evaluated more often or more noisily.

    The best value does; the mean of the last few reaches further back where evaluations are rarer. Empty if the sides
    were evaluated alike, or if values do not come from curves.
    """
    value = runs.measure.metric.value
    if value.kind == "last" or not runs.endings.curves:
        return ""
    for part in found.parts:
        if part.exact is not None:
            continue  # runs that diverged have no value, and shares of them rest on none
        often, noisy = _alike(part, runs)
        if value.kind == "mean_of_last" and not often:
            return (
                f"The {value} values of each curve counts, but the runs that are compared were not evaluated equally "
                "often, so that it covers more of some runs than of others. Use the last value: metric.value: last."
            )
        if value.kind == "best" and not (often and noisy):
            how = "equally often" if not often else "with equal noise"
            return (
                f"The best value of each curve counts, but the runs that are compared were not evaluated {how}, which "
                "favours one side. Use the last value: metric.value: last."
            )
    return ""


def _alike(part: Part, runs: Runs) -> tuple[bool, bool]:
    """Return whether both sides of a comparison were evaluated equally often, and with equal noise."""
    points: dict[bool, list[int]] = {True: [], False: []}
    noise: dict[bool, list[float]] = {True: [], False: []}
    is_last = True  # the best value of every curve is its last one, so that no side gains by the best
    for unit in part.comparison.complete:
        for cell, weight in unit.terms:
            for trial in cell.trial_ids:
                curve = runs.endings.curves.get(trial)
                # A value that is no point of its curve was measured otherwise, such as a test at the end.
                if curve is None or not _is_of_curve(runs, trial, curve):
                    return True, True
                is_last &= runs.measure.raw[trial] == curve.values[-1]
                points[weight > 0].append(len(curve.values))
                noise[weight > 0].append(evaluation_noise([runs.measure.on_scale(value) for value in curve.values]))
    often, noisy = evaluated_alike(list(points.values()), list(noise.values()))
    return often, noisy or is_last


def _is_of_curve(runs: Runs, trial: int, curve: Curve) -> bool:
    metric = runs.measure.metric
    return metric.value.of(curve.values, metric.direction) == runs.measure.raw[trial]
