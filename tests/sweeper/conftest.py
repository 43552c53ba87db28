"""A store for each test: copied from one that is made once, since Optuna takes a second to make its tables.

With SWEEPER_TEST_STORE=postgresql the stores are databases of a PostgreSQL cluster that is made for the tests.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sweeper.store.engine import open_store
from tests.sweeper import postgresql
from tests.sweeper.store.builders import new_store


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty_store")
    new_store(folder)
    return folder / "store.db"


@pytest.fixture(scope="session")
def cluster() -> Iterator[postgresql.Cluster]:
    folder = postgresql.programs()
    if folder is None:
        pytest.skip("PostgreSQL's server is not installed (Debian: apt-get install postgresql)")
    pytest.importorskip("psycopg", reason="the driver psycopg is not installed (pip install 'sweeper[postgresql]')")
    with postgresql.cluster(folder) as running:
        yield running


@pytest.fixture
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if os.environ.get("SWEEPER_TEST_STORE") == "postgresql":
        cluster = request.getfixturevalue("cluster")
        url, name = cluster.new_store()
        with pytest.MonkeyPatch.context() as patched:  # which no test undoes
            patched.setenv("SWEEPER_RUNS", str(tmp_path / "runs"))  # else they would go to the working directory
            yield url
        cluster.drop(name)
        return
    shutil.copy(request.getfixturevalue("empty_store"), tmp_path / "store.db")
    yield f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def sqlite_only(url: str) -> None:
    """For a test of what only SQLite has."""
    if not url.startswith("sqlite:"):
        pytest.skip("this is about SQLite")


@pytest.fixture
def server_only(url: str) -> None:
    """For a test of what only a server has, e.g. several writers at once."""
    if url.startswith("sqlite:"):
        pytest.skip("this is about PostgreSQL (make test-postgres)")


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_store(url, create=False)
    yield engine
    engine.dispose()
