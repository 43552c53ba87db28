"""Several processes that open a database at the same time: it becomes one store, once."""

import multiprocessing
import os
import sqlite3
import uuid
from collections.abc import Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import Enrolment
from sweeper.store.migrating import migrate
from sweeper.store.reading import reader
from tests.sweeper.store.builders import enrolled, levels, phase

LAUNCHES = 4
ROUNDS = 10 if os.environ.get("SWEEPER_TEST_STORE") == "postgresql" else 4


def launch(barrier: Barrier, urls: list[str]) -> list[Enrolment | str]:
    """What a launch finds in each database; the launches begin each round together."""
    found: list[Enrolment | str] = []
    for url in urls:
        barrier.wait(timeout=120)
        try:
            engine = open_store(url, create=True)
            found.append(enrolled(engine, phase("screen", levels(5))))
            engine.dispose()
        except Exception as error:
            found.append(f"{type(error).__name__}: {error}"[:500])
    return found


def all_at_once(urls: list[str]) -> list[list[Enrolment | str]]:
    """What each launch found, by round."""
    spawned = multiprocessing.get_context("spawn")
    with spawned.Manager() as manager, spawned.Pool(LAUNCHES) as pool:
        barrier = manager.Barrier(LAUNCHES)
        found = pool.starmap(launch, [(barrier, urls)] * LAUNCHES, chunksize=1)
    return [list(each) for each in zip(*found, strict=True)]


def check(rounds: list[list[Enrolment | str]], urls: list[str]) -> None:
    errors = [each for found in rounds for each in found if isinstance(each, str)]
    assert errors == [], f"{len(errors)} of {len(rounds) * LAUNCHES} launches failed"
    for found, url in zip(rounds, urls, strict=True):
        assert sorted(each.added for each in found if not isinstance(each, str)) == [0, 0, 0, 5]
        with reader.connect(url) as connection:
            assert [study.name for study in reader.studies(connection)] == ["s"]


@pytest.fixture
def databases(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """Empty databases, one per round: on a server, or in files that hold a table of something else."""
    if url.startswith("sqlite:"):
        paths = [tmp_path / f"{number}.db" for number in range(ROUNDS)]
        for path in paths:
            with sqlite3.connect(path) as connection:
                connection.execute("CREATE TABLE songs (name TEXT)")
            connection.close()
        yield [f"sqlite:///{path}" for path in paths]
        return
    cluster = request.getfixturevalue("cluster")
    names = [f"first_{uuid.uuid4().hex[:12]}" for _ in range(ROUNDS)]
    yield [cluster.url(name) for name in names]
    for name in names:
        cluster.drop(name)


def test_first_launches_make_one_store(databases: list[str]) -> None:
    check(all_at_once(databases), databases)


def test_launches_migrate_an_older_store_once(databases: list[str]) -> None:
    for url in databases:
        engine = create_engine(url)
        with engine.begin() as connection:
            migrate(connection, "0001")
        engine.dispose()
    check(all_at_once(databases), databases)
