"""What status, export and reports see."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from sweeper.errors import UsageError
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.reading import reader
from sweeper.store.records import Measurement, Outcome
from sweeper.store.url import shown, store_url
from tests.sweeper.store.builders import (
    RETRY,
    SLOT,
    Plan,
    completed,
    document,
    enrolled,
    hash_of,
    levels,
    phase,
    study_from,
)


def test_the_table_of_trials_is_the_contract_s(engine: Engine, url: str) -> None:
    first = phase("screen", [{"rate": 0.1}, {"depth": 4}])
    study_id = enrolled(engine, first).study_id
    lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=0.0)
    assert lease is not None
    ingest(engine, lease, [Measurement(metric="loss", step=1, value=2.5, tokens=7, flops=8.0)], 5)
    queue.finish(engine, lease, completed(2.5, device_seconds=3.0), retry=RETRY, now=4.0)
    with reader.connect(url) as connection:
        study = reader.study(connection, "s")
        table = reader.trial_table(study, reader.trials(connection, study.id))
    assert table.columns == (
        "study", "phase", "number", "state", "seed", "configuration_hash", "attempts", "device_seconds", "tokens",
        "flops", "loss", "rate", "depth",
    )  # fmt: skip
    digests = [hash_of({"a": {"b": 1}, **configuration}) for configuration in ({"rate": 0.1}, {"depth": 4})]
    assert table.rows == [
        ("s", "screen", 0, "completed", 0, digests[0], 1, 3.0, 7, 8.0, 2.5, 0.1, None),
        ("s", "screen", 1, "waiting", 0, digests[1], 0, 0.0, None, None, None, None, 4),
    ]
    assert table.column("loss") == [2.5, None]


def test_costs_are_summed_over_attempts_and_the_largest_memory_kept(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(1))).study_id
    for place, memory in enumerate((30, 20)):
        lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=100.0 * place)
        assert lease is not None
        ended = Outcome(exit_reason="preempted", device_seconds=4.0, peak_memory_bytes=memory)
        queue.finish(engine, lease, ended, retry=RETRY, now=100.0 * place + 5.0)
    with reader.connect(url) as connection:
        (trial,) = reader.trials(connection, study_id)
        assert reader.spent(connection, study_id) == {"preempted": 8.0}
        assert [attempt.attempt for attempt in reader.attempts(connection, study_id)] == [1, 2]
        assert reader.attempts(connection, study_id, running=True) == ()
    assert (trial.device_seconds, trial.elapsed_s, trial.peak_memory_bytes, trial.attempts) == (8.0, 10.0, 30, 2)


def test_trials_can_be_asked_for_by_state(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(3))).study_id
    assert queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=0.0) is not None
    with reader.connect(url) as connection:
        assert [trial.number for trial in reader.trials(connection, study_id, state="running")] == [0]
        assert [trial.number for trial in reader.trials(connection, study_id, state="waiting")] == [1, 2]
        assert reader.trials(connection, study_id, state="failed") == ()


def test_one_connection_sees_one_state(engine: Engine, url: str) -> None:
    study_id = enrolled(engine, phase("screen", levels(2))).study_id
    with reader.connect(engine) as connection:
        before = reader.counts(connection, study_id)
        assert queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=0.0) is not None
        assert reader.counts(connection, study_id) == before
    with reader.connect(url) as connection:
        assert reader.counts(connection, study_id)["screen"]["running"] == 1


def test_studies_of_one_store_do_not_mix(engine: Engine, url: str) -> None:
    first = enrolled(engine, phase("screen", levels(2))).study_id
    other = phase("screen", levels(3))
    second = enrol(
        engine, Plan("t", (other,)), study_from({**document(other), "study": "t"}), runs_dir=Path("/runs"), now=1.0
    ).study_id
    assert queue.claim_trial(engine, second, SLOT, lease_s=30.0, now=0.0) is not None
    with reader.connect(url) as connection:
        assert [study.name for study in reader.studies(connection)] == ["s", "t"]
        assert len(reader.trials(connection, first)) == 2
        assert reader.counts(connection, first)["screen"]["running"] == 0
        assert reader.attempts(connection, first) == ()
        assert len(reader.attempts(connection, second)) == 1


def test_an_unknown_study_is_met_with_those_there_are(engine: Engine, url: str) -> None:
    with reader.connect(url) as connection, pytest.raises(UsageError) as error:
        reader.study(connection, "quickstart")
    expected = "no study 'quickstart': the store has none yet. Run `sweeper launch STUDY.yaml` first"
    assert str(error.value) == expected
    one = phase("screen", levels(1))
    for name in ("quickstart", "ptb"):
        enrol(engine, Plan(name, (one,)), study_from({**document(one), "study": name}), runs_dir=Path("/runs"), now=0.0)
    with reader.connect(url) as connection, pytest.raises(UsageError) as error:
        reader.study(connection, "quikstart")
    assert str(error.value) == (
        "no study 'quikstart' in the store. It has: quickstart, ptb. Did you mean 'quickstart'?"
    )
    with reader.connect(url) as connection, pytest.raises(UsageError, match=r"quickstart, ptb\.$"):
        reader.study(connection, "zzz")


PLAIN = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)
LEVELS = st.recursive(
    PLAIN | st.text(), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(configuration=st.dictionaries(NAMES, LEVELS, max_size=4), value=st.floats(allow_nan=False))
def test_what_goes_in_comes_out(engine: Engine, url: str, configuration: dict[str, object], value: float) -> None:
    """Any text and any number, as a study of its own (examples share the test's store)."""
    with reader.connect(url) as connection:
        name = f"s{len(reader.studies(connection))}"
    one = phase("screen", [configuration])
    text = {"study": name, "description": "\x00 ' \" ü 🐟"}
    study_id = enrol(
        engine, Plan(name, (one,)), study_from({**document(one), **text}), runs_dir=Path("/runs"), now=0.0
    ).study_id
    lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=0.0)
    assert lease is not None
    assert lease.configuration == configuration
    ingest(engine, lease, [Measurement(metric="loss", step=1, value=value)], 1)
    queue.finish(engine, lease, completed(value, message="\x00 ü 🐟"), retry=RETRY, now=1.0)
    with reader.connect(url) as connection:
        (trial,) = reader.trials(connection, study_id)
        assert reader.study(connection, name).spec["description"] == text["description"]
        assert reader.curves(connection, study_id, "loss")[trial.id].values == [value]
    assert (trial.configuration, trial.value, trial.message) == (configuration, value, "\ufffd ü 🐟")


def test_the_store_is_named_by_option_then_environment_then_default() -> None:
    assert store_url("sqlite:///a.db", {"SWEEPER_STORE": "sqlite:///b.db"}) == "sqlite:///a.db"
    assert store_url(None, {"SWEEPER_STORE": "sqlite:///b.db"}) == "sqlite:///b.db"
    assert store_url(None, {}) == "sqlite:///sweeper.db"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg://me:p@ss@db:5432/runs", "postgresql+psycopg://me:***@db:5432/runs"),
        ("postgresql://db/runs", "postgresql://db/runs"),
        ("sqlite:///a@b:c.db", "sqlite:///a@b:c.db"),
    ],
)
def test_passwords_are_not_shown(url: str, expected: str) -> None:
    assert shown(url) == expected
