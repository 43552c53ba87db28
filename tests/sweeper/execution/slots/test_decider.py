"""What a launch does when the process that looks at claims fails or hangs: it says so, and does not try for ever."""

import subprocess
import time
from pathlib import Path

import psutil
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
from sweeper.subprocesses import code_command, module_command
from tests.sweeper.adaptive_store import claim, enrolled, finish, outcome, study_file

HANGS = ["sleep", "100000"]
CAP = "{device_hours: 1}"  # with it nothing runs while nobody can look at the claims


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
    enrolled(engine, study_file(tmp_path, budget=CAP))
    monkeypatch.setattr(module, "MODULE", "sweeper.nothing")
    with pytest.raises(SweeperError, match=r"s: .* failed with exit code 1, 3 times in a row: .*No module") as error:
        look_until_it_ends(Decider(engine, url, "s", 1))
    assert str(error.value).endswith("Nothing is lost: the same command resumes.")


def test_one_that_is_killed_is_told_from_one_that_fails(
    engine: Engine, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(engine, study_file(tmp_path, budget=CAP))
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


def sleepers() -> list[psutil.Process]:
    """The hanging processes of this test."""
    return [each for each in psutil.Process().children() if each.status() != psutil.STATUS_ZOMBIE and _hangs(each)]


def _hangs(process: psutil.Process) -> bool:
    return process.cmdline() == HANGS


@pytest.mark.usefixtures("no_process_left")
def test_one_that_hangs_is_ended_and_started_again_with_more_time_and_then_named(
    engine: Engine, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    enrolled(engine, study_file(tmp_path, budget=CAP))
    monkeypatch.setattr(module, "module_command", lambda _: HANGS)
    monkeypatch.setattr(module, "LIMIT_S", 0.1)
    monkeypatch.setattr(module, "PER_TRIAL_S", 0.0)
    decider, began = Decider(engine, url, "s", 1), time.monotonic()
    with pytest.raises(SweeperError, match=r"s: .* did not finish within 0.4 s and was ended, 3 times in a row\. Not"):
        look_until_it_ends(decider)
    assert time.monotonic() - began >= 0.1 + 0.2 + 0.4
    assert not sleepers()
    said = caplog.text
    assert "s: the process that looks at claims and requests further seeds did not finish within 0.1 s" in said
    assert said.count("it is started again, with twice the time") == 2
    assert queue.decision_due(engine, 1)


def test_the_limit_grows_with_the_study_and_is_generous(
    engine: Engine, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(engine, study_file(tmp_path))
    monkeypatch.setattr(module, "module_command", lambda _: HANGS)
    decider = Decider(engine, url, "s", 1)
    decider.look()
    assert decider._limit_s == 300.0 + sum(queue.counts(engine, 1).values())
    assert decider.is_deciding
    decider.close()
    assert not sleepers()


def test_one_that_recovers_after_it_hung_decides(
    engine: Engine, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enrolled(engine, study_file(tmp_path, budget=CAP))
    commands = [HANGS, HANGS]
    monkeypatch.setattr(module, "module_command", lambda name: commands.pop() if commands else module_command(name))
    monkeypatch.setattr(module, "PER_TRIAL_S", 0.0)
    monkeypatch.setattr(module, "LIMIT_S", 0.01)
    decider, deadline = Decider(engine, url, "s", 1), time.monotonic() + 240.0
    while queue.decision_due(engine, 1):
        assert time.monotonic() < deadline
        if not commands:
            monkeypatch.setattr(module, "LIMIT_S", 240.0)
        decider.look()
        time.sleep(0.01)
    decider.close()
    assert claim(engine) is not None


def test_what_is_planned_runs_while_nobody_can_look_at_the_claims(
    engine: Engine, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    enrolled(engine, study_file(tmp_path))
    monkeypatch.setattr(module, "module_command", lambda _: ["sh", "-c", "exit 7"])
    decider, ran = Decider(engine, url, "s", 1), 0
    with pytest.raises(SweeperError, match="failed with exit code 7, 3 times in a row"):
        for _ in range(10_000):
            decider.look()
            while (lease := claim(engine)) is not None:
                finish(engine, lease, outcome())
                ran += 1
            time.sleep(0.01)
    assert ran == queue.counts(engine, 1)["completed"] == 10
    assert "3 times in a row. Meanwhile, 10 planned trials run." in caplog.text


def test_a_process_ends_itself_if_nobody_ends_it() -> None:
    code = (
        "import io, sys, time\n"
        "from sweeper import decision\n"
        "decision.LAST_S = 0.1\n"
        "decision.open_existing = lambda url, uid: time.sleep(1000)\n"
        'sys.stdin = io.StringIO(\'{"store": "", "uid": null, "study": "", "limit_s": 0.1}\')\n'
        "decision.main()\n"
    )
    done = subprocess.run(code_command(code), capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 1
    assert "Timeout" in done.stderr


@pytest.mark.usefixtures("no_process_left")
def test_a_launch_that_cannot_decide_stops_its_slots_and_says_why(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = load_study(study_file(tmp_path, budget=CAP))
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
