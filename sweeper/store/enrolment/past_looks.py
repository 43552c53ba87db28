"""What cannot change in a study file once claims have been looked at: the rules by which they were, and themselves."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from sqlalchemy import Connection, select

from sweeper.errors import UsageError
from sweeper.spec.declared import declared_claims
from sweeper.spec.phase import AdaptiveSeeds
from sweeper.spec.study import Study
from sweeper.store.enrolment.differences import differences
from sweeper.store.schema import claim_states, looks

RENAME: Final = "or rename the study (study: NAME)"


def check_past_looks(
    connection: Connection, study_id: int, before: Study, now: Study, declared: Mapping[str, Any] | None
) -> None:
    """Refuse what would make past looks, or verdicts that followed from them, other than they were.

    A larger `most` plans further looks, and a claim that is open may go: it counts as one that was never supported, as
    it did before. But one that was decided has left the others a larger share of the error (Holm's rule), so theirs
    would be taken back.

    Args:
        declared: what the study declared before it had results, if that is known.

    Raises:
        UsageError: the file changes rules by which claims were looked at, or claims.
    """
    query = select(looks.c.claim).where(looks.c.study_id == study_id).distinct()
    looked = set(connection.execute(query).scalars())
    if not looked:
        return
    what = f"study {now.name!r}: its claims have been looked at, and {now.path} changes"
    rules = "".join(f"\n  {line}" for line in _changed(before, now))
    if rules:
        raise UsageError(
            f"{what} the rules by which they were:{rules}\nKeep them (only `most` can be raised), {RENAME}"
        )
    decided = _decided(connection, study_id)
    known = (declared or {}).get("claims", {})
    claims = "".join(f"\n  {line}" for name in sorted(looked) for line in _claim(name, before, now, known, decided))
    if claims:
        raise UsageError(
            f"{what} claims on which verdicts rest:{claims}\n"
            "Keep a claim that was decided (it gets no more seeds, and others were tested after it); give a changed "
            f"claim another id; {RENAME}"
        )


def _decided(connection: Connection, study_id: int) -> dict[str, str]:
    """Return the verdicts of the claims that were decided: by a look at them, or once others were."""
    verdicts: dict[str, str] = {}
    for table, stop in ((looks, looks.c.stop), (claim_states, claim_states.c.stage)):
        query = select(table.c.claim, table.c.verdict).where(table.c.study_id == study_id, stop == "decided")
        verdicts |= {row.claim: row.verdict for row in connection.execute(query)}
    return verdicts


def _claim(name: str, before: Study, now: Study, known: Mapping[str, Any], decided: Mapping[str, str]) -> Iterator[str]:
    """Yield what changes of a claim that has been looked at."""
    old, new = declared_claims(before).get(name), declared_claims(now).get(name)
    if new is None:
        if name in decided:
            yield f"claims.{name}: removed (was {decided[name]})"
    elif old is not None:
        yield from map(str, differences(old, new, f"claims.{name}"))
    elif new != known.get(name):
        yield f"claims.{name}: added (another claim with this id was looked at)"


def _changed(before: Study, now: Study) -> Iterator[str]:
    for name in ("spending", "futility", "order"):
        old, new = getattr(before.decide, name), getattr(now.decide, name)
        if old != new:
            yield f"decide.{name}: {_shown(old)} → {_shown(new)}"
    known = {phase.name: phase.adaptive for phase in before.phases}
    for phase in now.phases:
        old, new = known.get(phase.name), phase.adaptive
        if old is None or new is None:
            continue
        if old.first != new.first:
            yield f"phases.{phase.name}.seeds.first: {old.first} → {new.first}"
        if _most(new) < _most(old) or (old.most is None) != (new.most is None):
            yield f"phases.{phase.name}.seeds.most: {_shown(old.most)} → {_shown(new.most)}"


def _most(seeds: AdaptiveSeeds) -> float:
    return math.inf if seeds.most is None else seeds.most


def _shown(value: object) -> str:
    return "none" if value is None else str(value)
