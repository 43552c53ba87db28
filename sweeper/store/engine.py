"""Open a store: create it, migrate it, and configure the database so that many processes can share it.

SQLite runs in WAL mode with ``synchronous=NORMAL``: readers never wait, a commit costs about 0.01 ms, and neither a
crash nor a power failure corrupts a store. A power failure (not a killed process) may lose the commits of the last
moments; their trials then resume from their checkpoints. WAL needs a file system with shared memory: on a network
drive, use PostgreSQL.

A new SQLite store is built under a temporary name and linked into place, so nobody sees an incomplete one.
"""

import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, func, inspect, make_url, select, text
from sqlalchemy.exc import ArgumentError, OperationalError

from sweeper.errors import StoreError
from sweeper.extras import how_to_install
from sweeper.store import optuna_tables, schema
from sweeper.store.clock import start_clock
from sweeper.store.migrating import known_revisions, migrate
from sweeper.store.same_store import keep_to
from sweeper.store.transactions import READ_ONLY, TURNS, reading, refused, writing
from sweeper.store.turns import Turns
from sweeper.store.url import BUSY_TIMEOUT_S, REVISION, absent, check_sqlite_file, shown, sqlite_path

ADVISORY_LOCK: Final = 0x73776565706572  # "sweeper", so that no other program is likely to use it


def open_store(url: str, *, create: bool, uid: str | None = None) -> Engine:
    """Open a store for reading and writing; the caller disposes of the engine.

    An older store is migrated. With `create`, a missing one is created, beside whatever Optuna already keeps in that
    database.

    Args:
        uid: the identity of the store that it should be (`sweeper.store.same_store`); None if any will do.

    Raises:
        StoreError: the store is missing and `create` is false, cannot be reached or written, is not a database, was
            created by a newer version, or is another one; the message names the URL, the reason and the remedy.
    """
    path = sqlite_path(url)
    if path is not None:
        _check_writable(url, path)
        if not check_sqlite_file(url, path):
            if not create:
                raise absent(url)
            _make_sqlite(path)
    engine = _engine(url, path)
    try:
        if uid is not None:  # another store is not even migrated
            keep_to(engine, uid)
        _bring_up_to_date(engine, url, create=create)
        if uid is None:
            keep_to(engine)
        start_clock(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_existing(url: str, uid: str | None = None) -> Engine:
    """Open an existing store; loads neither Alembic nor Optuna if the store is up to date."""
    return open_store(url, create=False, uid=uid)


def _engine(url: str, path: Path | None) -> Engine:
    if path is None:
        try:
            engine = create_engine(make_url(url), pool_pre_ping=True)
        except (ArgumentError, ImportError) as error:
            raise StoreError(f"store {shown(url)}: {error}. {how_to_install('postgresql')}") from error
        except ValueError:  # which says what it was
            raise StoreError(
                f"store {shown(url)}: the port is not a number. "
                "Write postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
            ) from None
        event.listen(engine, "do_connect", _connect_to_server)
        return engine
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_TIMEOUT_S})
    engine.update_execution_options(**{TURNS: Turns(path.parent)})
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "begin", _begin)
    return engine


def _connect_to_server(_dialect: object, _record: object, arguments: list[Any], parameters: dict[str, Any]) -> object:
    from sweeper.store.server_connection import connect  # noqa: PLC0415 - only needed for a server

    return connect(*arguments, **parameters)


def _unhurried(connection: Connection) -> AbstractContextManager[None]:
    """Return a context without a server's time-outs, for the rest of a transaction."""
    if connection.dialect.name == "sqlite":
        return nullcontext()
    from sweeper.store.server_connection import BoundedConnection, unhurried  # noqa: PLC0415

    driver = connection.connection.driver_connection
    assert isinstance(driver, BoundedConnection)
    return unhurried(driver)


def _set_up_connection(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # `_begin` begins transactions, not the driver
    cursor = connection.cursor()
    _use_wal(cursor)
    for pragma in ("synchronous = NORMAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _use_wal(cursor: sqlite3.Cursor) -> None:
    """Switch a file to WAL mode, once in its life; SQLite does not wait for others that have it open meanwhile."""
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    """Begin a transaction; one that may write takes the write lock at once, where waiting is possible.

    A transaction that reads first and writes later fails at once if another one has written in between, whatever the
    busy time-out.
    """
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _check_writable(url: str, path: Path) -> None:
    for each in (path, path.parent):
        if each.exists() and not os.access(each, os.W_OK):
            raise StoreError(
                f"store {url}: {each} is read-only. Make it writable, or copy the store to another directory"
            )


def _make_sqlite(path: Path) -> None:
    """Build a complete store beside `path` and move it there, unless another process was faster."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as directory:
        draft = Path(directory) / "store.db"
        draft.touch(mode=0o600)  # SQLite makes the files beside it with the same permissions
        _fill_sqlite(draft)
        if path.exists() and path.stat().st_size == 0:
            draft.replace(path)
            return
        with suppress(FileExistsError):
            os.link(draft, path)


def _fill_sqlite(path: Path) -> None:
    """Make all tables in an empty file."""
    url = f"sqlite:///{path}"
    engine = _engine(url, path)
    try:
        _make_optuna_tables(url)
        with writing(engine) as connection:
            migrate(connection)
    finally:
        engine.dispose()


def _bring_up_to_date(engine: Engine, url: str, *, create: bool) -> None:
    if _is_current(engine, url):
        return
    with _alone(engine):
        if not _is_current(engine, url):  # another process may have been faster
            _update(engine, url, create=create)


def _is_current(engine: Engine, url: str) -> bool:
    try:
        return _versions(engine) == (REVISION, optuna_tables.SCHEMA_VERSION)
    except OperationalError as error:
        raise refused(url, error) from error


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Keep other processes from creating or migrating the same store in the meantime.

    Optuna makes its tables on connections of its own, so a lock on them would keep it out as well. On a server it is
    the advisory lock of a transaction that does nothing else; for a file, its turn.
    """
    turns: Turns | None = engine.get_execution_options().get(TURNS)
    if turns is not None:
        with turns.alone():
            yield
        return
    with writing(engine) as connection, _unhurried(connection):  # another process may be migrating a large store
        connection.execute(select(func.pg_advisory_xact_lock(ADVISORY_LOCK)))
        yield


def _update(engine: Engine, url: str, *, create: bool) -> None:
    ours = _versions(engine)[0]
    if ours is None and not create:
        raise absent(url)
    if ours is not None and ours not in known_revisions():
        raise StoreError(
            f"store {shown(url)}: created by a newer version of sweeper (schema {ours}; this version supports up to "
            f"{REVISION}). Update sweeper, or choose another store with --store"
        )
    _make_optuna_tables(url)
    optunas = _versions(engine)[1]
    if optunas != optuna_tables.SCHEMA_VERSION:
        raise StoreError(
            f"store {shown(url)}: Optuna's tables have version {optunas}, but this version of sweeper writes "
            f"{optuna_tables.SCHEMA_VERSION}. Update sweeper, or choose another store with --store"
        )
    with writing(engine) as connection, _unhurried(connection):
        migrate(connection)


def _versions(engine: Engine) -> tuple[str | None, str | None]:
    """Return our revision and Optuna's; None for missing tables."""
    with reading(engine) as connection:
        tables = set(inspect(connection).get_table_names())

        def version(table: str) -> str | None:
            if table not in tables:
                return None
            # The table is one of two constants of ours.
            found = connection.execute(text(f"SELECT version_num FROM {table}")).scalar()  # noqa: S608
            return None if found is None else str(found)

        return version(schema.VERSION_TABLE), version("alembic_version")


def _make_optuna_tables(url: str) -> None:
    """Let Optuna create its tables, and check existing ones."""
    from optuna.storages import RDBStorage  # noqa: PLC0415 - takes half a second, and only a new store needs it

    try:
        storage = RDBStorage(url)
    except RuntimeError as error:
        raise StoreError(f"store {shown(url)}: {error}") from error
    storage.remove_session()
    storage.engine.dispose()
