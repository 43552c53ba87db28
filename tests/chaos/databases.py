"""Where rounds keep their stores: files, or a PostgreSQL server behind a proxy on loopback."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from tests.sweeper import postgresql
from tests.sweeper.postgresql import Cluster
from tests.sweeper.proxy import Proxy, proxy
from tests.sweeper.store.builders import new_store

Database = Literal["sqlite", "postgresql"]


@dataclass(frozen=True, slots=True)
class Place:
    """A store.

    Attributes:
        url: by which launches reach it.
        direct: by which checks do.
        database: its name on the server; empty for a file.
    """

    url: str
    direct: str
    database: str = ""


class Stores(Protocol):
    """Makes new stores, copies of an empty one."""

    def new(self, folder: Path) -> Place:
        """Make a store; files go to a folder, which is made."""

    def drop(self, place: Place) -> None:
        """Remove a store that is not needed any more."""


@dataclass(frozen=True, slots=True)
class Files:
    """SQLite files."""

    empty: Path

    def new(self, folder: Path) -> Place:
        """Copy the empty store."""
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(self.empty, folder / "store.db")
        url = f"sqlite:///{folder / 'store.db'}"
        return Place(url, url)

    def drop(self, place: Place) -> None:
        """Do nothing: its folder is removed."""


@dataclass(frozen=True, slots=True)
class Server:
    """Databases of a cluster, behind a proxy."""

    cluster: Cluster
    proxy: Proxy

    def new(self, folder: Path) -> Place:
        """Copy the empty database."""
        folder.mkdir(parents=True, exist_ok=True)
        direct, name = self.cluster.new_store()
        self.cluster.keep_commits(name)
        return Place(self.proxy.url(name), direct, name)

    def drop(self, place: Place) -> None:
        """Drop the database."""
        self.cluster.drop(place.database)


@contextmanager
def stores(database: Database, root: Path) -> Iterator[Stores]:
    """Provide stores of a kind for the time of the block."""
    if database == "sqlite":
        new_store(root)
        yield Files(root / "store.db")
        return
    programs = postgresql.programs()
    if programs is None:
        sys.exit("PostgreSQL's server is not installed. Debian: apt-get install postgresql")
    with postgresql.cluster(programs) as cluster, proxy(cluster.socket) as between:
        yield Server(cluster, between)
