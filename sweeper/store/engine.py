"""Open a store: make it, bring it up to date, and set the database up so that many processes can share it.

SQLite runs in WAL mode with ``synchronous=NORMAL``: readers never wait, a commit costs about 0.01 ms, and a store is
never corrupted by a crash or a power cut. A power cut (not a killed process) may lose the commits of the last moments;
their trials then run again from their checkpoints. WAL needs a file system with shared memory: a store on a network
drive belongs into PostgreSQL.

A new SQLite store is built under a temporary name and linked into place, so that nobody sees half of one.
"""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError

from sweeper.errors import StoreError
from sweeper.store import optuna_tables, schema
from sweeper.store.transactions import BUSY_TIMEOUT_S, READ_ONLY, reading, refused, writing
from sweeper.store.url import absent, check_sqlite_file, shown, sqlite_path


def open_store(url: str, *, create: bool) -> Engine:
    """Opens a store for reading and writing; the caller disposes of the engine.

    An older store is brought up to date. With `create`, one that is not there is made, beside whatever Optuna
    already keeps in that database.

    Raises:
        StoreError: the store is absent and `create` is false, cannot be reached or written, is no database, or was
            made by a newer version; the message names the URL, the reason and the remedy.
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
        _bring_up_to_date(engine, url, create=create)
    except BaseException:
        engine.dispose()
        raise
    return engine


def open_existing(url: str) -> Engine:
    """Opens a store that is there; loads neither Alembic nor Optuna as long as the store is up to date."""
    return open_store(url, create=False)


def _engine(url: str, path: Path | None) -> Engine:
    if path is None:
        try:
            return create_engine(make_url(url), pool_pre_ping=True)
        except (ArgumentError, ImportError) as error:
            raise StoreError(
                f"store {shown(url)}: {error}. Install the driver: pip install 'psycopg[binary]'"
            ) from error
        except ValueError:  # which says what it was
            raise StoreError(
                f"store {shown(url)}: what stands where the port would is no number. "
                "Write postgresql+psycopg://USER:PASSWORD@HOST:PORT/DATABASE"
            ) from None
    engine = create_engine(URL.create("sqlite", database=str(path)), connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _set_up_connection)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up_connection(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.isolation_level = None  # the driver shall not begin transactions: `_begin` does
    cursor = dbapi_connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    """A transaction that reads first and writes later fails at once when another wrote in between, busy time-out or no.

    So every transaction that may write takes the write lock at its beginning, where waiting is possible.
    """
    read_only = connection.get_execution_options().get(READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _check_writable(url: str, path: Path) -> None:
    for place in (path, path.parent):
        if place.exists() and not os.access(place, os.W_OK):
            raise StoreError(
                f"store {url}: {place} is read-only. Make it writable, or copy the store to another folder"
            )


def _make_sqlite(path: Path) -> None:
    """Builds a whole store beside `path` and puts it there, unless another process was faster."""
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        draft = Path(folder) / "store.db"
        url = f"sqlite:///{draft}"
        engine = _engine(url, draft)
        try:
            _make_optuna_tables(url)
            _migrate(engine)
        finally:
            engine.dispose()
        if path.exists() and path.stat().st_size == 0:
            draft.replace(path)
            return
        with suppress(FileExistsError):
            os.link(draft, path)


def _bring_up_to_date(engine: Engine, url: str, *, create: bool) -> None:
    try:
        ours, optunas = _versions(engine)
    except OperationalError as error:
        raise refused(url, str(error.orig)) from error
    if ours == schema.REVISION and optunas == optuna_tables.SCHEMA_VERSION:
        return
    if ours is None and not create:
        raise absent(url)
    if ours is not None and ours not in _known_revisions():
        raise StoreError(
            f"store {shown(url)}: it was made by a newer version of sweeper (its schema is {ours}, this version knows "
            f"up to {schema.REVISION}). Update sweeper, or name another store with --store"
        )
    _make_optuna_tables(url)
    optunas = _versions(engine)[1]
    if optunas != optuna_tables.SCHEMA_VERSION:
        raise StoreError(
            f"store {shown(url)}: Optuna's tables are of version {optunas}, and this version of sweeper writes "
            f"{optuna_tables.SCHEMA_VERSION}. Update sweeper, or name another store with --store"
        )
    _migrate(engine)


def _versions(engine: Engine) -> tuple[str | None, str | None]:
    """Our revision and Optuna's; None where the tables are not there."""
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
    """Has Optuna make its tables, and check those that are there."""
    from optuna.storages import RDBStorage  # noqa: PLC0415 - half a second that only a new store needs

    try:
        storage = RDBStorage(url)
    except RuntimeError as error:
        raise StoreError(f"store {shown(url)}: {error}") from error
    storage.remove_session()
    storage.engine.dispose()


def _migrate(engine: Engine) -> None:
    """Applies all migrations that the store lacks, in one transaction."""
    from alembic import command  # noqa: PLC0415

    with writing(engine) as connection:
        config = _alembic_config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _known_revisions() -> frozenset[str]:
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    scripts = ScriptDirectory.from_config(_alembic_config())
    return frozenset(revision.revision for revision in scripts.walk_revisions())


def _alembic_config() -> Any:
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    folder = str(Path(__file__).with_name("migrations")).replace("%", "%%")  # configparser's escape
    config.set_main_option("script_location", folder)
    config.set_main_option("path_separator", "os")
    return config
