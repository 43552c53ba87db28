"""An engine stays with its store: nothing is written into another one that has taken its place."""

import shutil
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, update

from sweeper.errors import StoreError
from sweeper.store import same_store, schema
from sweeper.store.engine import open_existing, open_store
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.same_store import uid_of
from sweeper.store.transactions import reading, writing
from tests.sweeper.postgresql import Cluster
from tests.sweeper.store.builders import SLOT, enrolled, levels, phase

ANOTHER = r"store postgresql.*no longer holds this store, but another one or none; nothing was written.* failover"
REPLACED = r"store sqlite:.*: the file was replaced by another one during the run, .*Restore the file, or launch again"


def renamed(url: str) -> None:
    """Give a store an identity of its own: those of tests are copies of one."""
    engine = open_store(url, create=False)
    with writing(engine) as connection:
        connection.execute(update(schema.store).values(uid=uuid.uuid4().hex))
    engine.dispose()


def with_study(url: str) -> None:
    engine = open_existing(url)
    enrolled(engine, phase("screen", levels(2)))
    engine.dispose()


def content(url: str) -> list[object]:
    """All rows of a store's queue."""
    engine = create_engine(url)
    tables = (schema.runners, schema.trials, schema.attempts, schema.measurements, schema.studies)
    with engine.connect() as connection:
        rows = [[tuple(row) for row in connection.execute(table.select())] for table in tables]
    engine.dispose()
    return [sorted(map(repr, each)) for each in rows]


@dataclass
class Pair:
    """An engine of a store with a study, and another store with the same study, which can take its place."""

    engine: Engine
    url: str
    other: str

    def swap(self) -> None:
        """Let the other store take the place of the engine's; the engine has to connect anew."""


@dataclass
class Files(Pair):
    def swap(self) -> None:
        self.engine.dispose()
        path = Path(self.url.removeprefix("sqlite:///"))
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        shutil.copy(self.other.removeprefix("sqlite:///"), path)


@dataclass
class Databases(Pair):
    cluster: Cluster | None = None
    names: tuple[str, str] = ("", "")

    def swap(self) -> None:
        assert self.cluster is not None
        self.cluster.exchange(*self.names)


@pytest.fixture
def pair(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> Iterator[Pair]:
    found: Pair
    if url.startswith("sqlite:"):
        shutil.copy(url.removeprefix("sqlite:///"), tmp_path / "other.db")
        found = Files(open_existing(url), url, f"sqlite:///{tmp_path / 'other.db'}")
    else:
        cluster: Cluster = request.getfixturevalue("cluster")
        other, name = cluster.new_store()
        mine = url.rpartition("?")[0].rpartition("/")[2]
        found = Databases(open_existing(url), url, other, cluster=cluster, names=(mine, name))
    renamed(found.other)
    for each in (found.url, found.other):
        with_study(each)
    yield found
    found.engine.dispose()
    if isinstance(found, Databases):
        assert found.cluster is not None
        found.cluster.drop(found.names[1])


def refusal() -> str:
    return f"{ANOTHER}|{REPLACED}"


def test_another_store_in_the_place_of_an_engine_s_is_refused_and_not_written_to(pair: Pair) -> None:
    lease = queue.claim_trial(pair.engine, 1, SLOT, lease_s=60.0)
    assert lease is not None
    other = open_existing(pair.other)  # which has the same lease, by its numbers
    twin = queue.claim_trial(other, 1, SLOT, lease_s=60.0, token=lease.token)
    assert twin is not None
    assert (twin.attempt_id, twin.trial_id, twin.fence) == (lease.attempt_id, lease.trial_id, lease.fence)
    other.dispose()
    before = content(pair.other)
    pair.swap()
    for call in (
        lambda: queue.claim_trial(pair.engine, 1, SLOT, lease_s=60.0),
        lambda: queue.renew(pair.engine, lease, lease_s=60.0, device_seconds=1.0, peak_memory_bytes=None),
        lambda: queue.retry_failed(pair.engine, 1),
        lambda: same_store.ask(pair.engine),
    ):
        with pytest.raises(StoreError, match=refusal()):
            call()
    assert content(pair.url) == before


def test_another_store_is_not_even_opened_by_the_identity_of_the_first(pair: Pair) -> None:
    uid = uid_of(pair.engine)
    assert uid is not None
    open_existing(pair.url, uid).dispose()
    pair.swap()
    with pytest.raises(StoreError, match=refusal()):
        open_existing(
            pair.url if isinstance(pair, Files) else pair.engine.url.render_as_string(hide_password=False), uid
        )


def test_a_reader_for_an_engine_reads_of_its_store_alone(pair: Pair) -> None:
    with reader.connect(pair.engine) as connection:
        assert reader.study(connection, "s").id == 1
    pair.swap()
    with pytest.raises(StoreError, match=refusal()), reader.connect(pair.engine):
        pass


def test_an_older_store_of_another_identity_is_not_migrated(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    connection = sqlite3.connect(path)
    connection.executescript((Path(__file__).parent / "fixtures" / "store_0003.sql").read_text())
    connection.close()
    before = path.read_bytes()
    with pytest.raises(StoreError, match=REPLACED):
        open_existing(f"sqlite:///{path}", uuid.uuid4().hex)
    assert path.read_bytes() == before


def test_a_database_without_a_store_is_refused(url: str, server_only: None, cluster: Cluster) -> None:
    engine = open_existing(url)
    empty = f"empty_{uuid.uuid4().hex}"
    cluster.url(empty)
    cluster.exchange(url.rpartition("?")[0].rpartition("/")[2], empty)
    with pytest.raises(StoreError, match=ANOTHER):
        queue.next_due(engine, 1)
    engine.dispose()
    cluster.drop(empty)


def test_a_store_restored_into_an_open_file_is_noticed_by_the_next_claim(
    url: str, engine: Engine, sqlite_only: None, tmp_path: Path
) -> None:
    """As `.restore` of SQLite's shell does: the file and its connections stay."""
    other = tmp_path / "other.db"
    shutil.copy(url.removeprefix("sqlite:///"), other)
    renamed(f"sqlite:///{other}")
    for each in (url, f"sqlite:///{other}"):
        with_study(each)
    with reading(engine):
        pass
    source, target = sqlite3.connect(other), sqlite3.connect(url.removeprefix("sqlite:///"))
    source.backup(target)
    for connection in (source, target):
        connection.close()
    before = content(url)
    with pytest.raises(StoreError, match=REPLACED):
        queue.claim_trial(engine, 1, SLOT, lease_s=60.0)
    assert content(url) == before
