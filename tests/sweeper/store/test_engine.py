"""Opening stores: new ones, old ones, and what is none."""

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import optuna
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from optuna.storages import RDBStorage
from sqlalchemy import Engine, text

from sweeper.errors import StoreError
from sweeper.store import schema
from sweeper.store.engine import open_existing, open_store
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.transactions import reading, writing
from sweeper.store.url import REVISION
from tests.sweeper.store.builders import SLOT, enrolled, levels, new_store, phase


@pytest.fixture
def new(tmp_path: Path) -> Iterator[Engine]:
    engine = open_store(f"sqlite:///{tmp_path / 'new.db'}", create=True)
    yield engine
    engine.dispose()


def refusal(url: str, *, create: bool = True) -> str:
    with pytest.raises(StoreError) as error:
        open_store(url, create=create).dispose()
    assert error.value.exit_code == 2
    return str(error.value)


def test_only_its_owner_can_read_a_new_store(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        engine = open_store(f"sqlite:///{tmp_path / 'new.db'}", create=True)
        with writing(engine):
            modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
        engine.dispose()
    finally:
        os.umask(before)
    assert set(modes.values()) == {0o600}
    assert "new.db" in modes


def test_a_new_store_has_the_tables_that_the_schema_describes(new: Engine) -> None:
    with reading(new) as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: kind != "table" or str(name).startswith("sweeper_"),
                "version_table": schema.VERSION_TABLE,
                "compare_type": True,
            },
        )
        assert compare_metadata(context, schema.metadata) == []
        revision = connection.execute(text(f"SELECT version_num FROM {schema.VERSION_TABLE}")).scalar_one()
        assert revision == REVISION


def test_a_new_store_is_set_up_for_many_processes(new: Engine) -> None:
    with reading(new) as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 1, "foreign_keys": 1, "busy_timeout": 60_000}


def test_nothing_is_left_beside_a_new_store(new: Engine, tmp_path: Path) -> None:
    new.dispose()
    assert [path.name for path in tmp_path.iterdir()] == ["new.db"]


def test_a_store_is_opened_again_as_it_is(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(2))).study_id
    again = open_store(url, create=True)
    assert queue.counts(again, study)["waiting"] == 2
    again.dispose()


def test_optuna_s_own_studies_stay_beside_ours(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    storage = RDBStorage(url)
    optuna.create_study(storage=storage, study_name="mine")
    storage.remove_session()
    storage.engine.dispose()
    assert "no store at" in refusal(url, create=False)
    engine = open_store(url, create=True)
    enrolled(engine, phase("screen", levels(1)))
    with reading(engine) as connection:
        names = connection.execute(text("SELECT study_name FROM studies ORDER BY study_id")).scalars().all()
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    engine.dispose()
    assert names == ["mine", "s/screen"]


def test_many_may_make_the_same_store_at_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'store.db'}"
    script = f"from sweeper.store.engine import open_store\nopen_store({url!r}, create=True).dispose()\n"
    makers = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [maker.wait() for maker in makers] == [0, 0, 0]
    engine = open_existing(url)
    assert enrolled(engine, phase("screen", levels(4))).added == 4
    engine.dispose()
    assert [path.name for path in tmp_path.iterdir()] == ["store.db"]


def test_a_relative_url_is_a_file_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    open_store("sqlite:///sweeper.db", create=True).dispose()
    assert (tmp_path / "sweeper.db").is_file()


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    (tmp_path / "store.db").touch()
    url = f"sqlite:///{tmp_path / 'store.db'}"
    assert "no store at" in refusal(url, create=False)
    open_store(url, create=True).dispose()
    open_existing(url).dispose()


def test_an_absent_store_is_said_to_be_absent(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'none.db'}"
    expected = f"no store at {url}. Run `sweeper launch` first, or choose one with --store"
    assert refusal(url, create=False) == expected
    with pytest.raises(StoreError, match="no store at"), reader.connect(url):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    message = refusal(f"sqlite:///{tmp_path / 'no' / 'store.db'}")
    assert f"the directory {tmp_path / 'no'} does not exist. Create it (mkdir -p {tmp_path / 'no'})" in message


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    assert f"{tmp_path} is a directory. Name a file in it" in refusal(f"sqlite:///{tmp_path}")


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("buy milk, and a great many other things")
    url = f"sqlite:///{path}"
    assert f"{path} is not an SQLite database" in refusal(url)
    with pytest.raises(StoreError, match="is not an SQLite database"), reader.connect(url):
        pass
    assert path.read_text().startswith("buy milk")


@pytest.mark.usefixtures("sqlite_only")
def test_a_damaged_store_is_an_error_of_the_store(url: str) -> None:
    path = Path(url.removeprefix("sqlite:///"))
    path.write_bytes(path.read_bytes()[:100] + b"\xff" * 8000)
    assert "malformed" in refusal(url)
    with pytest.raises(StoreError, match="malformed"), reader.connect(url) as connection:
        reader.studies(connection)


def test_a_database_of_something_else_is_no_store(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'other.db'}"
    connection = sqlite3.connect(tmp_path / "other.db")
    connection.execute("CREATE TABLE songs (name TEXT)")
    connection.commit()
    connection.close()
    assert "no store at" in refusal(url, create=False)
    with pytest.raises(StoreError, match="no store at"), reader.connect(url):
        pass


@pytest.mark.usefixtures("sqlite_only")
def test_a_read_only_store_is_refused_for_writing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: not mode & os.W_OK)  # root may write everything
    assert "store.db is read-only. Make it writable" in refusal(url)


def test_a_newer_store_is_refused_and_left_alone(engine: Engine, url: str) -> None:
    with writing(engine) as connection:
        connection.execute(text(f"UPDATE {schema.VERSION_TABLE} SET version_num = '9999'"))
    expected = "created by a newer version of sweeper (schema 9999"
    assert expected in refusal(url)
    with pytest.raises(StoreError, match=r"newer version of sweeper \(schema 9999"), reader.connect(url):
        pass


def test_optuna_s_tables_of_another_version_are_refused(engine: Engine, url: str) -> None:
    with writing(engine) as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'v9.0.0.a'"))
    assert "no longer compatible with the table schema" in refusal(url)


@pytest.mark.parametrize(
    ("url", "part"),
    [
        ("runs.db", "'runs.db' is not a URL. Use sqlite:///PATH for a file, e.g. --store sqlite:///runs.db"),
        ("mysql://me:secret@db/x", "store mysql://me:***@db/x: 'mysql' databases are not supported"),
        (
            "postgresql:/me:secret@db/x",
            "store 'postgresql:***@db/x' is not a URL. Use postgresql://USER@HOST/DATABASE",
        ),
        ("postgresql://me:a@secret@db/x", "store postgresql://me:***@db/x: contains more than one @. Write %40"),
        ("postgresql://me:secret/x", "store postgresql://me:***/x: the port is not a number"),
        ("sqlite://", "not a file that several processes can open"),
        ("sqlite:///:memory:", "not a file that several processes can open"),
        ("sqlite:///x.db?mode=ro", "not a file that several processes can open"),
    ],
)
def test_urls_that_are_no_stores_are_explained(url: str, part: str) -> None:
    message = refusal(url)
    assert part in message
    assert "secret" not in message
    with pytest.raises(StoreError), reader.connect(url):
        pass


@pytest.mark.parametrize("dialect", ["postgresql", "postgresql+psycopg"])
def test_a_server_s_driver_that_is_missing_is_named(dialect: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    message = refusal(f"{dialect}://me:secret@db/runs")
    assert f"store {dialect}://me:***@db/runs" in message
    assert "pip install 'sweeper[postgresql]'" in message
    assert f", or uv pip install --python {sys.prefix} 'sweeper[postgresql]'" in message


@pytest.mark.usefixtures("sqlite_only")
def test_what_the_database_refuses_becomes_an_error_of_the_store(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    with reading(engine) as connection:
        connection.exec_driver_sql("PRAGMA query_only = ON")
    with pytest.raises(
        StoreError, match=r"attempt to write a readonly database\. Make the file and its directory writable"
    ):
        queue.claim_trial(engine, study, SLOT, lease_s=1.0, now=0.0)


def test_a_transaction_that_fails_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(ZeroDivisionError), writing(engine) as connection:
        connection.execute(text("INSERT INTO sweeper_environments VALUES ('x', '{}')"))
        raise ZeroDivisionError
    with reading(engine) as connection:
        assert connection.execute(text("SELECT count(*) FROM sweeper_environments")).scalar_one() == 0


@pytest.mark.usefixtures("sqlite_only")
def test_writers_wait_for_each_other_instead_of_failing(url: str) -> None:
    """Both read before they write: without the write lock from the beginning, one would fail at once."""

    def add(_: int) -> None:
        engine = open_existing(url)
        for _ in range(20):
            with writing(engine) as connection:
                count = connection.execute(text("SELECT count(*) FROM sweeper_environments")).scalar_one()
                connection.execute(text("INSERT INTO sweeper_environments VALUES (:key, '{}')"), {"key": str(count)})
        engine.dispose()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    with reader.connect(url) as connection:
        assert connection.rows("SELECT count(*) FROM sweeper_environments", {}) == [(80,)]


@pytest.mark.usefixtures("sqlite_only")
def test_opening_and_reading_load_no_more_than_they_need(url: str) -> None:
    """`sweeper status` has half a second: the reader must not import SQLAlchemy, nor a slot Optuna or Alembic."""
    script = (
        "import sys\n"
        "from sweeper.store.reading import reader\n"
        f"with reader.connect({url!r}) as connection: assert reader.studies(connection) == ()\n"
        "assert not {'sqlalchemy', 'optuna', 'alembic'} & set(sys.modules)\n"
        "from sweeper.store.enrolment import enrol\n"
        "from sweeper.store.queue import deferred, ingest, queue\n"
        "from sweeper.store.engine import open_existing\n"
        f"open_existing({url!r}).dispose()\n"
        "assert not {'optuna', 'alembic', 'pydantic', 'pandas', 'torch'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.usefixtures("sqlite_only")
def test_a_store_without_shared_memory_can_still_be_read(url: str, tmp_path: Path) -> None:
    """A store at rest on a read-only disk: WAL's helper files cannot be made there."""
    path = tmp_path / "shelf" / "store.db"
    path.parent.mkdir()
    shutil.copy(url.removeprefix("sqlite:///"), path)
    (tmp_path / "shelf" / "store.db-shm").mkdir()  # stands in for a folder that refuses new files, also to root
    with reader.connect(f"sqlite:///{path}") as connection:
        assert reader.studies(connection) == ()


@pytest.mark.usefixtures("sqlite_only")
def test_looking_at_a_store_keeps_the_locks_that_this_process_holds_on_it(tmp_path: Path) -> None:
    url = new_store(tmp_path)
    engine = open_store(url, create=False)
    with engine.connect() as held:
        held.execute(text("SELECT count(*) FROM sweeper_trials"))
        with reader.connect(url) as connection:
            reader.studies(connection)
        # Another process that opens and closes the store would take the log away if nobody held it.
        subprocess.run(
            [sys.executable, "-c", f"import sqlite3; c = sqlite3.connect({str(tmp_path / 'store.db')!r});"
             "c.execute('SELECT count(*) FROM sweeper_trials'); c.close()"],
            check=True,
        )  # fmt: skip
        assert (tmp_path / "store.db-wal").exists()
    engine.dispose()
