"""Write a plan to the store: a study is written completely or not at all; the same study again changes nothing.

An edited study file is compared with the study as launched. Changes that leave the trials alone (the budget's cap,
resources, retries, the description, strata and arms) are accepted. Any other change requires a new name or `extend`,
which adds trials, phases and claims and never removes any.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sqlalchemy import Connection, Engine, insert, select, update

from sweeper.errors import UsageError
from sweeper.planning.plan import Plan, Reference
from sweeper.spec.json_form import from_json, to_json
from sweeper.spec.study import USUAL_SPENDING, Study
from sweeper.spec.usual_value import with_value
from sweeper.store.enrolment.adopting import adopt, known_part
from sweeper.store.enrolment.declaring import declaration, phases_with_results, updated
from sweeper.store.enrolment.differences import Change, differences
from sweeper.store.enrolment.past_looks import check_past_looks
from sweeper.store.enrolment.plan_rows import write_plan
from sweeper.store.enrolment.study_columns import study_columns
from sweeper.store.schema import changes as changes_table
from sweeper.store.schema import studies
from sweeper.store.transactions import Record, insert_if_new, writing

# And everything below them.
HARMLESS: Final = (
    "description", "budget", "resources", "retry", "keep", "trial.timeout", "trial.cwd", "strata", "arms",
    "price_per_device_hour",
)  # fmt: skip
UNCHANGEABLE: Final = ("metric",)  # results in the old metric would be mixed with results in the new one
MOST_LINES: Final = 10
PRICE: Final = (
    "It has results, so verdicts that rest on what --extend adds or changes will be exploratory; a renamed study has "
    "confirmatory ones"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What enrolling did.

    Attributes:
        created: the study is new in the store.
        added: number of trials that were written.
        changes: what the file changed in the study as launched, and was accepted.
        unwanted: trials that are no longer in the plan, as ``phase/number``; they stay, with their results.
        with_results: the phases that had results before an edited file changed what a study declares.
        run_root: where the study's trials run, if the usual directory is another study's or another store's.
    """

    study_id: int
    created: bool
    added: int
    changes: tuple[Change, ...] = ()
    unwanted: tuple[str, ...] = ()
    with_results: frozenset[str] = frozenset()
    run_root: Path | None = None


def enrol(
    engine: Engine,
    plan: Plan,
    study: Study,
    *,
    runs_dir: Path,
    now: float,
    extend: bool = False,
    predicted: Mapping[Reference, float] | None = None,
) -> Enrolment:
    """Write a study and its plan to the store, in one transaction.

    Args:
        runs_dir: the parent of the trials' run directories; made absolute. Kept from the first launch.
        extend: add what an edited file has beyond the study as launched.
        predicted: device-seconds of planned trials by (phase, number), as far as they are known.

    Raises:
        UsageError: the file differs from the study as launched in what defines its trials.
    """
    with writing(engine) as connection:
        place = runs_dir.absolute()
        where = {"runs_dir": str(place), "run_root": str(place / plan.study)}
        row = {
            **study_columns(study),
            **where,
            "name": plan.study,
            "created_at": now,
            "declared": declaration(study),
            "open_round": _first_round(study),
        }
        created = insert_if_new(connection, studies, row, keys=("name",))  # several launches may enrol it at once
        # From here on nobody claims, finishes or draws a trial of the study: all that changes as a whole.
        query = select(studies).where(studies.c.name == plan.study).with_for_update()
        known = connection.execute(query).one()
        if created:
            written = write_plan(connection, known.id, plan, study, predicted or {})
            return Enrolment(study_id=known.id, created=True, added=written.added)
        # A document that an older version wrote may lack keys that have defaults now.
        launched = from_json(known.spec)
        # A default that has changed since is not the user's change.
        study = _with_spending(with_value(study, launched.metric.value), launched.decide.spending)
        found = differences(to_json(launched), to_json(study))
        if not found:
            return Enrolment(study_id=known.id, created=False, added=0)
        if study.trial.is_imported:
            plan = known_part(connection, known.id, plan)
        edit = _Edit(known=known, launched=launched, plan=plan, study=study, changes=tuple(found))
        return _take_over(connection, edit, extend=extend, predicted=predicted or {}, now=now)


def _with_spending(study: Study, launched: str) -> Study:
    """Return a study with the default of its launch where its file says nothing; another rule was in its file then."""
    former = next((usual for usual in USUAL_SPENDING if usual == launched), None)
    if former is None or not study.decide.is_usual_spending:
        return study
    return replace(study, decide=replace(study.decide, spending=former))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Edit:
    """An edited file for a study that is in the store: its row, and the study as launched and as it is now."""

    known: Record
    launched: Study
    plan: Plan
    study: Study
    changes: tuple[Change, ...]


def _take_over(
    connection: Connection, edit: _Edit, *, extend: bool, predicted: Mapping[Reference, float], now: float
) -> Enrolment:
    study_id, study = edit.known.id, edit.study
    grave = [change for change in edit.changes if not _under(change.path, HARMLESS)]
    seen = phases_with_results(connection, study_id) if grave else frozenset()
    _check(grave, edit.plan.study, str(study.path), extend=extend, has_results=bool(seen))
    check_past_looks(connection, study_id, edit.launched, study, edit.known.declared)
    values = {**study_columns(study), "revision": studies.c.revision + 1}
    if grave or study.device_hours != edit.launched.device_hours:
        values |= {"budget_ended_at": None, "budget_end_decided": None}  # until a slot finds that it has
    if grave:
        values |= {"cancelled_at": None, "open_round": _first_round(study)}
    connection.execute(update(studies).where(studies.c.id == study_id).values(values))
    lines = [str(change) for change in edit.changes]
    connection.execute(insert(changes_table).values(study_id=study_id, changed_at=now, lines=lines))
    if not grave:
        return Enrolment(study_id=study_id, created=False, added=0, changes=edit.changes)
    if edit.launched.trial.is_imported and not study.trial.is_imported:
        adopt(connection, study_id, study)
    written = write_plan(connection, study_id, edit.plan, study, predicted, with_results=seen)
    _keep_declared(connection, edit)
    return Enrolment(
        study_id=study_id,
        created=False,
        added=written.added,
        changes=edit.changes,
        unwanted=written.unwanted,
        with_results=seen,
    )


def _keep_declared(connection: Connection, edit: _Edit) -> None:
    """Keep what the study declared before there were results; unknown of studies that older versions launched."""
    if edit.known.declared is None:
        return
    # Asked anew: a new phase has results if it shares trials with one that has.
    seen = phases_with_results(connection, edit.known.id)
    declared = updated(edit.known.declared, edit.launched, edit.study, seen)
    connection.execute(update(studies).where(studies.c.id == edit.known.id).values(declared=declared))


def _check(grave: Sequence[Change], name: str, path: str, *, extend: bool, has_results: bool) -> None:
    fixed = [change for change in grave if _under(change.path, UNCHANGEABLE)]
    if fixed:
        raise UsageError(
            f"study {name!r} was launched with another metric than {path} has now:\n{_lines(fixed)}\n"
            "Its results are in the old metric. Rename the study (study: NAME)"
        )
    if grave and not extend:
        raise UsageError(
            f"study {name!r} is already in the store, and {path} differs from it:\n{_lines(grave)}\n"
            f"Rename the study (study: NAME), or add what is new to it: sweeper launch {path} --extend"
            + (f"\n{PRICE}" if has_results else "")
        )


def _lines(changes: Sequence[Change]) -> str:
    lines = [f"  {change}" for change in changes[:MOST_LINES]]
    if len(changes) > MOST_LINES:
        lines.append(f"  … and {len(changes) - MOST_LINES} more")
    return "\n".join(lines)


def _under(path: str, prefixes: Sequence[str]) -> bool:
    return any(path == prefix or path.startswith((f"{prefix}.", f"{prefix}_")) for prefix in prefixes)


def _first_round(study: Study) -> int | None:
    """Return the open round of a study before any: -1 if it adds seeds until its claims are decided, else None."""
    return -1 if study.adds_seeds else None
