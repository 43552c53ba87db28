"""Check that the store can be used and is intact, and that its clock agrees with this machine's."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from sweeper.doctor.disks import network_kind
from sweeper.doctor.findings import Finding
from sweeper.errors import StoreError
from sweeper.store.reading import reader
from sweeper.store.reading.reader import ReadConnection
from sweeper.store.url import check_sqlite_file, shown, sqlite_path

FIRST_YEAR_S: Final = 1_735_689_600.0  # 2025-01-01; sweeper is younger
MOST_DRIFT_S: Final = 5.0  # leases last a minute, so clocks may differ by a few seconds


def check_store(url: str) -> list[Finding]:
    """Check that the store opens, is intact, and is on a suitable disk."""
    try:
        path = sqlite_path(url)
        found = [] if path is None else _file_system(path)
        if path is not None and not check_sqlite_file(url, path):
            return [*found, Finding("store", "ok", f"{shown(url)}: does not exist yet; `sweeper launch` creates it")]
        with reader.connect(url) as connection:
            return [*found, *(_integrity(connection) if path is not None else ()), _contents(connection, url)]
    except StoreError as error:
        return [_refused(str(error))]


def check_clock(url: str, now: Callable[[], float] = time.time) -> list[Finding]:
    """Compare this machine's clock with the calendar and with the times in the store, written by other machines too."""
    if now() < FIRST_YEAR_S:
        says = f"the date is {time.strftime('%Y-%m-%d', time.gmtime(now()))}"
        return [Finding("clock", "wrong", says, "Set the clock: reports and logs depend on it")]
    try:
        with reader.connect(url) as connection:
            latest = _latest_heartbeat(connection)
            server = connection.now() if sqlite_path(url) is None else None
    except StoreError:
        return [Finding("clock", "ok", "plausible; there is no store to compare it with")]
    ahead = max(latest - now(), 0.0)
    drift = max(ahead, abs(server - now()) if server is not None else ahead)
    if drift > MOST_DRIFT_S:
        says = f"this machine's clock and the store's differ by {drift:.0f} s"
        remedy = "Synchronize all machines by NTP: leases do not depend on it, but times in logs and reports do"
        return [Finding("clock", "wrong", says, remedy)]
    return [Finding("clock", "ok", "agrees with the times in the store")]


def _file_system(path: Path) -> list[Finding]:
    kind = network_kind(path.parent)
    if kind is None:
        return []
    says = f"{path} is on a network file system ({kind}), where SQLite's locks are not safe"
    return [Finding("store", "wrong", says, "Move it to a local disk, or use PostgreSQL: --store postgresql://…")]


def _integrity(connection: ReadConnection) -> list[Finding]:
    answer = [str(row[0]) for row in connection.rows("PRAGMA quick_check(3)", {})]
    if answer == ["ok"]:
        return []
    says = f"SQLite reports damage: {'; '.join(answer)}"
    return [Finding("store", "wrong", says, "Restore a backup, or recover what is readable: sqlite3 FILE .recover")]


def _contents(connection: ReadConnection, url: str) -> Finding:
    number = len(reader.studies(connection))
    return Finding("store", "ok", f"{shown(url)}: {number} {'study' if number == 1 else 'studies'}")


def _refused(message: str) -> Finding:
    """Split a store's error message: its last sentence is the remedy."""
    for mark in (". ", ": "):
        head, found, remedy = message.rpartition(mark)
        if found:
            return Finding("store", "wrong", head, remedy)
    return Finding("store", "wrong", message, "Name another store with --store")


def _latest_heartbeat(connection: ReadConnection) -> float:
    runners = [runner for study in reader.studies(connection) for runner in reader.runners(connection, study.id)]
    return max((runner.heartbeat_at for runner in runners), default=0.0)
