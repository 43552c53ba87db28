"""The path of a claim over its looks, and the boundaries that decide it: what a reader sees of a sequential test.

P-values are shown as normal quantiles, so that evidence for a claim is above 0, evidence against it below, and looks
with different degrees of freedom are on one scale.
"""

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Final

from scipy import special

from sweeper.evidence.sequential.looks import PartLook
from sweeper.evidence.sequential.paths import ClaimPath, Levels, PartPath
from sweeper.evidence.statistics.anytime import anytime_critical_value
from sweeper.evidence.statistics.group_sequential import LEAST_LEVEL, Looks, Spending, nominal_levels, spent
from sweeper.spec.claim import ALPHA

MOST_EVIDENCE: Final = 9.0  # on the normal scale; more is not told apart


@dataclass(frozen=True, slots=True, kw_only=True)
class LookPoint:
    """One look at a claim, past or planned.

    Attributes:
        look: its number, from 1.
        seeds: complete at that look.
        evidence: for the claim above 0, against it below; None for a look that is planned.
        supports_from, refutes_from: the evidence from which on the claim is supported, and refuted.
        estimate, low, high: the effect with its repeated interval; None for a look that is planned.
    """

    look: int
    seeds: int
    evidence: float | None
    supports_from: float
    refutes_from: float
    estimate: float | None = None
    low: float | None = None
    high: float | None = None


def headline_of(claim: ClaimPath) -> int | None:
    """Return the position of the comparison that supports a claim least, or refutes it; None without a look."""
    seen = [place for place, part in enumerate(claim.parts) if part.looks]
    return max(seen, key=lambda place: (claim.parts[place].p[0], -claim.parts[place].p[1])) if seen else None


def level_left(part: PartPath, spending: Spending) -> float | None:
    """Return the share of an error of 0.05 that its looks have not spent; None without a maximum of seeds."""
    if part.most is None:
        return None
    return max(0.0, 1.0 - spent(ALPHA, part.share, spending) / ALPHA) if part.looks else 1.0


def path_of(claim: ClaimPath, position: int, levels: Levels, spending: Spending) -> tuple[LookPoint, ...]:
    """Return the looks at a claim's comparison with their boundaries, and those that were planned if it is undecided.

    The boundaries are those of the present levels: a claim is decided once any of its looks is beyond them.

    Args:
        position: of the comparison within the claim.
    """
    part = claim.parts[position]
    plan = _with_planned(part, spending) if claim.stop in ("", "futile") else part.plan(spending)
    support = levels[0] / max(look.ways[0] for look in part.looks)
    refute = levels[1] / len(claim.parts) / max(look.ways[1] for look in part.looks)
    above, below = (_boundary(plan, level, part.most is None) for level in (support, refute))
    found = []
    for number, (seeds, high, low) in enumerate(zip(plan.pairs, above, below, strict=True), 1):
        point = LookPoint(look=number, seeds=seeds, evidence=None, supports_from=high, refutes_from=-low)
        if number <= len(part.looks):
            point = _seen(point, part, number, spending)
        found.append(point)
    return tuple(found)


def _seen(point: LookPoint, part: PartPath, number: int, spending: Spending) -> LookPoint:
    look = part.looks[number - 1]
    then = replace(part, looks=part.looks[:number], information=part.information[:number])
    low, high = then.interval(spending)
    return replace(point, evidence=_evidence(look), estimate=look.estimate, low=low, high=high)


def _evidence(look: PartLook) -> float:
    support, refute = look.p_support / look.ways[0], look.p_refute / look.ways[1]
    if support < 0.5:
        return -_quantile(support)
    return _quantile(refute) if refute < 0.5 else 0.0


def _quantile(p: float) -> float:
    return max(float(special.ndtri(max(p, LEAST_LEVEL))), -MOST_EVIDENCE)


def _with_planned(part: PartPath, spending: Spending) -> Looks:
    """Return the looks so far and those that are planned, if each further seed brings what the last ones brought."""
    plan = part.plan(spending)
    if part.most is None:
        return plan
    last, df = plan.pairs[-1], plan.df[-1]
    grown = df / max(last - 1, 1) if len(plan.pairs) == 1 else (df - plan.df[0]) / (last - plan.pairs[0])
    further = range(1, part.most - last + 1)
    return Looks(
        pairs=(*plan.pairs, *(last + more for more in further)),
        df=(*plan.df, *(df + max(grown, 1.0) * more for more in further)),
        information=(*plan.information, *((last + more) / part.most for more in further)),
        spending=spending,
    )


@lru_cache(maxsize=1024)
def _boundary(plan: Looks, level: float, unlimited: bool) -> tuple[float, ...]:
    """Return the evidence from which on each look decides."""
    if not unlimited:
        return tuple(-_quantile(nominal) for nominal in nominal_levels(plan, level))
    found = []
    for seeds, df in zip(plan.pairs, plan.df, strict=True):
        critical = anytime_critical_value(df, seeds, level)
        found.append(-_quantile(float(special.stdtr(df, -critical))))
    return tuple(found)
