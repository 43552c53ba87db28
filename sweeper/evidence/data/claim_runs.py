"""The runs that each claim of a study is judged on: on its metric, and at which lengths."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from sweeper.evidence.data.arm_lengths import STRATUM
from sweeper.evidence.data.lengths import at_best_length
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Metric, make_measure
from sweeper.evidence.data.runs import MetricRuns, Runs
from sweeper.spec.claim import Claim
from sweeper.spec.metric import LAST

AT_BEST: Final = f", {STRATUM}"
AT_SAME: Final = ", at the same length"


def claim_runs(
    data: StudyData,
    claims: Sequence[Claim] | None = None,
    *,
    also: Sequence[Metric] = (),
    known: MetricRuns | None = None,
) -> dict[str, Runs]:
    """Return a study's runs on the metrics of claims, by the keys of the claims (`runs_key`).

    Args:
        claims: by default the study's own; others may be new in the study file since it was launched.
        also: further metrics, which are measured at all lengths that claims compare.
        known: the study's runs, as far as they have been made.
    """
    wanted = data.study.claims if claims is None else claims
    found = (known or MetricRuns(data)).on([claim.metric.name for claim in wanted], also=also)
    keys = {runs_key(claim): claim.metric.name for claim in wanted}
    lengths = dict.fromkeys(key.removeprefix(name) for key, name in keys.items())
    keys |= {f"{metric.name}{length}": metric.name for metric in also for length in lengths}
    for key, name in keys.items():
        if key.endswith(AT_BEST):
            found[key] = at_best_length(found[name])
        elif key.endswith(AT_SAME):
            found[key] = at_same_length(found[name])
    return found


def runs_key(claim: Claim) -> str:
    """Return the key of the runs that a claim is judged on: its metric's name, and the lengths if that is needed."""
    if claim.is_at_best_length:
        return f"{claim.metric.name}{AT_BEST}"
    # Runs of one length are compared at its end, also where the best of its points is a trial's value.
    is_at_end = claim.at == "same_length" or claim.metric.value.kind == "best_length"
    return f"{claim.metric.name}{AT_SAME}" if is_at_end else claim.metric.name


def at_same_length(runs: Runs) -> Runs:
    """Return the runs with the last value of each curve; a value that was measured once stays as it is."""
    raw = dict(runs.measure.raw)
    for trial in raw:
        curve = runs.endings.curves.get(trial)
        if curve is not None and len(curve.values) > 1:
            raw[trial] = curve.values[-1]
    measure = make_measure(replace(runs.measure.metric, value=LAST), raw)
    chooser = None if runs.chooser is None else at_same_length(runs.chooser)
    diverged = frozenset(runs.measure.diverged) | frozenset(measure.diverged)
    return replace(runs.remeasured(replace(measure, diverged=diverged)), chooser=chooser)
