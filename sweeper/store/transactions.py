"""Transactions on an open store, begun so that they never have to be upgraded, and upserts on both databases."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Engine, Insert, Row, Table, literal
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError, IntegrityError, NoResultFound, ProgrammingError

from sweeper.errors import StoreError, StoreUnavailable
from sweeper.store.refusals import is_missing, passes
from sweeper.store.url import BUSY_TIMEOUT_S, shown

TURNS: Final = "sweeper_turns"  # the execution option of an engine that holds its `Turns` at a file
READ_ONLY: Final = "sweeper_read_only"  # the execution option that makes a transaction read-only

Record = Row[*tuple[Any, ...]]  # a row, its columns as attributes

REMEDIES: Final = {  # a part of SQLite's message, and what to do about it
    "locked": f"Another process has held its lock for {BUSY_TIMEOUT_S:.0f} s; find the one that hangs, then try again",
    "readonly": "Make the file and its directory writable",
    "disk is full": "Free some disk space, then run the same command again",
    "disk I/O error": "Check the disk that it is on",
    "malformed": "The file is damaged; restore a backup",
    "not a database": "Choose another file with --store",
    "no such table": "It is not a sweeper store, or it is damaged; choose another with --store",
}


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that writes. On SQLite it waits for the write lock at once, so it cannot fail later.

    Writers of a file take turns in the order of their requests.

    Raises:
        StoreUnavailable: the database does not answer now.
        StoreError: the database refuses: full, read-only, damaged or gone.
    """
    turns = engine.get_execution_options().get(TURNS)
    turn = nullcontext() if turns is None else turns.turn()  # after the connection, which takes time and needs none
    with translated(engine), engine.connect() as connection, turn, connection.begin():
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Begin a transaction that reads one consistent state and waits for no writer.

    Raises:
        StoreError: the database refuses.
    """
    with translated(engine), engine.connect() as plain:
        yield plain.execution_options(**{READ_ONLY: True})


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turn database errors into errors that a user understands; violated constraints pass."""
    try:
        yield
    except IntegrityError:
        raise
    except NoResultFound as error:
        raise no_longer_there(_url_of(engine)) from error
    except ProgrammingError as error:
        if not is_missing(error):
            raise
        raise no_longer_there(_url_of(engine)) from error
    except DatabaseError as error:
        raise refused(_url_of(engine), error) from error


def _url_of(engine: Engine) -> str:
    return engine.url.render_as_string(hide_password=False)


def refused(url: str, error: DatabaseError) -> StoreError:
    """Return the error for a database's message, with what to do about it."""
    reason = str(error.orig).strip()
    remedy = next((text for part, text in REMEDIES.items() if part in reason), "Check that it is reachable")
    kind = StoreUnavailable if passes(error) else StoreError
    return kind(f"store {shown(url)}: {reason}. {remedy}")


def no_longer_there(url: str) -> StoreError:
    """Return the error for a database in which our tables, or rows that nobody deletes, are missing."""
    return StoreError(
        f"store {shown(url)}: the database no longer holds this store. Is it another server, after a failover or a "
        "restored backup? Connect to the one that has it, or choose another store with --store"
    )


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, object]],
    *,
    keys: Sequence[str],
    update: Sequence[str],
) -> None:
    """Insert rows; an existing one takes the new values of the `update` columns, or stays if there are none."""
    if rows:
        statement = _upsert(connection.dialect.name, table, tuple(keys), tuple(update))
        connection.execute(statement, [dict(row) for row in rows])


def insert_if_new(connection: Connection, table: Table, row: Mapping[str, object], *, keys: Sequence[str]) -> bool:
    """Insert a row unless there is one with its keys, whoever inserts it; return whether it was inserted."""
    statement = _upsert(connection.dialect.name, table, tuple(keys), ())
    return connection.execute(statement.returning(literal(1)), dict(row)).first() is not None


@cache
def _upsert(dialect: str, table: Table, keys: tuple[str, ...], update: tuple[str, ...]) -> Insert:
    """Return the statement, built once: building it takes twenty times as long as running it."""
    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    if not update:
        return insert.on_conflict_do_nothing(index_elements=list(keys))
    return insert.on_conflict_do_update(
        index_elements=list(keys), set_={name: insert.excluded[name] for name in update}
    )
