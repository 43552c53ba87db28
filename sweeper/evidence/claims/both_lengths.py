"""Claims read both ways: at the same length, and each configuration at its own best one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.evidence.claims.censored import assess
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.claims.length_notes import named_arms
from sweeper.evidence.data.arm_lengths import length_text
from sweeper.evidence.data.claim_runs import at_same_length
from sweeper.evidence.data.lengths import at_best_length
from sweeper.evidence.data.runs import MetricRuns, Runs
from sweeper.evidence.statistics.paired import Estimate
from sweeper.spec.claim import At, no_best_length


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The effect of a claim at one kind of length, on the metric's scale; NaN if there is none."""

    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class BothLengths:
    """A claim read both ways.

    Attributes:
        declared: how the study declares it.
        lengths: the best length of each side, the reference first, as text with its name.
    """

    claim: str
    declared: At
    is_log: bool
    same: Reading
    best: Reading
    lengths: tuple[tuple[str, str], ...]


def both_lengths(verdicts: Sequence[ClaimVerdict], known: MetricRuns) -> tuple[BothLengths, ...]:
    """Return the claims that can be read both ways, in their order.

    Args:
        known: the study's runs.
    """
    plain, tested = known.on(), [verdict.examination.tested[verdict.position] for verdict in verdicts]
    best = {each.claim.metric.name: each.runs for each in tested if each.claim.is_at_best_length}
    ends: dict[str, Runs] = {}
    found = []
    for verdict, declared in zip(verdicts, tested, strict=True):
        claim, name = verdict.claim, verdict.claim.metric.name
        if no_best_length(claim.form, claim.statement) is not None:
            continue
        if claim.is_at_best_length:
            ends[name] = ends.get(name) or at_same_length(plain[name])
            same, own = assess(claim, ends[name]), declared
        else:
            best[name] = best.get(name) or at_best_length(plain[name])
            same, own = declared, assess(claim, best[name])
        if same.evidence is None or own.evidence is None or not own.runs.lengths:
            continue
        found.append(
            BothLengths(
                claim=verdict.id,
                declared="best_length" if claim.is_at_best_length else "same_length",
                is_log=own.runs.measure.is_log,
                same=_reading(same.evidence.headline.effect),
                best=_reading(own.evidence.headline.effect),
                lengths=tuple(
                    (name, length_text(arm, arm.best)) for name, arm in named_arms(own.evidence.headline, own.runs)
                ),
            )
        )
    return tuple(found)


def _reading(effect: Estimate) -> Reading:
    low, high = effect.interval()
    return Reading(estimate=effect.value, low=low, high=high)
