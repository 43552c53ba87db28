"""See that an engine stays with one store.

A server may fail over to another database, and a file may be replaced. The rows of another store have the same ids, so
what a process writes there would be taken for that store's own. So each new connection is asked which store it leads
to, before anything is done on it; so is each claim, since a store can also be replaced under an open connection.
"""

import sqlite3
from typing import Any, Final

from sqlalchemy import Connection, Engine, event, select

from sweeper.store.refusals import MISSING
from sweeper.store.schema import store
from sweeper.store.transactions import reading
from sweeper.store.url import other_store

UID: Final = "sweeper_store_uid"  # the execution option of an engine that holds the identity of its store
QUERY: Final = f"SELECT {store.c.uid.name} FROM {store.name}"  # noqa: S608 - two names of ours


def keep_to(engine: Engine, uid: str | None = None) -> None:
    """Give an engine the identity of its store, which every new connection is compared with from now on.

    Args:
        uid: of the store that it should be; None for the one that it is.

    Raises:
        StoreError: the database holds another store.
    """
    if uid is None:
        with reading(engine) as connection:
            uid = str(connection.execute(select(store.c.uid)).scalar_one())
    engine.update_execution_options(**{UID: uid})
    url, expected = engine.url.render_as_string(hide_password=False), uid

    def compare(connection: Any, _record: object) -> None:
        if _found(connection) != expected:
            connection.close()
            raise other_store(url)

    event.listen(engine, "connect", compare, insert=True)  # before anything else is done on it


def uid_of(engine: Engine) -> str | None:
    """Return the identity of an engine's store; None if it is not known."""
    uid: str | None = engine.get_execution_options().get(UID)
    return uid


def ask(engine: Engine) -> None:
    """Check that an engine still leads to its store.

    Raises:
        StoreError: it does not.
    """
    with reading(engine) as connection:
        check(connection, str(connection.execute(select(store.c.uid)).scalar_one()))


def check(connection: Connection, uid: str | None) -> None:
    """Check that what a transaction reads is of the store that its engine belongs to.

    Args:
        uid: as read in the transaction; None if there is none.

    Raises:
        StoreError: it is another store.
    """
    expected = connection.get_execution_options().get(UID)
    if expected not in (None, uid):
        raise other_store(connection.engine.url.render_as_string(hide_password=False))


def _found(connection: Any) -> str | None:
    """Return the identity of the store that a new connection of the driver leads to; None if there is no store."""
    cursor = connection.cursor()
    try:
        cursor.execute(QUERY)
        row = cursor.fetchone()
    except Exception as error:
        if getattr(error, "sqlstate", None) in MISSING or _is_missing_from_file(error):
            return None
        raise
    finally:
        cursor.close()
        connection.rollback()
    return None if row is None else str(row[0])


def _is_missing_from_file(error: Exception) -> bool:
    return isinstance(error, sqlite3.OperationalError) and "no such table" in str(error)
