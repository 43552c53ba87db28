"""What cannot change in a study file once claims have been looked at: the rules by which they were."""

import math
from collections.abc import Iterator

from sqlalchemy import Connection, select

from sweeper.errors import UsageError
from sweeper.spec.phase import AdaptiveSeeds
from sweeper.spec.study import Study
from sweeper.store.schema import looks


def check_rules_of_looks(connection: Connection, study_id: int, before: Study, now: Study) -> None:
    """Refuse other rules for looks than those by which past ones were made; a larger `most` plans further ones.

    Raises:
        UsageError: the rules differ, and there are looks.
    """
    changed = list(_changed(before, now))
    if not changed:
        return
    if connection.execute(select(looks.c.round).where(looks.c.study_id == study_id).limit(1)).first() is None:
        return
    lines = "\n".join(f"  {line}" for line in changed)
    raise UsageError(
        f"study {now.name!r}: its claims have been looked at, and {now.path} changes the rules by which they were:\n"
        f"{lines}\nKeep them (only `most` can be raised), or rename the study (study: NAME)"
    )


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
