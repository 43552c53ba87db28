"""How many trials of a study share a GPU, kept in the store for later launches, plans and reports."""

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any, Final

from sweeper.forecast.packing import Alone, Packing, Stage
from sweeper.store.reading import reader
from sweeper.store.reading.read_connection import ReadConnection, json_value

if TYPE_CHECKING:
    from sqlalchemy import Engine

SINCE: Final = "0009"  # the revision that added their table
COLUMNS: Final = tuple(field.name for field in fields(Packing))
KEYS: Final = ("study_id", "card", "threads", "sharing", "workload")


def keep_packing(engine: "Engine", study_id: int, packing: Packing) -> None:
    """Write a choice, or what is measured for it so far."""
    from sweeper.store.schema import packings  # noqa: PLC0415 - not needed to read
    from sweeper.store.transactions import upsert, writing  # noqa: PLC0415

    row = {"study_id": study_id, **asdict(packing)}
    with writing(engine) as connection:
        upsert(connection, packings, [row], keys=KEYS, update=[name for name in COLUMNS if name not in KEYS])


def packings_of(connection: ReadConnection, study_id: int) -> tuple[Packing, ...]:
    """Return the choices for a study, the newest first; none in a store of an older version."""
    if connection.revision < SINCE:
        return ()
    rows = connection.rows(
        f"SELECT {', '.join(COLUMNS)} FROM sweeper_packings"  # noqa: S608 - our own constants
        " WHERE study_id = :study ORDER BY measured_at DESC, id",
        {"study": study_id},
    )
    return tuple(packing_from(dict(zip(COLUMNS, row, strict=True))) for row in rows)


def known_packings(store: str, study: str) -> tuple[Packing, ...]:
    """Return the choices for a study; none if it is not in the store, or there is no store.

    Raises:
        StoreError: the store cannot be read.
    """
    with reader.connect_if_there(store) as connection:
        studies = () if connection is None else reader.studies(connection)
        found = next((row for row in studies if row.name == study), None)
        return () if connection is None or found is None else packings_of(connection, found.id)


def packing_from(row: Mapping[str, Any]) -> Packing:
    """Return the choice of a row, or of an archive's mapping."""
    alone, stages = json_value(row["alone"]), json_value(row["stages"])
    return Packing(
        **{
            **row,
            "alone": Alone(**{**alone, "whole": tuple(alone["whole"])}),
            "stages": tuple(Stage(**stage) for stage in stages),
        }
    )
