"""Which point of its curve the value of a run is, in words; nothing where runs count with their ends.

The best evaluation of a run of 3,000 steps may be that after 800: ``after 3 000 steps`` is then false of its value.
"""

import math
from collections.abc import Sequence

from reports import wording
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Metric


def point(metric: Metric) -> str:
    """Return which value of a run counts, before ``of the run``: ``best``, ``last`` or ``mean of the last 3``."""
    return "best" if metric.value.takes_best else str(metric.value)


def counted(data: StudyData, metric: Metric) -> str:
    """Return what runs count with as a sentence after others, e.g. `` Each run counts with its best evaluation.``."""
    what = evaluation(data, metric)
    return f" Each run counts with {what}." if what else ""


def counted_for(data: StudyData, verdicts: Sequence[ClaimVerdict]) -> str:
    """Return the same sentence for claims; empty if all of them say at which lengths they compare."""
    if all(each.claim.at is not None or each.claim.is_at_best_length for each in verdicts):
        return ""
    where = "" if len(verdicts) == 1 else "Where a claim names no length, each"
    return counted(data, data.study.metric).replace("Each", where or "Each")


def after(data: StudyData, metric: Metric, budget: str) -> str:
    """Return a budget behind its values: `` after 300 steps``, or `` in runs of 300 steps`` if values are no ends.

    Empty where each run has its own length.

    Args:
        budget: as canonical JSON.
    """
    text = wording.budget(budget)
    if text == wording.OWN_LENGTH:
        return ""
    return f" in runs of {text}" if evaluation(data, metric) else f" after {text}"


def heading(data: StudyData, metric: Metric, budget: str) -> str:
    """Return a budget above its values: ``300 steps``, or ``runs of 300 steps`` if values are no ends."""
    return after(data, metric, budget).removeprefix(" after ").removeprefix(" in ")


def evaluation(data: StudyData, metric: Metric) -> str:
    """Return which evaluation of a run its value is, e.g. ``its best evaluation``; empty if it is the last or only one.

    Args:
        metric: the study's, or that of its test.
    """
    own = data.study.metric
    kind = own.value.kind
    if kind == "last" or not any(_is_curve(curve.values) for curve in data.curves(own.name).values()):
        return ""
    if metric.name != own.name and any(metric.name in result for result in data.results.values()):
        # The built-in trainer tests the weights of its best evaluation. What others report at their ends is theirs.
        return f"its best evaluation by {wording.metric_name(own.name)}" if data.study.trial.is_trainer else ""
    return f"the mean of its last {own.value.last} evaluations" if kind == "mean_of_last" else "its best evaluation"


def _is_curve(values: list[float]) -> bool:
    return sum(map(math.isfinite, values)) > 1
