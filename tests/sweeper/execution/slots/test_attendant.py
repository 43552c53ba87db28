"""The launcher's thread that needs the store says once that it waits, and that the store is back when it is."""

import logging
import threading

import pytest
from sqlalchemy import Engine

from sweeper.errors import StoreUnavailable
from sweeper.execution.slots import attendant as module
from sweeper.execution.slots.attendant import Attendant
from sweeper.store.file_check import StoreFileCheck
from tests.sweeper.execution.slots.studies import enrolled, task_for

FAILURES = 3


def test_the_store_is_not_said_to_be_back_before_it_has_answered(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Most looks of the attendant ask for nothing; they show nothing either."""
    monkeypatch.setattr(module, "LOOK_S", 0.01)
    study = enrolled(url, [{}])
    ticks: list[bool] = []
    answered = threading.Event()

    def on_tick() -> None:
        ticks.append(True)
        if len(ticks) <= FAILURES:
            raise StoreUnavailable("the server is away")
        answered.set()

    attendant = Attendant(engine, study, task_for(url, study).runner_id, StoreFileCheck(url), on_tick)
    with caplog.at_level(logging.WARNING):
        attendant.start()
        assert answered.wait(60.0)
        attendant.finish()
        assert attendant.has_finished(60.0)
    attendant.check()
    said = [record.getMessage() for record in caplog.records]
    assert said[0] == "waiting for the store, which does not answer: the server is away"
    assert said[1].startswith("the store is back after ")
    assert len(said) == 2
