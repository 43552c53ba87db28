"""Pilot measurements, kept in the store for later plans, launches and simulations."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

from sweeper.forecast.pilot_throughput import PilotRun, Pilots, PilotThroughput
from sweeper.spec.json_form import program_from_json, program_to_json
from sweeper.spec.program import Program
from sweeper.store.reading import reader
from sweeper.store.reading.read_connection import json_value

if TYPE_CHECKING:
    from sqlalchemy import Engine

SINCE: Final = "0002"  # the revision that added their table
VALUES_SINCE: Final = "0004"  # the revision that added the columns of `_VALUES`
_COLUMNS: Final = (
    "study",
    "program",
    "config",
    "host",
    "device",
    "device_share",
    "threads",
    "slots",
    "unit",
    "amount",
    "device_seconds",
    "start_seconds",
    "unit_seconds",
    "evaluation_seconds",
    "spread",
    "peak_memory_bytes",
    "disk_bytes",
    "measured_at",
)
_VALUES: Final = ("seed", "metric", "value")


def keep_pilot(engine: "Engine", runs: Sequence[PilotRun]) -> None:
    """Write the runs of a pilot."""
    from sqlalchemy import insert  # noqa: PLC0415 - not needed to read

    from sweeper.store.schema import pilots  # noqa: PLC0415
    from sweeper.store.transactions import writing  # noqa: PLC0415

    rows = [_row(run) for run in runs]
    if rows:
        with writing(engine) as connection:
            connection.execute(insert(pilots), rows)


def known_pilots(store: str, program: Program, *, device: str, device_share: float, threads: int) -> Pilots:
    """Return what pilots of a program measured on such slots, whatever study requested them.

    There are none if there is no store yet, or if an older version created it.

    Raises:
        StoreError: the store cannot be read.
    """
    with reader.connect_if_there(store) as connection:
        if connection is None or connection.revision < SINCE:
            return Pilots(program)
        columns = _COLUMNS if connection.revision < VALUES_SINCE else (*_COLUMNS, *_VALUES)
        rows = connection.rows(
            f"SELECT {', '.join(columns)} FROM sweeper_pilots"  # noqa: S608 - our own constants
            " WHERE device = :device AND device_share = :share AND threads = :threads ORDER BY id",
            {"device": device, "share": device_share, "threads": threads},
        )
    runs = (_run(dict(zip(columns, row, strict=True))) for row in rows)
    return Pilots(program, tuple(run for run in runs if run.program == program))


def _row(run: PilotRun) -> dict[str, object]:
    decoded = {
        "program": program_to_json(run.program),
        "start_seconds": run.throughput.start,
        "unit_seconds": run.throughput.unit,
        "evaluation_seconds": run.throughput.evaluation,
        "spread": run.throughput.spread,
    }
    return {name: decoded[name] if name in decoded else getattr(run, name) for name in (*_COLUMNS, *_VALUES)}


def _run(row: dict[str, Any]) -> PilotRun:
    names = ("start_seconds", "unit_seconds", "evaluation_seconds", "spread")
    start, unit, evaluation, spread = (row.pop(name) for name in names)
    program, config = (json_value(row.pop(name)) for name in ("program", "config"))
    throughput = PilotThroughput(start, unit, evaluation, spread)
    return PilotRun(**row, program=program_from_json(program), config=config, throughput=throughput)
