"""A read-only connection, without SQLAlchemy if the store is a file: importing that takes half a second.

`sweeper status` has less time than that. So the reader's SQL is plain text with named parameters, which both SQLite's
own module and SQLAlchemy accept.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from sweeper.errors import AbsentStoreError, StoreError
from sweeper.store.url import BUSY_TIMEOUT_S, REVISION, absent, check_sqlite_file, other_store, shown, sqlite_path

if TYPE_CHECKING:
    from sqlalchemy import Engine

OLDEST: Final = "0001"  # the oldest that the reader's queries work on
Row = tuple[Any, ...]


class ReadConnection(Protocol):
    """One consistent state of a store: every query sees the same."""

    @property
    def revision(self) -> str:
        """The schema's revision; a file with an older one is read as it is."""

    def rows(self, sql: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        """Return all rows of a query with ``:name`` parameters."""

    def now(self) -> float:
        """Return the time, in seconds since the epoch, of the clock by which the store's times were written."""


@contextmanager
def connect(store: "str | Engine") -> Iterator[ReadConnection]:
    """Open a store for reading: a URL, or an engine for its URL and its identity.

    Raises:
        StoreError: the store is missing, not a store, of another version, or not the engine's; the message says what to
            do.
    """
    url, uid = (store, None) if isinstance(store, str) else _of(store)
    path = sqlite_path(url)
    with _sqlite(url, path, uid) if path is not None else _server(url, uid) as connection:
        yield connection


def _of(engine: "Engine") -> tuple[str, str | None]:
    from sweeper.store.same_store import uid_of  # noqa: PLC0415 - whoever has an engine has loaded SQLAlchemy

    return engine.url.render_as_string(hide_password=False), uid_of(engine)


@contextmanager
def connect_if_there(store: str) -> Iterator[ReadConnection | None]:
    """Open a store for reading, or yield None if there is none yet: no file, or a database without our tables.

    Raises:
        StoreError: there is one, but it cannot be read.
    """
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(connect(store))
        except AbsentStoreError:
            connection = None
        yield connection


def json_value(value: object) -> Any:
    """Return the value of a JSON column: text on SQLite, decoded by the driver elsewhere."""
    return json.loads(value) if isinstance(value, str) else value


def valid(connection: ReadConnection) -> str:
    """Return the condition that keeps the measurements `m` of a trial's curve; older stores hold no others."""
    return "" if connection.revision < "0003" else " AND NOT m.void"


class _Sqlite:
    def __init__(self, connection: sqlite3.Connection, url: str) -> None:
        self._connection = connection
        self._url = url
        self.revision = REVISION

    def rows(self, sql: str, parameters: Mapping[str, object]) -> Sequence[Row]:
        try:
            return self._connection.execute(sql, dict(parameters)).fetchall()
        except sqlite3.DatabaseError as error:
            raise StoreError(
                f"store {self._url}: {error}. Check that the file is a sweeper store and not damaged"
            ) from error

    def now(self) -> float:
        return time.time()


@contextmanager
def _sqlite(url: str, path: Path, uid: str | None) -> Iterator[ReadConnection]:
    if not check_sqlite_file(url, path):
        raise absent(url)
    connection = _open_sqlite(url, path)
    try:
        reader = _Sqlite(connection, url)
        found = reader.rows("SELECT name FROM sqlite_master WHERE name = 'sweeper_alembic_version'", {})
        connection.execute("BEGIN")  # one state from here on, whatever others write
        reader.revision = _revision(reader if found else None, url)
        if uid is not None and [*reader.rows("SELECT uid FROM sweeper_store", {})] != [(uid,)]:
            raise other_store(url)
        yield reader
    finally:
        connection.close()


def _open_sqlite(url: str, path: Path) -> sqlite3.Connection:
    """Open a file read-only; on a read-only disk, where WAL's shared memory cannot be created, as immutable."""
    name = path.absolute().as_uri()
    for options in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(f"{name}?{options}", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError as error:
            reason = error
            connection.close()
        else:
            return connection
    raise StoreError(f"store {url}: {reason}. Check the file and its permissions") from reason


def _revision(reader: ReadConnection | None, url: str) -> str:
    found = reader.rows("SELECT version_num FROM sweeper_alembic_version", {}) if reader is not None else []
    if not found:
        raise absent(url)
    revision = str(found[0][0])
    if revision > REVISION:
        raise StoreError(
            f"store {shown(url)}: created by a newer version of sweeper (schema {revision}; this version supports up "
            f"to {REVISION}). Update sweeper, or choose another store with --store"
        )
    if revision < OLDEST:
        raise StoreError(
            f"store {shown(url)}: created by an older version of sweeper (schema {revision}, now {REVISION}). "
            "`sweeper launch` or `sweeper worker` migrates it"
        )
    return revision


@contextmanager
def _server(url: str, uid: str | None) -> Iterator[ReadConnection]:
    from sqlalchemy import Connection, text  # noqa: PLC0415 - only needed for a server

    from sweeper.store import clock  # noqa: PLC0415
    from sweeper.store.engine import open_existing  # noqa: PLC0415
    from sweeper.store.transactions import reading  # noqa: PLC0415

    class Server:
        revision = REVISION  # it was migrated when it was opened

        def __init__(self, connection: Connection) -> None:
            self._connection = connection

        def rows(self, sql: str, parameters: Mapping[str, object]) -> Sequence[Row]:
            return [tuple(row) for row in self._connection.execute(text(sql), dict(parameters))]

        def now(self) -> float:
            return clock.read(self._connection).at

    engine = open_existing(url, uid)
    try:
        with reading(engine.execution_options(isolation_level="REPEATABLE READ")) as connection:
            yield Server(connection)
    finally:
        engine.dispose()
