"""Where the claims of a study are, for the store: what verdicts say of them, in a row per claim.

Decisions write them, `sweeper status` and launches show them, and `sweeper claims` and reports work the same out anew.
"""

import math

from sweeper.evidence.data.load import StudyData
from sweeper.evidence.sequential.boundaries import headline_of
from sweeper.evidence.sequential.progress import Progress
from sweeper.evidence.sequential.stopping import verdict_so_far
from sweeper.evidence.sequential.verdicts import Decisions, decisions_of, judge_study
from sweeper.spec.declared import declared_claims, declared_phases
from sweeper.store.reading.decisions import ClaimState


def states_of(data: StudyData, found: Progress | None = None) -> tuple[ClaimState, ...]:
    """Return where the claims of a study are, in its order; nothing if its seeds are fixed.

    Args:
        found: how far its decisions are; None for what is recorded.
    """
    decisions = decisions_of(data) if found is None else Decisions(progress=found, budget_ended=False)
    if decisions is None:
        return ()
    marks = _exploratory(data, decisions)
    return tuple(
        _state(data, decisions, place, exploratory=claim.id in marks) for place, claim in enumerate(data.study.claims)
    )


def _state(data: StudyData, decisions: Decisions, place: int, *, exploratory: bool) -> ClaimState:
    claim, decision = decisions.progress.claims[place], decisions.of(data, place)
    position = headline_of(claim)
    part = None if position is None else claim.parts[position]
    low, high = (math.nan, math.nan) if part is None else part.interval(data.study.decide.spending)
    return ClaimState(
        claim=claim.name,
        verdict=verdict_so_far(claim),
        exploratory=exploratory,
        stage="open" if decision.stage == "budget_ended" else decision.stage,
        look=decision.look,
        most_looks=decision.most_looks,
        seeds=decision.seeds,
        most_seeds=decision.most,
        level_left=decision.left,
        estimate=None if part is None else _finite(part.looks[-1].estimate),
        low=_finite(low),
        high=_finite(high),
    )


def _exploratory(data: StudyData, decisions: Decisions) -> frozenset[str]:
    """Return the claims whose verdicts are exploratory; judging takes long, so only if anything may be."""
    known = data.declaration
    as_declared = known.claims == declared_claims(data.study) and known.phases == declared_phases(data.study)
    if as_declared and not any(known.late.values()):
        return frozenset()
    return frozenset(each.id for each in judge_study(data, decisions) if each.is_exploratory)


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
