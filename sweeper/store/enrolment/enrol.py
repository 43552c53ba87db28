"""Plan → store: a study is written whole, or not at all; the same study again changes nothing.

An edited study file is compared with the study as launched. What leaves the trials alone (the budget's cap,
resources, retries, the description) is taken over. Anything else asks for a new name or for `extend`, which adds
trials, phases and claims and never takes any away.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, Engine, Row, insert, select, update

from sweeper.errors import UsageError
from sweeper.store.enrolment.differences import Change, differences
from sweeper.store.enrolment.plan_rows import write_plan
from sweeper.store.schema import changes as changes_table
from sweeper.store.schema import studies
from sweeper.store.transactions import writing

if TYPE_CHECKING:  # values come in; pydantic need not
    from sweeper.planning.plan import Plan
    from sweeper.spec.study import Study

HARMLESS: Final = ("description", "budget", "resources", "retry", "trial.timeout")  # with everything below them
UNCHANGEABLE: Final = ("metric",)  # results under the old one would stand beside results under the new one
MOST_LINES: Final = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What enrolling did.

    Attributes:
        created: the study is new in the store.
        added: how many trials were written.
        changes: what the file changed against the study as launched, and was taken over.
        unwanted: trials that the study no longer asks for, as ``phase/number``; they stay, with their results.
    """

    study_id: int
    created: bool
    added: int
    changes: tuple[Change, ...] = ()
    unwanted: tuple[str, ...] = ()


def enrol(
    engine: Engine,
    plan: "Plan",
    study: "Study",
    *,
    runs_dir: Path,
    now: float,
    extend: bool = False,
    predicted: Mapping[tuple[str, int], float] | None = None,
) -> Enrolment:
    """Writes a study and its plan into the store, in one transaction.

    Args:
        runs_dir: where the trials' run directories go; made absolute. Kept from the first launch.
        extend: add what an edited file asks for beyond the study as launched.
        predicted: device-seconds of planned trials by (phase, number), as far as they are known.

    Raises:
        UsageError: the file differs from the study as launched in what makes its trials.
    """
    document = study.document
    with writing(engine) as connection:
        known = connection.execute(select(studies).where(studies.c.name == plan.study)).one_or_none()
        if known is None:
            values = {**_columns(study), "name": plan.study, "runs_dir": str(runs_dir.absolute()), "created_at": now}
            key = connection.execute(insert(studies).values(values)).inserted_primary_key
            assert key is not None
            written = write_plan(connection, key[0], plan, study, predicted or {})
            return Enrolment(study_id=key[0], created=True, added=written.added)
        found = differences(known.spec, document)
        if not found:
            return Enrolment(study_id=known.id, created=False, added=0)
        return _take_over(connection, known, found, plan, study, extend=extend, predicted=predicted or {}, now=now)


def _take_over(
    connection: Connection,
    known: Row[*tuple[Any, ...]],
    found: Sequence[Change],
    plan: "Plan",
    study: "Study",
    *,
    extend: bool,
    predicted: Mapping[tuple[str, int], float],
    now: float,
) -> Enrolment:
    grave = [change for change in found if not _under(change.path, HARMLESS)]
    _check(grave, plan.study, str(study.path), extend=extend)
    values = _columns(study)
    if grave:
        values["cancelled_at"] = None
    connection.execute(update(studies).where(studies.c.id == known.id).values(values))
    lines = [str(change) for change in found]
    connection.execute(insert(changes_table).values(study_id=known.id, changed_at=now, lines=lines))
    if not grave:
        return Enrolment(study_id=known.id, created=False, added=0, changes=tuple(found))
    written = write_plan(connection, known.id, plan, study, predicted)
    return Enrolment(
        study_id=known.id, created=False, added=written.added, changes=tuple(found), unwanted=written.unwanted
    )


def _check(grave: Sequence[Change], name: str, path: str, *, extend: bool) -> None:
    fixed = [change for change in grave if _under(change.path, UNCHANGEABLE)]
    if fixed:
        raise UsageError(
            f"study {name!r} was launched with another metric than {path} has now:\n{_lines(fixed)}\n"
            "Its results are in the old one. Give the study a new name (study: NAME)"
        )
    if grave and not extend:
        raise UsageError(
            f"study {name!r} is in the store already, and {path} differs from it as launched:\n{_lines(grave)}\n"
            f"Give the study a new name (study: NAME), or add what is new to it: sweeper launch {path} --extend"
        )


def _lines(changes: Sequence[Change]) -> str:
    lines = [f"  {change}" for change in changes[:MOST_LINES]]
    if len(changes) > MOST_LINES:
        lines.append(f"  … and {len(changes) - MOST_LINES} more")
    return "\n".join(lines)


def _under(path: str, prefixes: Sequence[str]) -> bool:
    return any(path == prefix or path.startswith((f"{prefix}.", f"{prefix}_")) for prefix in prefixes)


def _columns(study: "Study") -> dict[str, object]:
    document = study.document
    metric, budget = document["metric"], document.get("budget") or {}
    return {
        "source": study.source,
        "source_path": str(study.path),
        "spec": document,
        "spec_sha256": _sha256(document),
        "claims_sha256": _sha256(document.get("claims")),
        "metric": metric["name"],
        "direction": metric["direction"],
        "budget_device_hours": budget.get("device_hours"),
    }


def _sha256(document: object) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
