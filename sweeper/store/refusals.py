"""What a database's errors mean, told by their codes: messages come in the server's language."""

import sqlite3
from typing import Final

from sqlalchemy.exc import DatabaseError

# Connection lost; not enough resources; shut down or starting up; deadlocks and the like; a lock or a statement that
# took too long. https://www.postgresql.org/docs/current/errcodes-appendix.html
PASSING_CLASSES: Final = ("08", "53", "40")
PASSING: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "57014", "55P03", "25P03"})
FULL: Final = "53100"  # the server's disk: somebody has to do something about it
MISSING: Final = frozenset({"42P01", "3F000", "3D000"})  # a table, a schema, a database
SQLITE_PASSING: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})
PRIMARY_CODE: Final = 0xFF  # of SQLite's extended codes


def passes(error: DatabaseError) -> bool:
    """Return whether the same call may succeed later, without anybody doing anything to this store."""
    original = error.orig
    if isinstance(original, sqlite3.Error):
        code: int | None = getattr(original, "sqlite_errorcode", None)
        return code is not None and code & PRIMARY_CODE in SQLITE_PASSING
    state: str | None = getattr(original, "sqlstate", None)
    if state is not None:
        return state != FULL and (state in PASSING or state.startswith(PASSING_CLASSES))
    return error.connection_invalidated or _never_got_in(original)


def _never_got_in(original: BaseException | None) -> bool:
    """Return whether a connection failed before anybody looked at who wants in: the driver gives these no code.

    A server that asked for a password and refused it will do so again.
    """
    from psycopg import OperationalError  # noqa: PLC0415 - only needed for a server

    if not isinstance(original, OperationalError):
        return False
    asked = original.pgconn
    return asked is None or not (asked.used_password or asked.needs_password)


def is_missing(error: DatabaseError) -> bool:
    """Return whether what the statement names does not exist."""
    return getattr(error.orig, "sqlstate", None) in MISSING
