"""What migrations make of the rows of older stores, on both databases."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, MetaData, Table, create_engine, insert, inspect, select

from sweeper.store.engine import open_existing, open_store
from sweeper.store.migrating import migrate
from sweeper.store.reading import reader
from sweeper.store.schema import attempts, measurements, store, studies
from sweeper.store.transactions import reading
from tests.sweeper.store.builders import DESIGNS, document, phase, planned

STUDY = document(phase("screen", [{"rate": 0.1}]))
COMMON = {
    "host": "here",
    "slot": "cpu-0",
    "device": "cpu",
    "device_share": 1.0,
    "supervisor_pid": 1,
    "heartbeat_at": 20.0,
}


@pytest.fixture
def old(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Engine]]:
    """A database with our tables as they were at revision 0002, beside a store that is not used."""
    if url.startswith("sqlite:"):
        url = f"sqlite:///{tmp_path / 'old.db'}"
        name = None
    else:
        name = f"old_{tmp_path.name}"
        url = request.getfixturevalue("cluster").url(name)
    engine = create_engine(url)
    with engine.begin() as connection:
        migrate(connection, "0002")
    yield url, engine
    engine.dispose()
    if name is not None:
        request.getfixturevalue("cluster").drop(name)


def fill(engine: Engine) -> None:
    """A trial of two attempts; the first lost its supervisor after 20 s, the second measured step 2 again."""
    tables = MetaData()
    tables.reflect(engine)

    def put(connection: object, name: str, *rows: dict[str, object]) -> None:
        connection.execute(insert(tables.tables[f"sweeper_{name}"]), rows)  # type: ignore[attr-defined]

    common = {
        "trial_id": 1,
        "supervisor_started_at": 5.0,
        "ingest_offset": 0,
        "started_at": 0.0,
        "heartbeat_at": 20.0,
        **COMMON,
    }
    trial = planned("screen", 0, {"rate": 0.1})
    with engine.begin() as connection:
        put(
            connection,
            "studies",
            {
                "id": 1, "name": "s", "source": "", "source_path": "s.yaml", "spec": STUDY, "spec_sha256": "0",
                "claims_sha256": "0", "metric": "loss", "direction": "minimize", "runs_dir": "/runs", "created_at": 0.0,
            },
        )  # fmt: skip
        put(
            connection,
            "phases",
            {
                "id": 1, "study_id": 1, "position": 0, "name": "screen", "design": "list", "spec": DESIGNS["list"],
                "optuna_study_id": 1, "distributions": {},
            },
        )  # fmt: skip
        put(
            connection,
            "trials",
            {
                "id": 1, "study_id": 1, "phase_id": 1, "number": 123456, "state": "running", "seed": 0, "fence": 2,
                "configuration": trial.configuration, "config": trial.config, "budget": {"steps": 10},
                "configuration_hash": trial.configuration_hash, "budget_key": trial.budget.key, "attempts": 2,
                "attempts_forgiven": 0, "lease_expires_at": 100.0, "not_before": 0.0, "optuna_trial_id": 1,
            },
        )  # fmt: skip
        put(connection, "phase_trials", {"phase_id": 1, "position": 0, "trial_id": 1})
        put(
            connection,
            "attempts",
            {
                "id": 1,
                "number": 1,
                "device_seconds": 20.0,
                "supervisor_lost": True,
                "ended_at": 20.0,
                **common,
            },
            {
                "id": 2,
                "number": 2,
                "device_seconds": 5.0,
                "supervisor_lost": False,
                "ended_at": None,
                **common,
            },
        )
        put(
            connection,
            "measurements",
            *({"trial_id": 1, "metric": "loss", "step": step, "attempt_id": at, "value": 1.0 / step}
              for step, at in ((1, 1), (2, 2), (3, 2))),
        )  # fmt: skip


def test_rows_of_before_are_filled(old: tuple[str, Engine]) -> None:
    url, before = old
    fill(before)
    engine = open_existing(url)
    with reading(engine) as connection:
        assert connection.execute(select(studies.c.run_root, studies.c.revision)).one() == ("/runs/s", 0)
        columns = ("run_dir", "seconds_before", "first_step", "last_step", "progressed", "resumed_from")
        found = connection.execute(select(*(attempts.c[name] for name in columns)).order_by(attempts.c.id)).all()
        assert [tuple(row) for row in found] == [
            ("/runs/s/screen/123456", 0.0, 1, 1, False, None),
            ("/runs/s/screen/123456", 20.0, 2, 3, False, None),
        ]
        points = connection.execute(select(measurements.c.step, measurements.c.attempt_id, measurements.c.void))
        assert sorted(map(tuple, points)) == [(1, 1, False), (2, 2, False), (3, 2, False)]
        assert len(connection.execute(select(store.c.uid)).scalar_one()) == 32
    with reader.connect(url) as read:
        assert reader.curves(read, 1, "loss")[1].values == [1.0, 1 / 2, 1 / 3]
    engine.dispose()


def test_the_tables_are_those_of_a_new_store(old: tuple[str, Engine], engine: Engine) -> None:
    """Key, index and columns of the table that is copied."""
    migrated = open_existing(old[0])

    def shape(of: Engine) -> object:
        seen = inspect(of)
        name = "sweeper_measurements"
        table = Table(name, MetaData(), autoload_with=of)
        columns = [(column.name, str(column.type), column.nullable) for column in table.columns]
        return (
            sorted(columns),
            seen.get_pk_constraint(name),
            sorted(str(key["name"]) for key in seen.get_foreign_keys(name)),
            seen.get_indexes(name),
        )

    assert shape(migrated) == shape(engine)
    assert shape(engine)[1]["constrained_columns"] == ["attempt_id", "metric", "step"]  # type: ignore[index]
    migrated.dispose()


def test_two_stores_differ_in_their_uid(engine: Engine, tmp_path: Path) -> None:
    other = open_store(f"sqlite:///{tmp_path / 'other.db'}", create=True)
    uids = set()
    for each in (engine, other):
        with reading(each) as connection:
            uids.add(connection.execute(select(store.c.uid)).scalar_one())
    other.dispose()
    assert len(uids) == 2
