"""The files of a bundle that do not depend on the report: the archive of a study, without who ran it and where."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sweeper.export.archive import DOCUMENT, archive_files
from sweeper.export.bundle import json_bytes
from sweeper.export.redaction import Redaction, home_directories
from sweeper.store.reading import reader
from sweeper.store.reading.reader import AttemptRow, ReadConnection

SOURCE = "study.yaml"
ENVIRONMENT = "environment.json"
REPORT = "report"  # the directory of the report


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """What a bundle has of a study.

    Attributes:
        files: by name; those of the archive are what `archive.read_archive` reads.
        rows: by table the number of its rows.
        as_of: the last time that the tables have.
        homes: home directories that the study file names, which stay in it.
    """

    files: dict[str, bytes]
    rows: dict[str, int]
    as_of: float
    homes: tuple[str, ...]


def bundled(connection: ReadConnection, name: str, form: Literal["parquet", "csv"]) -> Bundled:
    """Return what a bundle has of a study, but for its claims and its report.

    Raises:
        UsageError: there is no such study.
    """
    study = reader.study(connection, name)
    redaction = Redaction(_hosts(connection, study.id), os.environ, Path.home())
    archive = archive_files(connection, study, form, redaction)
    document: dict[str, Any] = json.loads(archive[DOCUMENT])
    attempts = reader.attempts(connection, study.id)
    rows = {
        f"trials.{form}": len(reader.trials(connection, study.id)),
        f"attempts.{form}": len(attempts),
        f"measurements.{form}": len(reader.measurements(connection, study.id).rows),
    }
    source = document["study"]["source"]
    return Bundled(
        files={**archive, **derived(document)},
        rows=rows,
        as_of=last_time(study.created_at, attempts, reader.changes(connection, study.id)),
        homes=tuple(home_directories(source)),
    )


def last_time(created_at: float, attempts: Iterable[AttemptRow], changes: Iterable[tuple[float, object]]) -> float:
    """Return the last time that the tables of a study have."""
    times = [time for row in attempts for time in (row.started_at, row.heartbeat_at, row.ended_at) if time is not None]
    return max([created_at, *times, *(moment for moment, _ in changes)])


def derived(document: dict[str, Any]) -> dict[str, bytes]:
    """Return the files that repeat a part of the archive's document, for readers."""
    return {
        SOURCE: document["study"]["source"].encode(),
        ENVIRONMENT: json_bytes(document["environments"]),
    }


def _hosts(connection: ReadConnection, study_id: int) -> Iterator[str]:
    yield from (row.host for row in reader.runners(connection, study_id))
    yield from (row.host for row in reader.attempts(connection, study_id))
    for facts in reader.environments(connection, study_id).values():
        machine = facts.get("machine")
        if isinstance(machine, dict) and isinstance(name := machine.get("host"), str):
            yield name
