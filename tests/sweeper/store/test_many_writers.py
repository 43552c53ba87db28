"""What many writers decide at once holds. SQLite has a single writer; PostgreSQL needs locks and guarded statements."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

import pytest
from sqlalchemy import Engine, select, update

from sweeper.store.engine import open_existing
from sweeper.store.enrolment.enrol import Enrolment
from sweeper.store.queue import deferred, queue
from sweeper.store.reading import reader
from sweeper.store.records import BudgetTooSmall, Lease, LeaseLost, Outcome
from sweeper.store.schema import attempts, phases, trials
from sweeper.store.transactions import reading, writing
from tests.sweeper.store.builders import RETRY, SLOT, Budget, completed, enrolled, levels, phase, resolved
from tests.sweeper.store.test_queue_properties import MIRRORED

T = TypeVar("T")
ROUNDS = 10 if os.environ.get("SWEEPER_TEST_STORE") == "postgresql" else 2
SLOTS = 8
HOUR = 3600.0
PREEMPTED = Outcome(exit_reason="preempted", device_seconds=1.0)


@pytest.fixture
def engines(engine: Engine, url: str) -> Iterator[list[Engine]]:
    """One connection pool per slot, as slots are processes."""
    opened = [open_existing(url) for _ in range(SLOTS)]
    yield opened
    for each in opened:
        each.dispose()


def at_once(engines: list[Engine], do: Callable[[Engine, int], T]) -> list[T]:
    """What each slot's call returned; all begin together."""
    barrier = threading.Barrier(len(engines))

    def begin(place: int) -> T:
        barrier.wait()
        return do(engines[place], place)

    with ThreadPoolExecutor(len(engines)) as pool:
        return list(pool.map(begin, range(len(engines))))


def claim(engine: Engine, study: int, now: float = 0.0) -> Lease | None:
    return queue.claim_trial(engine, study, SLOT, lease_s=60.0, now=now)


def states(url: str, study: int) -> dict[int, str]:
    """The states of a study's trials, which Optuna's tables share."""
    with reader.connect(url) as connection:
        found = {trial.id: trial.state for trial in reader.trials(connection, study)}
        mirrored = dict(
            connection.rows(
                "SELECT t.id, CAST(o.state AS VARCHAR(10)) FROM sweeper_trials t"
                " JOIN trials o ON o.trial_id = t.optuna_trial_id WHERE t.study_id = :study",
                {"study": study},
            )
        )
    assert mirrored == {key: MIRRORED[state] for key, state in found.items()}
    return dict(found)


def check_open_attempts(url: str, study: int) -> None:
    """Each running trial has one attempt that has not ended, and no other trial has."""
    with reader.connect(url) as connection:
        running = sorted(trial.id for trial in reader.trials(connection, study, state="running"))
        still_open = sorted(a.trial_id for a in reader.attempts(connection, study) if a.ended_at is None)
    assert still_open == running


def test_eight_slots_claim_no_more_than_the_cap_admits(engines: list[Engine]) -> None:
    """Two trials of 0.4 h fit into 1 h."""
    admitted = []
    for number in range(ROUNDS):
        study = enrolled(engines[0], phase("screen", levels(16)), name=f"s{number}").study_id
        with writing(engines[0]) as connection:
            connection.execute(update(trials).values(predicted_device_seconds=0.4 * HOUR))

        def take(engine: Engine, _: int, study: int = study) -> bool:
            try:
                return claim(engine, study) is not None
            except BudgetTooSmall:
                return False

        admitted.append(sum(at_once(engines, take)))
    assert admitted == [2] * ROUNDS


def test_cancel_leaves_fresh_leases_alone(engines: list[Engine], url: str) -> None:
    held = lost = 0
    for number in range(ROUNDS):
        study = enrolled(engines[0], phase("screen", levels(40)), name=f"s{number}").study_id

        claimed = threading.Event()
        if number > 0:  # in the first round, a claim comes before the cancel; in others, whatever comes first
            claimed.set()

        def work(engine: Engine, place: int, study: int = study, claimed: threading.Event = claimed) -> list[Lease]:
            if place == 0:
                assert claimed.wait(60.0)
                queue.cancel(engine, study, 1.0)
                return []
            found = []
            for _ in range(4):
                if (lease := claim(engine, study)) is not None:
                    found.append(lease)
                    claimed.set()
            return found

        leases = [lease for found in at_once(engines, work) for lease in found]
        held += len(leases)
        renewed = [queue.renew(engines[0], lease, lease_s=60.0, now=1.0, device_seconds=0.0) for lease in leases]
        lost += renewed.count(False)
        with suppress(AssertionError):
            check_open_attempts(url, study)
            found = states(url, study)
            assert set(found.values()) <= {"running", "failed"}
            continue
        lost += 1
    assert (lost, held > 0) == (0, True)


def test_what_is_returned_during_a_cancel_does_not_wait_again(engines: list[Engine], url: str) -> None:
    left = []
    for number in range(ROUNDS):
        study = enrolled(engines[0], phase("screen", levels(28)), name=f"s{number}").study_id
        leases = [claim(engines[0], study) for _ in range(28)]

        def work(engine: Engine, place: int, study: int = study, leases: list[Lease | None] = leases) -> None:
            if place == 0:
                queue.cancel(engine, study, 1.0)
                return
            for lease in leases[place - 1 :: SLOTS - 1]:
                assert lease is not None
                queue.finish(engine, lease, PREEMPTED, retry=RETRY, now=1.0)

        at_once(engines, work)
        left += [state for state in states(url, study).values() if state != "failed"]
    assert left == []


def test_what_fails_during_a_retry_is_queued_in_optuna_s_tables_too(engines: list[Engine], url: str) -> None:
    wrong = []
    for number in range(ROUNDS):
        study = enrolled(engines[0], phase("screen", levels(28)), name=f"s{number}").study_id
        leases = [claim(engines[0], study) for _ in range(28)]

        def work(engine: Engine, place: int, study: int = study, leases: list[Lease | None] = leases) -> None:
            if place == 0:
                for _ in range(4):
                    queue.retry_failed(engine, study, 1.0)
                return
            for lease in leases[place - 1 :: SLOTS - 1]:
                assert lease is not None
                queue.finish(engine, lease, Outcome(exit_reason="timeout"), retry=RETRY, now=1.0)

        at_once(engines, work)
        try:
            states(url, study)
        except AssertionError:
            wrong.append(number)
    assert wrong == []


def test_a_lost_trial_is_released_and_finished_by_one_alone(engines: list[Engine], url: str) -> None:
    """Its supervisor, which is late, another that finds it dead, and claims after the end of its lease."""
    for number in range(ROUNDS):
        study = enrolled(engines[0], phase("screen", levels(1)), name=f"s{number}").study_id
        lease = claim(engines[0], study)
        assert lease is not None

        def end(engine: Engine, place: int, study: int = study, lease: Lease = lease) -> bool:
            if place % 3 == 0:
                return queue.release(engine, lease.attempt_id, "found dead", 100.0)
            if place % 3 == 1:
                return claim(engine, study, 100.0) is not None
            with suppress(LeaseLost):
                queue.finish(engine, lease, completed(), retry=RETRY, now=100.0)
                return True
            return False

        at_once(engines, end)
        check_open_attempts(url, study)
        states(url, study)
        with reading(engines[0]) as connection:
            numbers = connection.execute(select(attempts.c.number).where(attempts.c.trial_id == lease.trial_id))
            assert sorted(numbers.scalars()) in ([1], [1, 2])


def test_a_promotion_is_filled_in_once(engines: list[Engine], url: str) -> None:
    for number in range(ROUNDS):
        rule = {"design": {"promote": "screen", "top": 3}}
        study = enrolled(
            engines[0],
            phase("screen", levels(4)),
            phase("long", [None] * 3, design="promote", budget=Budget(100), spec=rule),
            name=f"s{number}",
        ).study_id
        for _ in range(4):
            lease = claim(engines[0], study)
            assert lease is not None
            queue.finish(engines[0], lease, completed(float(lease.number)), retry=RETRY, now=1.0)

        def fill(engine: Engine, _: int, study: int = study) -> None:
            deferred.fill_promotions(engine, study, now=2.0, resolve=resolved)

        at_once(engines, fill)
        with reader.connect(url) as connection:
            found = [trial for trial in reader.trials(connection, study) if trial.phase == "long"]
        assert [trial.configuration for trial in found] == levels(3)
        assert set(states(url, study).values()) == {"completed", "waiting"}


def drawn(engine: Engine, study: int) -> list[object]:
    """The choices of the factor `depth` in a study's phase."""
    with reading(engine) as connection:
        query = select(phases.c.distributions).where(phases.c.study_id == study, phases.c.name == "search")
        distributions = connection.execute(query).scalar_one()
    return sorted(distributions["depth"]["attributes"]["choices"])


def test_no_drawn_level_is_forgotten(engines: list[Engine]) -> None:
    """Every slot adds a level to the phase's distributions."""
    forgotten = []
    for number in range(ROUNDS):
        search = phase("search", [None] * SLOTS, design="sampler", seeds=(0,))
        study = enrolled(engines[0], search, name=f"s{number}").study_id

        def draw(engine: Engine, place: int, study: int = study) -> None:
            lease = claim(engine, study)
            assert lease is not None
            configuration = {"depth": place}
            assert queue.set_configuration(engine, lease, configuration, *resolved("search", configuration), 0)

        at_once(engines, draw)
        if drawn(engines[0], study) != list(range(SLOTS)):
            forgotten.append(number)
    assert forgotten == []


def test_a_study_is_extended_while_slots_draw(engines: list[Engine], url: str) -> None:
    """The extension and the draws change the same phase, and both are kept."""
    forgotten = []
    more = phase("search", [*[None] * SLOTS, {"depth": 99}], design="sampler", seeds=(0,))
    for number in range(ROUNDS):
        search = phase("search", [None] * SLOTS, design="sampler", seeds=(0,))
        study = enrolled(engines[0], search, name=f"s{number}").study_id

        def work(engine: Engine, place: int, study: int = study, number: int = number) -> None:
            if place == 0:
                enrolled(engine, more, phase("extra", levels(2)), name=f"s{number}", extend=True)
                return
            lease = claim(engine, study)
            assert lease is not None
            if lease.configuration is not None:  # one of the extension
                return
            configuration = {"depth": place}
            assert queue.set_configuration(engine, lease, configuration, *resolved("search", configuration), 0)

        at_once(engines, work)
        if not {*range(1, SLOTS), 99} <= {*drawn(engines[0], study)} | {0}:
            forgotten.append(number)
        check_open_attempts(url, study)
        states(url, study)
    assert forgotten == []


def test_four_launches_enrol_a_study_once(engines: list[Engine]) -> None:
    for number in range(ROUNDS):

        def launch(engine: Engine, _: int, number: int = number) -> Enrolment:
            return enrolled(engine, phase("screen", levels(20)), name=f"s{number}")

        found = at_once(engines[:4], launch)
        assert len({each.study_id for each in found}) == 1
        assert sorted(each.added for each in found) == [0, 0, 0, 20]
        assert sum(each.created for each in found) == 1


def test_no_order_of_locks_is_a_circle(engines: list[Engine], url: str) -> None:
    """All that changes a study at once: a deadlock would end one of them with an error of the database."""
    promote = phase(
        "long", [None] * 2, design="promote", budget=Budget(100), spec={"design": {"promote": "screen", "top": 2}}
    )
    study = enrolled(engines[0], phase("screen", levels(60)), promote).study_id

    def change(engine: Engine, place: int) -> None:
        for number in range(12):
            match place:
                case 0:
                    queue.cancel(engine, study, 1.0)
                case 1 | 2:
                    queue.retry_failed(engine, study, 1.0)
                case 3:
                    more = phase("screen", levels(60 + number))
                    enrolled(engine, more, promote, extend=True, budget={"device_hours": 1.0 + number})
                case 4:
                    deferred.fill_promotions(engine, study, now=1.0, resolve=resolved)
                case _:
                    lease = claim(engine, study)
                    if lease is not None:
                        with suppress(LeaseLost):
                            outcome = completed() if number % 3 else PREEMPTED
                            queue.finish(engine, lease, outcome, retry=RETRY, now=1.0)

    at_once(engines, change)
    check_open_attempts(url, study)
    states(url, study)
