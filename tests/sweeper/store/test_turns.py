"""Writers of a file queue for their turns, and nobody waits for ever."""

import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from sweeper.store.transactions import writing
from sweeper.store.turns import Turns

HOLDER = """
import sys, time
from pathlib import Path
from sweeper.store.turns import Turns
with Turns(Path(sys.argv[1])).turn():
    print("held", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that has its turn and does not end it."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def test_one_has_its_turn_at_a_time(tmp_path: Path) -> None:
    inside = most = 0
    count = threading.Lock()

    def work() -> None:
        nonlocal inside, most
        turns = Turns(tmp_path)
        for _ in range(20):
            with turns.turn() as is_held:
                assert is_held
                with count:
                    inside += 1
                    most = max(most, inside)
                time.sleep(0.0005)
                with count:
                    inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_a_process_that_is_killed_ends_its_turn(tmp_path: Path, holder: subprocess.Popen[str]) -> None:
    threading.Timer(0.2, lambda: holder.send_signal(signal.SIGKILL)).start()
    with Turns(tmp_path).turn(timeout_s=60.0) as is_held:
        assert is_held
    end(holder)


def test_a_process_that_hangs_in_its_turn_is_not_waited_for_for_ever(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    with Turns(tmp_path).turn(timeout_s=0.1) as is_held:
        assert not is_held
    end(holder)
    with Turns(tmp_path).turn(timeout_s=60.0) as is_held:  # what gave up does not keep the lock
        assert is_held


def test_a_machine_that_allows_no_more_threads_has_turns_all_the_same(
    tmp_path: Path, holder: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Timer(0.3, holder.kill)
    release.start()

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    with Turns(tmp_path).turn(0.05) as has_it:
        assert not has_it
    with Turns(tmp_path).turn(60.0) as has_it:
        assert has_it
    holder.communicate()


def test_several_transactions_of_one_turn(tmp_path: Path) -> None:
    turns = Turns(tmp_path)
    with turns.alone(), turns.turn() as inner:
        assert inner
        with Turns(tmp_path).turn(timeout_s=0.1) as other:
            assert not other
    with Turns(tmp_path).turn(timeout_s=60.0) as is_held:
        assert is_held


def test_a_directory_that_is_gone_has_no_turns(tmp_path: Path) -> None:
    with Turns(tmp_path / "none").turn() as is_held:
        assert not is_held


@pytest.mark.usefixtures("sqlite_only")
def test_a_transaction_is_committed_before_its_turn_ends(engine: Engine, url: str) -> None:
    """Otherwise whoever is next would wait in SQLite's own way."""
    path = Path(url.removeprefix("sqlite:///"))
    with writing(engine) as connection:
        connection.execute(text("INSERT INTO sweeper_environments VALUES ('x', '{}')"))
        with Turns(path.parent).turn(timeout_s=0.1) as is_held:
            assert not is_held
    with Turns(path.parent).turn(timeout_s=60.0) as is_held:
        assert is_held
