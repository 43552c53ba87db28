"""Whether the store can be used and is whole, and whether its clock and ours agree."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sweeper.doctor.findings import Finding
from sweeper.doctor.places import on_network
from sweeper.errors import StoreError
from sweeper.store.reading import reader
from sweeper.store.reading.reader import ReadConnection
from sweeper.store.url import check_sqlite_file, shown, sqlite_path

FIRST_YEAR_S: Final = 1_735_689_600.0  # 2025-01-01: sweeper is younger
DRIFT_S: Final = 5.0  # leases last a minute, so clocks may differ by some seconds


def check_store(url: str) -> list[Finding]:
    """The store: whether it opens, is whole, and is on a disk that can hold it."""
    try:
        path = sqlite_path(url)
        found = [] if path is None else _file_system(path)
        if path is not None and not check_sqlite_file(url, path):
            return [*found, Finding("store", "ok", f"{shown(url)}: none yet; `sweeper launch` makes it")]
        with reader.connect(url) as connection:
            return [*found, *(_whole(connection) if path is not None else ()), _contents(connection, url)]
    except StoreError as error:
        return [_refused(str(error))]


def check_clock(url: str, now: Callable[[], float] = time.time) -> list[Finding]:
    """Our clock against the calendar, and against the times in the store, which other machines may have written."""
    if now() < FIRST_YEAR_S:
        says = f"it is {time.strftime('%Y-%m-%d', time.gmtime(now()))} here"
        return [Finding("clock", "wrong", says, "Set the clock: leases and reports need it")]
    try:
        with reader.connect(url) as connection:
            latest = _latest(connection)
            server = _server_time(connection) if sqlite_path(url) is None else None
    except StoreError:
        return [Finding("clock", "ok", "plausible; there is no store to compare it with")]
    ahead = max(latest - now(), 0.0)
    drift = abs(server - now()) if server is not None else ahead
    if max(ahead, drift) > DRIFT_S:
        says = f"this clock and that behind the store differ by {max(ahead, drift):.0f} s"
        return [Finding("clock", "wrong", says, "Have all machines keep time by NTP; trials would lose their leases")]
    return [Finding("clock", "ok", "agrees with the times in the store")]


def _file_system(path: Path) -> list[Finding]:
    kind = on_network(path.parent)
    if kind is None:
        return []
    says = f"{path} is on a network file system ({kind}), on which SQLite's locks are not safe"
    return [Finding("store", "wrong", says, "Put it on a local disk, or use PostgreSQL: --store postgresql://…")]


def _whole(connection: ReadConnection) -> list[Finding]:
    answer = [str(row[0]) for row in connection.rows("PRAGMA quick_check(3)", {})]
    if answer == ["ok"]:
        return []
    says = f"SQLite finds it damaged: {'; '.join(answer)}"
    return [Finding("store", "wrong", says, "Restore a copy, or save what can be read: sqlite3 FILE .recover")]


def _contents(connection: ReadConnection, url: str) -> Finding:
    studies = reader.studies(connection)
    number = f"{len(studies)} stud{'y' if len(studies) == 1 else 'ies'}"
    return Finding("store", "ok", f"{shown(url)}: {number}")


def _refused(message: str) -> Finding:
    """A store's message has what is wrong first, and what to do in its last sentence."""
    for mark in (". ", ": "):
        head, found, remedy = message.rpartition(mark)
        if found:
            return Finding("store", "wrong", head, remedy)
    return Finding("store", "wrong", message, "Name another store with --store")


def _latest(connection: ReadConnection) -> float:
    runners = [runner for study in reader.studies(connection) for runner in reader.runners(connection, study.id)]
    return max((runner.heartbeat_at for runner in runners), default=0.0)


def _server_time(connection: ReadConnection) -> float:
    return float(connection.rows("SELECT extract(epoch FROM clock_timestamp())", {})[0][0])
