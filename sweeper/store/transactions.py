"""Transactions on an open store, begun so that they never have to be upgraded, and upserts on both databases."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from sqlalchemy import Connection, Engine, Insert, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError, IntegrityError, ProgrammingError

from sweeper.errors import StoreError
from sweeper.store.url import shown

BUSY_TIMEOUT_S: Final = 60.0
READ_ONLY: Final = "sweeper_read_only"  # the execution option that makes a transaction a reading one

REMEDIES: Final = {  # a part of SQLite's message: what to do about it
    "locked": f"Another process has held it for {BUSY_TIMEOUT_S:.0f} s; look for one that hangs, and try again",
    "readonly": "Make the file and its folder writable",
    "disk is full": "Free some space on its disk, then run the same command again",
    "disk I/O error": "Check the disk that it is on",
    "malformed": "The file is damaged; restore a copy of it",
    "not a database": "Name another file with --store",
    "no such table": "It is not a store of sweeper's, or a damaged one; name another with --store",
}


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes. On SQLite it takes the write lock at once and waits for it: it cannot fail later.

    Raises:
        StoreError: the database refuses: locked for too long, full, read-only, damaged, gone.
    """
    with translated(engine), engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A transaction that reads one consistent state and waits for no writer.

    Raises:
        StoreError: the database refuses.
    """
    with translated(engine), engine.connect() as plain:
        yield plain.execution_options(**{READ_ONLY: True})


@contextmanager
def translated(engine: Engine) -> Iterator[None]:
    """Turns what the database refuses into errors that a user understands; broken constraints pass."""
    try:
        yield
    except (IntegrityError, ProgrammingError):
        raise
    except DatabaseError as error:
        raise refused(engine.url.render_as_string(hide_password=False), str(error.orig)) from error


def refused(url: str, reason: str) -> StoreError:
    """The error for what the database said, with what to do about it."""
    remedy = next((text for part, text in REMEDIES.items() if part in reason), "Check that it can be reached")
    return StoreError(f"store {shown(url)}: {reason.strip()}. {remedy}")


def upsert(
    connection: Connection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    keys: Sequence[str],
    update: Sequence[str],
) -> None:
    """Inserts rows; one that is there takes the new values of the `update` columns, or stays if there are none."""
    if rows:
        statement = _upsert(connection.dialect.name, table, tuple(keys), tuple(update))
        connection.execute(statement, [dict(row) for row in rows])


@cache
def _upsert(dialect: str, table: Table, keys: tuple[str, ...], update: tuple[str, ...]) -> Insert:
    """The statement, made once: making it takes twenty times as long as running it."""
    insert = (postgresql.insert if dialect == "postgresql" else sqlite.insert)(table)
    if not update:
        return insert.on_conflict_do_nothing(index_elements=list(keys))
    return insert.on_conflict_do_update(
        index_elements=list(keys), set_={name: insert.excluded[name] for name in update}
    )
