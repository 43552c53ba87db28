"""A complete study as a directory of files: its document, trials, attempts and measurements, to be read elsewhere.

``study.json`` has the study, its phases, environments and changes; ``trials``, ``attempts`` and ``measurements`` are
tables, as Parquet or CSV. Mappings in cells are JSON. The directory of the runs is left out: only this machine has it.
"""

import csv
import io
import json
import math
import types
import typing
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from sweeper.errors import SweeperError, UsageError
from sweeper.export.conform import LARGEST, Misfit, conform, known, record
from sweeper.export.redaction import Redaction
from sweeper.export.tables import encoded
from sweeper.extras import require
from sweeper.forecast.packing import Packing
from sweeper.spec.json_phases import phase_from_json
from sweeper.spec.phase import Phase
from sweeper.spec.study import Study
from sweeper.spec.variables import without_secrets
from sweeper.store.packings import packing_from, packings_of
from sweeper.store.reading import reader
from sweeper.store.reading.decisions import AskedRow, DecisionRows, LookRow, RequestRow, RoundRow, decision_rows
from sweeper.store.reading.declarations import Declaration, declaration
from sweeper.store.reading.reader import (
    AttemptRow,
    Curve,
    PhaseRow,
    ReadConnection,
    RunnerRow,
    StudyRow,
    Table,
    TrialRow,
)

FORMAT: Final = 1
DOCUMENT: Final = "study.json"
DECIDED: Final = "decided"  # only of studies that add seeds until claims are decided
PACKINGS: Final = "packings"  # only of studies for which a pilot chose how many trials share a GPU
MOST_ROWS: Final = 50_000_000
MOST_CELL: Final = 1 << 26  # characters
POINT: Final = ("trial_id", "metric", "step", "tokens", "device_seconds", "flops", "value")

Record = Mapping[str, Any]  # a row of a file: what Parquet or CSV gives
Row = TypeVar("Row", TrialRow, AttemptRow)
Part = TypeVar("Part", PhaseRow, RunnerRow, RoundRow, LookRow, RequestRow, AskedRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """The content of a directory: the reader's rows, and the curves of each metric by trial."""

    study: StudyRow
    phases: tuple[PhaseRow, ...]
    members: Mapping[str, tuple[int, ...]]
    trials: tuple[TrialRow, ...]
    attempts: tuple[AttemptRow, ...]
    environments: Mapping[str, Mapping[str, object]]
    changes: tuple[tuple[float, tuple[str, ...]], ...]
    declaration: Declaration
    runners: tuple[RunnerRow, ...]
    curves: Mapping[str, Mapping[int, Curve]]
    decided: DecisionRows
    packings: tuple[Packing, ...] = ()


def archive_files(
    connection: ReadConnection, study: StudyRow, form: Literal["parquet", "csv"], redaction: Redaction | None = None
) -> dict[str, bytes]:
    """Return the files of a study, by name.

    Args:
        redaction: what replaces the names of machines and people; None to keep them.
    """
    key = study.id
    spec, source = without_secrets(study.spec, study.source)
    document = {
        "format": FORMAT,
        "study": {**asdict(study), "spec": spec, "source": source, "runs_dir": ""},
        "phases": [asdict(phase) for phase in reader.phases(connection, key)],
        "members": reader.members(connection, key),
        "environments": reader.environments(connection, key),
        "changes": reader.changes(connection, key),
        "declaration": asdict(declaration(connection, key)),
        "runners": [asdict(runner) for runner in reader.runners(connection, key)],
    }
    if (decided := decision_rows(connection, key)) != DecisionRows():
        document[DECIDED] = asdict(decided)
    if found := packings_of(connection, key):
        document[PACKINGS] = [asdict(packing) for packing in found]
    trials, attempts = reader.trials(connection, key), reader.attempts(connection, key)
    if redaction is not None:
        document = redaction.document(document)
        trials, attempts = tuple(map(redaction.trial, trials)), tuple(map(redaction.attempt, attempts))
    measured = reader.measurements(connection, key)
    positions = [measured.columns.index(name) for name in POINT]
    points = Table(POINT, [tuple(row[position] for position in positions) for row in measured.rows])
    return {
        DOCUMENT: (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode(),
        f"trials.{form}": encoded(_table(TrialRow, trials), form, exact=True),
        f"attempts.{form}": encoded(_table(AttemptRow, attempts), form, exact=True),
        f"measurements.{form}": encoded(points, form, exact=True),
    }


def read_archive(directory: Path) -> Archive:
    """Read the study of a directory.

    Raises:
        UsageError: a file is missing, or is not one that `archive_files` writes.
    """
    try:
        found = _archive(directory)
        _check_references(found)
    except FileNotFoundError as error:
        raise UsageError(
            f"{error.filename}: no such file. Write the directory with `sweeper export STUDY --all`."
        ) from error
    except SweeperError:
        raise
    except Exception as error:  # anybody may have edited the files, and parsers of files raise any error
        is_ours = isinstance(error, ValueError | OSError)
        what = str(error) if is_ours else f"{type(error).__name__}: {error}"
        raise UsageError(
            f"{directory}: cannot be read: {what}. Write it again with `sweeper export STUDY --all --out DIR`."
        ) from error
    return found


def _archive(directory: Path) -> Archive:
    text = (directory / DOCUMENT).read_bytes()
    try:
        document = json.loads(text.decode())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{DOCUMENT}: is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Misfit(DOCUMENT, document, "a mapping")
    if "format" in document and document["format"] != FORMAT:
        raise UsageError(
            f"{directory / DOCUMENT}: format {document['format']} is not supported; this version reads {FORMAT}."
        )
    study = record(StudyRow, _get(document, "study"), f"{DOCUMENT}: study")
    _check_study(study)
    changes = tuple((moment, tuple(lines)) for moment, lines in _get(document, "changes"))
    conform(changes, tuple[tuple[float, tuple[str, ...]], ...], f"{DOCUMENT}: changes")
    members = {name: tuple(found) for name, found in _get(document, "members").items()}
    conform(members, Mapping[str, tuple[int, ...]], f"{DOCUMENT}: members")
    environments = _get(document, "environments")
    conform(environments, Mapping[str, Mapping[str, object]], f"{DOCUMENT}: environments")
    return Archive(
        study=study,
        phases=tuple(_records(PhaseRow, document, "phases")),
        members=members,
        trials=tuple(_typed(TrialRow, directory, "trials")),
        attempts=tuple(_typed(AttemptRow, directory, "attempts")),
        environments=environments,
        changes=changes,
        declaration=_declaration(document),
        runners=tuple(_records(RunnerRow, document, "runners")),
        curves=_curves(*table_rows(directory, "measurements")),
        decided=_decided(document),
        packings=tuple(_packings(document)),
    )


def _packings(document: Record) -> Iterable[Packing]:
    """Yield how many trials shared a GPU, as pilots chose; earlier versions did not write it."""
    rows, where = document.get(PACKINGS, []), f"{DOCUMENT}: {PACKINGS}"
    if not isinstance(rows, list):
        raise Misfit(where, rows, "a list")
    for index, row in enumerate(rows):
        try:
            packing = packing_from(row)
        except (TypeError, KeyError, ValueError) as error:
            raise Misfit(f"{where}[{index}]", row, "a choice of trials per GPU") from error
        conform(packing, Packing, f"{where}[{index}]")
        yield packing


def _decided(document: Record) -> DecisionRows:
    found = document.get(DECIDED, {})
    if not found:
        return DecisionRows()
    if not isinstance(found, dict):
        raise Misfit(f"{DOCUMENT}: {DECIDED}", found, "a mapping")
    open_round = _get(found, "open_round", DECIDED)
    conform(open_round, int | None, f"{DOCUMENT}: {DECIDED}.open_round")
    budget_ended_at = found.get("budget_ended_at")  # earlier versions did not write it
    conform(budget_ended_at, float | None, f"{DOCUMENT}: {DECIDED}.budget_ended_at")
    looks = _get(found, "looks", DECIDED)
    for row in looks if isinstance(looks, list) else ():
        if isinstance(row, dict) and isinstance(row.get("parts"), list):
            row["parts"] = tuple(row["parts"])
    return DecisionRows(
        open_round=open_round,
        budget_ended_at=budget_ended_at,
        rounds=tuple(_records(RoundRow, found, "rounds", DECIDED)),
        looks=tuple(_records(LookRow, found, "looks", DECIDED)),
        requests=tuple(_records(RequestRow, found, "requests", DECIDED)),
        asked=tuple(_records(AskedRow, found, "asked", DECIDED)),
    )


def _get(document: Record, key: str, within: str = "") -> Any:
    if key not in document:
        raise ValueError(f"{DOCUMENT}: {_path(key, within)} is missing")
    return document[key]


def _declaration(document: Record) -> Declaration:
    """Return what the study declared; earlier versions did not write it."""
    if "declaration" not in document:
        return Declaration()
    where, found = f"{DOCUMENT}: declaration", document["declaration"]
    if not isinstance(found, dict) or not isinstance(late := found.get("late"), dict):
        raise Misfit(where, found, "a mapping with late trials")
    row = {**found, "late": {phase: tuple(trials) for phase, trials in late.items()}}
    return record(Declaration, row, where)


def _path(key: str, within: str) -> str:
    return f"{within}.{key}" if within else key


def _records(kind: type[Part], document: Record, key: str, within: str = "") -> Iterable[Part]:
    rows, where = _get(document, key, within), f"{DOCUMENT}: {_path(key, within)}"
    if not isinstance(rows, list):
        raise Misfit(where, rows, "a list")
    return (record(kind, row, f"{where}[{index}]") for index, row in enumerate(rows))


def _check_study(row: StudyRow) -> None:
    """Check that a study can be made of its document, and that everything in it has its type."""
    where = f"{DOCUMENT}: study.spec"
    try:
        study = row.study
    except Exception as error:
        raise ValueError(f"{where}: is not a study: {type(error).__name__}: {error}") from error
    conform(study, Study, where)


def _check_references(found: Archive) -> None:
    """Check that what is named is there, and once."""
    for index, phase in enumerate(found.phases):
        where = f"{DOCUMENT}: phases[{index}].spec"
        try:
            parsed = phase_from_json({"name": phase.name, **phase.spec})
        except Exception as error:
            raise ValueError(f"{where}: is not a phase: {type(error).__name__}: {error}") from error
        conform(parsed, Phase, where)
        known(phase.name, found.members, "a phase with members", f"{DOCUMENT}: phases[{index}].name")
    names = {phase.name for phase in found.phases}
    trials = {trial.id for trial in found.trials}
    if len(trials) < len(found.trials):
        raise ValueError("trials: two trials have the same id")
    if len(names) < len(found.phases):
        raise ValueError(f"{DOCUMENT}: phases: two phases have the same name")
    for name, members in found.members.items():
        known(name, names, "a phase", f"{DOCUMENT}: members")
        for member in members:
            known(member, trials, "the id of a trial", f"{DOCUMENT}: members.{name}")
    for name, late in found.declaration.late.items():
        known(name, names, "a phase", f"{DOCUMENT}: declaration.late")
        for trial_id in late:
            known(trial_id, trials, "the id of a trial", f"{DOCUMENT}: declaration.late.{name}")
    for trial in found.trials:
        known(trial.phase, names, "a phase", f"trials: id {trial.id}: phase")
    for attempt in found.attempts:
        known(attempt.trial_id, trials, "the id of a trial", f"attempts: id {attempt.id}: trial_id")
    _check_rows(found, trials)


def _check_rows(found: Archive, trials: Collection[int]) -> None:
    for metric, curves in found.curves.items():
        for key in curves:
            known(key, trials, "the id of a trial", f"measurements: {metric}: trial_id")
    for asked in found.decided.asked:
        known(asked.trial_id, trials, "the id of a trial", f"{DOCUMENT}: {DECIDED}.asked")


def _table(kind: type[Row], rows: Sequence[Row]) -> Table:
    names = tuple(field.name for field in fields(kind))
    return Table(names, [tuple(_cell(getattr(row, name)) for name in names) for row in rows])


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else value


def table_rows(directory: Path, name: str) -> tuple[str, list[Record]]:
    """Return a table's file name and its rows."""
    parquet = directory / f"{name}.parquet"
    if parquet.exists():
        require("parquet", str(parquet))
        import pyarrow.parquet as pq  # noqa: PLC0415 - an optional extra

        try:
            with pq.ParquetFile(parquet) as file:
                number = file.metadata.num_rows
                if number > MOST_ROWS:  # a few bytes can stand for any number of equal rows
                    raise ValueError(f"has {number:,} rows; at most {MOST_ROWS:,} are read")
                found: list[Record] = file.read().to_pylist()
        except Exception as error:
            raise ValueError(f"{parquet.name}: {_first_line(error)}") from error
        return parquet.name, found
    path = directory / f"{name}.csv"
    csv.field_size_limit(MOST_CELL)
    try:
        reader = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline=""), strict=True)
        rows: list[Record] = [{key: value or None for key, value in row.items()} for row in reader]
    except (ValueError, csv.Error) as error:
        raise ValueError(f"{path.name}: {_first_line(error)}") from error
    return path.name, rows


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _typed(kind: type[Row], directory: Path, table: str) -> Iterable[Row]:
    """Return rows of a table as records; the texts of CSV are converted to the types of the record's fields."""
    name, rows = table_rows(directory, table)
    hints = typing.get_type_hints(kind)
    for number, row in enumerate(rows, start=1):
        where = f"{name}: row {number}"
        yield record(
            kind, {key: _value(hint, row[key], f"{where}.{key}") for key, hint in hints.items() if key in row}, where
        )


def _value(hint: Any, value: Any, where: str) -> Any:
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    wanted = next(option for option in options if option is not type(None))
    if value is None:
        return "" if wanted is str and type(None) not in options else None
    if not isinstance(value, str) or wanted is str or typing.get_origin(wanted) is Literal:
        return value
    if wanted is bool:
        return {"true": True, "false": False}.get(value, value)
    is_mapping = typing.get_origin(wanted) is not None
    try:
        return json.loads(value) if is_mapping else wanted(value)
    except (ValueError, RecursionError) as error:
        raise Misfit(where, value, "JSON" if is_mapping else "a number") from error


def _curves(name: str, rows: Iterable[Record]) -> dict[str, dict[int, Curve]]:
    """Return curves by metric and trial, by step."""
    found: dict[str, dict[int, Curve]] = {}
    for number, row in enumerate(rows, start=1):
        try:
            _add_point(found, row)
        except (ValueError, KeyError, TypeError, OverflowError) as error:
            raise ValueError(f"{name}: row {number}: is not a measurement: {type(error).__name__}: {error}") from error
    return found


def _add_point(found: dict[str, dict[int, Curve]], row: Record) -> None:
    if not isinstance(row["metric"], str):
        raise Misfit("metric", row["metric"], "a text")
    trials = found.setdefault(row["metric"], {})
    trial = _whole(row["trial_id"])
    if trial not in trials:
        trials[trial] = Curve(steps=[], tokens=[], device_seconds=[], flops=[], values=[])
    curve = trials[trial]
    curve.steps.append(_whole(row["step"]))
    for name, values in (
        ("tokens", curve.tokens),
        ("device_seconds", curve.device_seconds),
        ("flops", curve.flops),
        ("value", curve.values),
    ):
        values.append(math.nan if row[name] is None else float(row[name]))


def _whole(value: Any) -> int:
    number = value if isinstance(value, int) else int(value) if isinstance(value, str) else None
    if number is None or abs(number) >= LARGEST:
        raise Misfit("step", value, "an integer")
    return number
