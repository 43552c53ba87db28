"""A store that does not answer: which errors pass, waiting, and calls whose acknowledgement was lost."""

import sqlite3
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from sweeper.errors import StoreError, StoreUnavailable
from sweeper.store.queue import queue
from sweeper.store.queue.recovery import claimed
from sweeper.store.records import LeaseLost, Outcome
from sweeper.store.refusals import is_missing, passes
from sweeper.store.retry import Outage, patiently
from sweeper.store.transactions import reading, writing
from tests.sweeper.store.builders import SLOT, enrolled, levels, phase


def server_error(state: str) -> OperationalError:
    return OperationalError("", {}, psycopg.errors.lookup(state)("in the server's language"))


@pytest.mark.parametrize("state", ["08006", "57P01", "57P03", "53300", "40P01", "40001", "55P03", "57014"])
def test_a_server_s_trouble_passes(state: str) -> None:
    assert passes(server_error(state))


@pytest.mark.parametrize("state", ["53100", "42501", "28P01", "58030"])
def test_what_somebody_has_to_mend_does_not_pass(state: str) -> None:
    assert not passes(server_error(state))


@pytest.mark.parametrize("code", [sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_BUSY_SNAPSHOT])
def test_a_file_s_lock_passes(code: int) -> None:
    error = sqlite3.OperationalError("x")
    error.sqlite_errorcode = code
    assert passes(OperationalError("", {}, error))
    error.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert not passes(OperationalError("", {}, error))


def test_a_table_that_is_not_there_is_told_from_a_mistake() -> None:
    assert is_missing(ProgrammingError("", {}, psycopg.errors.UndefinedTable("x")))
    assert not is_missing(ProgrammingError("", {}, psycopg.errors.SyntaxError("x")))


def test_whoever_is_patient_says_so_once_and_gets_the_answer() -> None:
    answers: Iterator[Exception | str] = iter([StoreUnavailable("gone"), StoreUnavailable("gone"), "here"])
    said: list[str] = []

    def call() -> str:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    assert patiently(call, lambda: False, say=said.append) == "here"
    assert said[0] == "waiting for the store, which does not answer: gone"
    assert said[1].startswith("the store is back after ")
    assert len(said) == 2


def test_patience_ends_when_it_is_to_end_and_other_errors_pass_at_once() -> None:
    def unavailable() -> None:
        raise StoreUnavailable("gone")

    def refused() -> None:
        raise StoreError("full")

    with pytest.raises(StoreUnavailable, match="gone"):
        patiently(unavailable, lambda: True)
    with pytest.raises(StoreError, match="full"):
        patiently(refused, lambda: False)


def test_an_outage_is_tried_less_and_less_often() -> None:
    outage = Outage()
    assert outage.is_due
    outage.failed(StoreUnavailable("gone"))
    assert outage.is_on
    assert not outage.is_due
    outage.answered()
    assert outage.is_due
    assert not outage.is_on


def test_finishing_again_after_a_lost_acknowledgement_says_the_same(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    lease = queue.claim_trial(engine, study, SLOT, lease_s=60.0)
    assert lease is not None
    outcome = Outcome(exit_reason="completed", value=0.5, device_seconds=1.25)
    assert queue.finish(engine, lease, outcome, retry={}) == "completed"
    assert queue.finish(engine, lease, outcome, retry={}) == "completed"
    with pytest.raises(LeaseLost):
        queue.finish(engine, lease, Outcome(exit_reason="crashed", device_seconds=1.0), retry={})


def test_a_claim_whose_answer_was_lost_is_found_again(engine: Engine) -> None:
    study = enrolled(engine, phase("screen", levels(1))).study_id
    assert claimed(engine, "mine") is None
    lease = queue.claim_trial(engine, study, SLOT, lease_s=60.0, token="mine")
    assert claimed(engine, "mine") == lease


def test_a_server_without_our_tables_is_told_plainly(engine: Engine, server_only: None) -> None:
    with writing(engine) as connection:
        connection.execute(text("DROP TABLE sweeper_runners"))
    with pytest.raises(StoreError, match=r"no longer holds this store\. Is it another server, after a failover"):
        queue.stop_requested(engine, 1)


def test_a_store_without_our_study_is_told_plainly(engine: Engine) -> None:
    with pytest.raises(StoreError, match=r"no longer holds this store"):
        queue.claim_trial(engine, 77, SLOT, lease_s=60.0)


def test_a_server_s_time_outs_are_set_unless_the_url_sets_them(engine: Engine, server_only: None) -> None:
    with reading(engine) as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "40s"
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "30s"
    from sweeper.store.engine import open_existing

    url = engine.url.update_query_dict({"options": "-c statement_timeout=7s"}).render_as_string(hide_password=False)
    other = open_existing(url)
    with reading(other) as connection:
        assert connection.execute(text("SHOW statement_timeout")).scalar_one() == "7s"
        assert connection.execute(text("SHOW lock_timeout")).scalar_one() == "30s"
    other.dispose()


def test_a_connection_without_an_answer_is_given_up(engine: Engine, server_only: None) -> None:
    with pytest.raises(StoreUnavailable, match="has not answered for 0 s"), reading(engine) as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.silence_s = 0.3
        connection.execute(text("SELECT pg_sleep(30)"))
    assert queue.next_due(engine, 77) is None  # on another connection
