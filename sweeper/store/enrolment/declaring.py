"""Which phases of a study have results, and what it declared before them."""

from collections.abc import Collection, Mapping
from typing import Any

from sqlalchemy import Connection, exists, or_, select

from sweeper.spec.claim import phases_of
from sweeper.spec.declared import declared_claims, declared_phases
from sweeper.spec.json_phases import Json
from sweeper.spec.study import Study
from sweeper.store.schema import attempts, measurements, phase_trials, phases, trials

ENDED = ("completed", "pruned", "failed")


def phases_with_results(connection: Connection, study_id: int) -> frozenset[str]:
    """Return the phases with a trial that has ended, or reported a value so far: anybody may have looked at them."""
    reported = exists().where(measurements.c.trial_id == trials.c.id)
    diverged = exists().where(attempts.c.trial_id == trials.c.id, attempts.c.exit_reason == "diverged")
    query = (
        select(phases.c.name)
        .join(phase_trials, phase_trials.c.phase_id == phases.c.id)
        .join(trials, trials.c.id == phase_trials.c.trial_id)
        .where(phases.c.study_id == study_id, or_(trials.c.state.in_(ENDED), reported, diverged))
        .distinct()
    )
    return frozenset(connection.execute(query).scalars())


def declaration(study: Study) -> Json:
    """Return what a study declares, for a study without results."""
    return {"claims": declared_claims(study), "phases": declared_phases(study)}


def updated(declared: Mapping[str, Any], before: Study, now: Study, with_results: Collection[str]) -> Json:
    """Return what a study declares after a change of its file; where there are results, what it declared before them.

    Args:
        declared: before the change.
        with_results: the phases that have results.
    """
    claims = {claim.id: claim for claim in (*before.claims, *now.claims)}
    late = {name for name, claim in claims.items() if phases_of(claim.statement) & set(with_results)}
    kept = {name: claim for name, claim in declared["claims"].items() if name in late or name not in claims}
    fresh = {name: claim for name, claim in declared_claims(now).items() if name not in late}
    known = {name: phase for name, phase in declared["phases"].items() if name in with_results}
    return {"claims": {**kept, **fresh}, "phases": {**declared_phases(now), **known}}
