"""What a launch does when the process that looks at claims fails: it says so, and does not try for ever."""

import time
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sweeper.errors import SweeperError
from sweeper.execution.launch import launch
from sweeper.execution.slots import decider as module
from sweeper.execution.slots.decider import Decider
from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from tests.sweeper.adaptive_store import claim, enrolled, study_file


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(module, "LAST_BACK_OFF_S", 0.01)


def look_until_it_ends(decider: Decider, timeout_s: float = 240.0) -> None:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        decider.look()
        time.sleep(0.01)
    raise AssertionError("it never gave up")


def test_a_process_that_fails_is_tried_a_few_times_and_then_named(
    engine: Engine, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(engine, study_file(tmp_path))
    monkeypatch.setattr(module, "MODULE", "sweeper.nothing")
    with pytest.raises(SweeperError, match=r"s: .* failed with exit code 1, 3 times in a row: .*No module") as error:
        look_until_it_ends(Decider(engine, url, "s", 1))
    assert str(error.value).endswith("Nothing is lost: the same command resumes.")


def test_one_that_is_killed_is_told_from_one_that_fails(
    engine: Engine, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(engine, study_file(tmp_path))
    kill = ["sh", "-c", "kill -9 $$"]
    monkeypatch.setattr(module, "module_command", lambda _: kill)
    with pytest.raises(SweeperError, match="was killed, perhaps because memory ran out, 3 times in a row"):
        look_until_it_ends(Decider(engine, url, "s", 1))


def test_one_that_finds_no_store_is_tried_again_and_does_not_count(
    engine: Engine, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(engine, study_file(tmp_path))
    monkeypatch.setattr(module, "module_command", lambda _: ["sh", "-c", f"exit {module.UNAVAILABLE}"])
    decider, until = Decider(engine, url, "s", 1), time.monotonic() + 1.0
    while time.monotonic() < until:
        decider.look()
        time.sleep(0.01)
    decider.close()
    assert queue.decision_due(engine, 1)


def test_it_decides_and_a_fresh_one_finds_nothing_to_do(engine: Engine, url: str, tmp_path: Path) -> None:
    enrolled(engine, study_file(tmp_path))
    decider, deadline = Decider(engine, url, "s", 1), time.monotonic() + 240.0
    while queue.decision_due(engine, 1):
        assert time.monotonic() < deadline
        decider.look()
        time.sleep(0.05)
    decider.close()
    assert claim(engine) is not None


@pytest.mark.usefixtures("no_process_left")
def test_a_launch_that_cannot_decide_stops_its_slots_and_says_why(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(study_file(tmp_path))
    monkeypatch.setattr(module, "MODULE", "sweeper.nothing")
    with pytest.raises(SweeperError, match="looks at claims and requests further seeds failed"):
        launch(
            study,
            make_plan(study),
            store=url,
            num_slots=1,
            extend=False,
            on_enrolled=lambda *_: None,
            on_tick=lambda: None,
        )
    with reader.connect(url) as connection:
        (runner,) = reader.runners(connection, 1)
        assert runner.ended_at is not None
        assert {trial.state for trial in reader.trials(connection, 1)} == {"waiting"}
