"""What is known of a store before it is opened: its URL, its file and its schema. Imports nothing heavy."""

import os
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from sweeper.errors import AbsentStoreError, StoreError

REVISION: Final = "0009"  # of our schema: the newest of migrations/versions
BUSY_TIMEOUT_S: Final = 60.0  # how long SQLite waits for a lock
DEFAULT_URL: Final = "sqlite:///sweeper.db"
ENVIRONMENT_VARIABLE: Final = "SWEEPER_STORE"
SQLITE: Final = ("sqlite", "sqlite+pysqlite")
POSTGRESQL: Final = ("postgresql", "postgresql+psycopg")
CREDENTIALS: Final = re.compile(r"(://[^:/@]*):.*@", re.DOTALL)
PASSWORD_OPTION: Final = re.compile(r"([?&][^=&]*password[^=&]*=)[^&]*", re.IGNORECASE)

NO_PORT: Final = re.compile(r"^([^:/?\[]*):(?!\d*(?:[/?]|$))[^/?]*")  # e.g. a password without its @ and host


def store_url(option: str | None, environ: Mapping[str, str]) -> str:
    """Return the store to use: ``--store``, else ``$SWEEPER_STORE``, else a file in the working directory."""
    return option or environ.get(ENVIRONMENT_VARIABLE) or DEFAULT_URL


def shown(url: str) -> str:
    """Return the URL with its password hidden, for messages; if it is unclear what the password is, hide more."""
    head, separator, rest = url.partition("://")
    if separator and head in SQLITE:
        return url
    if not separator:
        head, rest = "", url
    user, at, place = rest.rpartition("@")
    if at and ":" in user:
        rest = f"{user.partition(':')[0]}:***@{place}"
    elif separator and not at:
        rest = NO_PORT.sub(r"\1:***", rest)
    return f"{head}{separator}" + PASSWORD_OPTION.sub(r"\1***", rest)


def without_passwords(text: str) -> str:
    """Return a text with the passwords in its URLs hidden."""
    return PASSWORD_OPTION.sub(r"\1***", CREDENTIALS.sub(r"\1:***@", text))


def sqlite_path(url: str) -> Path | None:
    """Return the file of a SQLite store; None for a store on a server.

    Raises:
        StoreError: the URL is not that of a database that several processes can share.
    """
    dialect, separator, rest = url.partition("://")
    if not separator:
        server, file = "postgresql://USER@HOST/DATABASE for a server", f"sqlite:///{url or 'sweeper.db'}"
        remedy = server if "@" in url else f"sqlite:///PATH for a file, e.g. --store {file}"
        raise StoreError(f"store {shown(url)!r} is not a URL. Use {remedy}")
    if dialect in POSTGRESQL:
        if rest.count("@") > 1:  # the driver would take everything after the first for the host, and print it
            raise StoreError(f"store {shown(url)}: contains more than one @. Write %40 for an @ in user or password")
        return None
    if dialect not in SQLITE:
        raise StoreError(
            f"store {shown(url)}: {dialect!r} databases are not supported. "
            "Use sqlite:///PATH, or postgresql+psycopg://USER:PASSWORD@HOST/DATABASE"
        )
    name = rest.partition("?")[0].removeprefix("/")
    if not rest.startswith("/") or not name or name == ":memory:" or "?" in rest:
        raise StoreError(
            f"store {url}: not a file that several processes can open. "
            "Use sqlite:///PATH, with four slashes for an absolute path"
        )
    return Path(name)


def absent(url: str) -> AbsentStoreError:
    """Return the error for a store that does not exist."""
    return AbsentStoreError(f"no store at {shown(url)}. Run `sweeper launch` first, or choose one with --store")


def other_store(url: str) -> StoreError:
    """Return the error for a database or file that holds another store than before, or none."""
    if sqlite_path(url) is not None:
        return replaced(url, "the file was replaced by another one")
    return StoreError(
        f"store {shown(url)}: the database no longer holds this store, but another one or none; nothing was written to "
        "it. Is it another server, after a failover or a restored backup? Connect to the one that has it, then run the "
        "same command again, or choose another store with --store"
    )


def replaced(url: str, what: str) -> StoreError:
    """Return the error for a store whose file is gone."""
    return StoreError(
        f"store {shown(url)}: {what} during the run, which has stopped. "
        "Restore the file, or launch again: a new store picks up what is in the run directories"
    )


def check_sqlite_file(url: str, path: Path) -> bool:
    """Return whether there is a database at the path; an empty file counts as none.

    Raises:
        StoreError: the directory is missing, or the file is not a database.
    """
    if path.is_dir():
        raise StoreError(f"store {url}: {path} is a directory. Name a file in it: sqlite:///{path / 'sweeper.db'}")
    if not path.parent.is_dir():
        raise StoreError(
            f"store {url}: the directory {path.parent} does not exist. Create it (mkdir -p {path.parent}), "
            "or choose another store with --store; four slashes begin an absolute path"
        )
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"store {url}: {path} cannot be read ({error.strerror}). Check its permissions") from error
    if size == 0:
        return False
    if not os.access(path, os.R_OK):
        raise StoreError(f"store {url}: {path} cannot be read (Permission denied). Check its permissions")
    if not _has_header(path):
        raise StoreError(f"store {url}: {path} is not an SQLite database. Choose another file with --store")
    return True


def _has_header(path: Path) -> bool:
    """Return whether SQLite takes a file for a database.

    The file must not be opened in any other way: closing it would release, by POSIX's rules, all locks that this
    process holds on it through SQLite (sqlite.org/howtocorrupt.html, section 2.2), and another process could then
    remove the write-ahead log under an open connection.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0.0)
    try:
        connection.execute("SELECT 1 FROM sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        return "not a database" not in str(error)  # other errors are reported when it is opened
    finally:
        connection.close()
    return True
