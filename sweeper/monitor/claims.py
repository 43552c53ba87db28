"""Where the claims of a study are that adds seeds until they are decided, as the last decision recorded it.

Nothing is computed anew, so that `sweeper status` needs neither pandas nor scipy.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.monitor.decision import STAGES, Decision, Stage
from sweeper.spec.claim import Claim, phases_of
from sweeper.spec.study import Study
from sweeper.store.reading.decisions import ClaimState

_STAGE: Final = {str(stage): stage for stage in STAGES}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimStatus:
    """A claim at one moment.

    Attributes:
        verdict: undecided, or untested, while it is open.
        estimate, low, high: the effect at its last look with its repeated interval; NaN if there is none.
        is_log: whether they are differences of logarithms.
        is_exploratory: whether the verdict is.
    """

    claim: str
    verdict: str
    decision: Decision
    estimate: float = math.nan
    low: float = math.nan
    high: float = math.nan
    is_log: bool = False
    is_exploratory: bool = False

    @property
    def words(self) -> str:
        """The verdict with its mark, e.g. ``supported (exploratory)``."""
        return f"{self.verdict} (exploratory)" if self.is_exploratory else self.verdict

    def row(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return {
            "id": self.claim,
            "verdict": self.verdict,
            "exploratory": self.is_exploratory,
            "estimate": _finite(self.estimate),
            "low": _finite(self.low),
            "high": _finite(self.high),
            "seeds": self.decision.seeds,
            **self.decision.row(),
        }


def claim_statuses(study: Study, states: Sequence[ClaimState], *, budget_ended: bool) -> tuple[ClaimStatus, ...]:
    """Return where the claims of a study are, in its order.

    Args:
        states: as of the last decision; claims without one have not been looked at.
        budget_ended: whether the budget has ended.
    """
    known = {state.claim: state for state in states}
    return tuple(_status(claim, known.get(claim.id) or _unseen(study, claim), budget_ended) for claim in study.claims)


def _status(claim: Claim, state: ClaimState, budget_ended: bool) -> ClaimStatus:
    stage: Stage = _STAGE.get(state.stage, "open")
    return ClaimStatus(
        claim=claim.id,
        verdict=state.verdict,
        decision=Decision(
            stage="budget_ended" if stage == "open" and budget_ended else stage,
            look=state.look,
            most_looks=state.most_looks,
            seeds=state.seeds,
            most=state.most_seeds,
            left=state.level_left,
        ),
        estimate=math.nan if state.estimate is None else state.estimate,
        low=math.nan if state.low is None else state.low,
        high=math.nan if state.high is None else state.high,
        is_log=claim.metric.is_log,
        is_exploratory=state.exploratory,
    )


def _unseen(study: Study, claim: Claim) -> ClaimState:
    """Return where a claim is before its first look."""
    seeds = study.adaptive_seeds(claim)
    most = seeds.most if seeds is not None else max(len(study.phase(name).seeds) for name in phases_of(claim.statement))
    return ClaimState(
        claim=claim.id,
        verdict="untested",
        exploratory=False,
        stage="open",
        look=0,
        most_looks=1 if seeds is None else None if seeds.most is None else seeds.most - seeds.first + 1,
        seeds=0,
        most_seeds=most,
        level_left=None if most is None else 1.0,
        estimate=None,
        low=None,
        high=None,
    )


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
