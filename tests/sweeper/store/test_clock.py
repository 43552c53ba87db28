"""The store's clock decides on leases, whatever the processes' clocks say."""

import time
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import Engine, select, update

from sweeper.store import clock
from sweeper.store.clock import Moment
from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from sweeper.store.queue.ledger import spent_device_seconds
from sweeper.store.reading import reader
from sweeper.store.records import Lease, Outcome
from sweeper.store.schema import attempts, store, trials
from sweeper.store.transactions import reading, writing
from tests.sweeper.store.builders import RETRY, SLOT, enrolled, levels, phase

HOUR = 3600.0


def claim(engine: Engine, study: int, lease_s: float = 60.0) -> Lease | None:
    return queue.claim_trial(engine, study, SLOT, lease_s=lease_s)


def lease_time(engine: Engine) -> float:
    with reading(engine) as connection:
        return clock.read(connection).lease


@pytest.fixture
def study(engine: Engine) -> int:
    return enrolled(engine, phase("screen", levels(1))).study_id


@pytest.fixture
def another(url: str) -> Iterator[Callable[[], Engine]]:
    """Open the store as another process does."""
    opened: list[Engine] = []

    def open_again() -> Engine:
        opened.append(open_existing(url))
        return opened[-1]

    yield open_again
    for each in opened:
        each.dispose()


def step_clock(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Set this process's clock forwards or backwards."""
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + seconds)


@pytest.mark.parametrize("ahead", [61.0, 365 * 24 * HOUR])
def test_a_clock_that_is_ahead_steals_nothing(
    engine: Engine, study: int, another: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    held = claim(engine, study)
    assert held is not None
    opened_before = another()
    step_clock(monkeypatch, ahead)
    assert claim(opened_before, study) is None
    assert claim(another(), study) is None
    assert queue.renew(engine, held, lease_s=60.0, device_seconds=1.0)


@pytest.mark.parametrize("behind", [61.0, 365 * 24 * HOUR])
def test_a_clock_that_is_behind_keeps_no_lease_alive(
    engine: Engine, study: int, another: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch, behind: float
) -> None:
    assert claim(engine, study, lease_s=0.05) is not None
    step_clock(monkeypatch, -behind)
    time.sleep(0.1)
    taken = claim(another(), study)
    assert taken is not None
    assert taken.attempt == 2


def test_back_off_does_not_end_with_a_step_of_the_clock(
    engine: Engine, study: int, another: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    held = claim(engine, study)
    assert held is not None
    assert queue.finish(engine, held, Outcome(exit_reason="crashed"), retry={"crashed": 9}) == "waiting"
    step_clock(monkeypatch, 20.0)
    assert claim(another(), study) is None  # it waits for a second


def test_all_processes_share_one_clock(
    engine: Engine, another: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = lease_time(engine)
    step_clock(monkeypatch, -HOUR)
    found = lease_time(another())
    assert before <= found < lease_time(engine)


def test_the_clock_runs_on_within_a_transaction(engine: Engine) -> None:
    """A transaction may have waited for a lock since it began."""
    with reading(engine) as connection:
        first = clock.read(connection).lease
        time.sleep(0.02)
        assert clock.read(connection).lease >= first + 0.02


def test_a_clock_can_be_given(engine: Engine, study: int, url: str) -> None:
    clock.set_clock(engine, lambda _: Moment(at=1000.0, lease=5.0))
    held = claim(engine, study)
    assert held is not None
    with reading(engine) as connection:
        assert connection.execute(select(trials.c.lease_expires_at)).scalar_one() == 65.0
    clock.set_clock(engine, lambda _: Moment(at=1030.0, lease=35.0))
    assert queue.next_due(engine, study) == 65.0
    assert spent_device_seconds(engine, study) == 30.0
    queue.finish(engine, held, Outcome(exit_reason="crashed"), retry=RETRY)
    with reading(engine) as connection:
        assert connection.execute(select(trials.c.not_before)).scalar_one() == 36.0
    with reader.connect(url) as read:
        (attempt,) = reader.attempts(read, study)
    assert (attempt.started_at, attempt.ended_at) == (1000.0, 1030.0)


@pytest.mark.usefixtures("sqlite_only")
def test_leases_of_a_former_boot_end(
    engine: Engine, study: int, another: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The machine lost power while its clock was an hour ahead, which was set right since."""
    step_clock(monkeypatch, HOUR)
    assert claim(engine, study) is not None
    with writing(engine) as connection:
        connection.execute(update(trials).values(lease_expires_at=time.time() + 60.0))
        connection.execute(update(store).values(boot_id="the boot before", clock_base=HOUR))
        heard = connection.execute(select(attempts.c.heartbeat_at)).scalar_one()
    monkeypatch.undo()
    after = another()
    assert heard <= lease_time(after) < heard + 30.0
    assert claim(after, study) is None
    with writing(engine) as connection:  # two leases later
        connection.execute(update(trials).values(lease_expires_at=trials.c.lease_expires_at - 120.0))
    assert claim(after, study) is not None


@pytest.mark.usefixtures("sqlite_only")
def test_the_base_of_the_clock_is_kept_for_a_boot(
    engine: Engine, another: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    def row() -> tuple[object, ...]:
        with reading(engine) as connection:
            return tuple(connection.execute(select(store.c.uid, store.c.boot_id, store.c.clock_base)).one())

    first = row()
    assert None not in first
    step_clock(monkeypatch, HOUR)
    another()
    assert row() == first
    monkeypatch.setattr(clock, "_boot_id", lambda: "the next boot")
    another()
    assert row()[1] == "the next boot"


@pytest.mark.usefixtures("sqlite_only")
def test_without_an_identity_of_the_boot_the_wall_clock_decides(
    study: int, another: Callable[[], Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "_boot_id", lambda: None)
    plain = another()
    assert abs(lease_time(plain) - time.time()) < 5.0
    assert claim(plain, study) is not None
