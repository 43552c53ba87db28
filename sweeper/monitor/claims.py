"""Where the claims of a study are that adds seeds until they are decided: by the last look at each, as recorded.

Nothing is computed anew, so that `sweeper status` needs neither pandas nor scipy.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.monitor.decision import Decision, Stage
from sweeper.spec.claim import ALPHA, Claim, phases_of
from sweeper.spec.study import Study
from sweeper.store.reading.decisions import LookRow

STAGES: Final[Mapping[str, Stage]] = {"": "open", "decided": "decided", "futile": "unlikely", "exhausted": "used_up"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimStatus:
    """A claim at one moment.

    Attributes:
        verdict: undecided, or untested, while it is open.
        estimate, low, high: the effect at its last look with its repeated interval; NaN if there is none.
        is_log: whether they are differences of logarithms.
    """

    claim: str
    verdict: str
    decision: Decision
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    is_log: bool = False

    def row(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "id": self.claim,
            "verdict": self.verdict,
            "estimate": _finite(self.estimate),
            "low": _finite(self.low),
            "high": _finite(self.high),
            "seeds": self.decision.seeds,
            **self.decision.row(),
        }


def claim_statuses(
    study: Study, looks: Sequence[LookRow], open_round: int | None, *, budget_ended: bool
) -> tuple[ClaimStatus, ...]:
    """Return where the claims of a study are, in its order.

    Args:
        looks: the last one at each claim.
        open_round: the round that runs, from 0; None if all claims have stopped.
        budget_ended: whether the budget holds no further trial.
    """
    by_claim = {look.claim: look for look in looks}
    found = [by_claim.get(claim.id) for claim in study.claims]
    support = adjusted([1.0 if look is None else look.p_support for look in found])
    refute = adjusted([1.0 if look is None else look.p_refute for look in found])
    return tuple(
        _status(study, claim, look, p, is_open=open_round is not None, budget_ended=budget_ended)
        for claim, look, p in zip(study.claims, found, zip(support, refute, strict=True), strict=True)
    )


def adjusted(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values by Holm's method, as verdicts do (`evidence.statistics.multiplicity`), without numpy."""
    result, largest = [1.0] * len(p_values), 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda place: p_values[place])):
        largest = max(largest, min(1.0, p_values[place] * (len(p_values) - rank)))
        result[place] = largest
    return result


def _status(
    study: Study,
    claim: Claim,
    look: LookRow | None,
    p: tuple[float, float],
    *,
    is_open: bool,
    budget_ended: bool,
) -> ClaimStatus:
    seeds = study.adaptive_seeds(claim)
    most_looks = 1 if seeds is None else None if seeds.most is None else seeds.most - seeds.first + 1
    most = seeds.most if seeds is not None else max(len(study.phase(name).seeds) for name in phases_of(claim.statement))
    stage: Stage = "open" if look is None else STAGES[look.stop]
    verdict = (look.verdict if look is not None else None) or "undecided"
    # A claim that was given up is decided after all if enough others are, which leaves Holm's method more error for it.
    if min(p) < ALPHA:
        stage, verdict = "decided", "supported" if p[0] < ALPHA else "refuted"
    if stage == "used_up" and look is not None and most_looks is not None and look.round + 1 < most_looks:
        stage = "open" if is_open else "unlikely"  # it may get more seeds than when it was looked at
    part = None if look is None else _headline(look.parts)
    if part is None or not _whole(part, "seeds"):
        verdict = "untested" if stage == "open" else verdict
    left = None if most is None else 1.0 if look is None else 1.0 - (look.alpha_spent or 0.0) / ALPHA
    return ClaimStatus(
        claim=claim.id,
        verdict=verdict,
        decision=Decision(
            stage="budget_ended" if stage == "open" and budget_ended and is_open else stage,
            look=0 if look is None else look.round + 1,
            most_looks=most_looks,
            seeds=0 if part is None else _whole(part, "seeds"),
            most=most,
            left=left if left is None else max(0.0, left),
        ),
        estimate=math.nan if part is None else _number(part, "estimate"),
        low=math.nan if part is None else _number(part, "low"),
        high=math.nan if part is None else _number(part, "high"),
        is_log=claim.metric.is_log,
    )


def _headline(parts: Sequence[Mapping[str, object]]) -> Mapping[str, object] | None:
    """Return the comparison that supports a claim least, or refutes it; None without one."""
    return max(parts, key=lambda part: (_p(part, 0), -_p(part, 1)), default=None)


def _p(part: Mapping[str, object], side: int) -> float:
    found = part.get("p")
    return float(str(found[side])) if isinstance(found, list | tuple) else 1.0


def _number(part: Mapping[str, object], name: str) -> float:
    return float(str(part.get(name, "nan")))


def _whole(part: Mapping[str, object], name: str) -> int:
    return int(str(part.get(name, 0)))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
