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
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from sweeper.errors import UsageError
from sweeper.export.tables import encoded
from sweeper.extras import require
from sweeper.store.reading import reader
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
POINT: Final = ("trial_id", "metric", "step", "tokens", "device_seconds", "flops", "value")

Record = Mapping[str, Any]  # a row of a file: what Parquet or CSV gives
Row = TypeVar("Row", TrialRow, AttemptRow)


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
    runners: tuple[RunnerRow, ...]
    curves: Mapping[str, Mapping[int, Curve]]


def archive_files(connection: ReadConnection, study: StudyRow, form: Literal["parquet", "csv"]) -> dict[str, bytes]:
    """Return the files of a study, by name."""
    key = study.id
    document = {
        "format": FORMAT,
        "study": {**asdict(study), "runs_dir": ""},
        "phases": [asdict(phase) for phase in reader.phases(connection, key)],
        "members": reader.members(connection, key),
        "environments": reader.environments(connection, key),
        "changes": reader.changes(connection, key),
        "runners": [asdict(runner) for runner in reader.runners(connection, key)],
    }
    measured = reader.measurements(connection, key)
    positions = [measured.columns.index(name) for name in POINT]
    points = Table(POINT, [tuple(row[position] for position in positions) for row in measured.rows])
    return {
        DOCUMENT: (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode(),
        f"trials.{form}": encoded(_table(TrialRow, reader.trials(connection, key)), form, exact=True),
        f"attempts.{form}": encoded(_table(AttemptRow, reader.attempts(connection, key)), form, exact=True),
        f"measurements.{form}": encoded(points, form, exact=True),
    }


def read_archive(directory: Path) -> Archive:
    """Read the study of a directory.

    Raises:
        UsageError: a file is missing, or is not one that `archive_files` writes.
    """
    try:
        document = json.loads((directory / DOCUMENT).read_text(encoding="utf-8"))
        if document["format"] != FORMAT:
            raise UsageError(
                f"{directory / DOCUMENT}: format {document['format']} is not supported; this version reads {FORMAT}."
            )
        return Archive(
            study=StudyRow(**document["study"]),
            phases=tuple(PhaseRow(**phase) for phase in document["phases"]),
            members={name: tuple(found) for name, found in document["members"].items()},
            trials=tuple(_typed(TrialRow, _rows(directory, "trials"))),
            attempts=tuple(_typed(AttemptRow, _rows(directory, "attempts"))),
            environments=document["environments"],
            changes=tuple((moment, tuple(lines)) for moment, lines in document["changes"]),
            runners=tuple(RunnerRow(**runner) for runner in document["runners"]),
            curves=_curves(_rows(directory, "measurements")),
        )
    except FileNotFoundError as error:
        raise UsageError(
            f"{error.filename}: no such file. Write the directory with `sweeper export STUDY --all`."
        ) from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{directory}: cannot be read: {error}. Write it again with `sweeper export STUDY --all --out DIR`."
        ) from error


def _table(kind: type[Row], rows: Sequence[Row]) -> Table:
    names = tuple(field.name for field in fields(kind))
    return Table(names, [tuple(_cell(getattr(row, name)) for name in names) for row in rows])


def _cell(value: object) -> object:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, Mapping) else value


def _rows(directory: Path, name: str) -> list[Record]:
    parquet = directory / f"{name}.parquet"
    if parquet.exists():
        require("parquet", str(parquet))
        import pyarrow.parquet as pq  # noqa: PLC0415 - an optional extra

        found: list[Record] = pq.read_table(parquet).to_pylist()
        return found
    text = (directory / f"{name}.csv").read_text(encoding="utf-8")
    return [{key: value or None for key, value in row.items()} for row in csv.DictReader(io.StringIO(text, newline=""))]


def _typed(kind: type[Row], rows: Iterable[Record]) -> Iterable[Row]:
    """Return rows of a table as records; the texts of CSV are converted to the types of the record's fields."""
    hints = typing.get_type_hints(kind)
    return (kind(**{name: _value(hint, row[name]) for name, hint in hints.items()}) for row in rows)


def _value(hint: Any, value: Any) -> Any:
    options = typing.get_args(hint) if typing.get_origin(hint) in (typing.Union, types.UnionType) else (hint,)
    if value is None:
        return None if type(None) in options else ""
    wanted = next(option for option in options if option is not type(None))
    if typing.get_origin(wanted) is Literal:
        return value
    if typing.get_origin(wanted) is not None:  # a mapping
        return json.loads(value)
    if wanted is bool:
        return value if isinstance(value, bool) else value == "true"
    return wanted(value)


def _curves(rows: Iterable[Record]) -> dict[str, dict[int, Curve]]:
    """Return curves by metric and trial, by step."""
    found: dict[str, dict[int, Curve]] = {}
    for row in rows:
        trials = found.setdefault(row["metric"], {})
        trial = int(row["trial_id"])
        if trial not in trials:
            trials[trial] = Curve(steps=[], tokens=[], device_seconds=[], flops=[], values=[])
        curve = trials[trial]
        curve.steps.append(int(row["step"]))
        for name, values in (
            ("tokens", curve.tokens),
            ("device_seconds", curve.device_seconds),
            ("flops", curve.flops),
            ("value", curve.values),
        ):
            values.append(math.nan if row[name] is None else float(row[name]))
    return found
