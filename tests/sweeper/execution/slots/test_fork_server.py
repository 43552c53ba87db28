"""The trainer's fork server: what it forks computes what a fresh process computes, and nothing outlives anybody."""

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from sweeper.execution.slots import fork_client, fork_server
from sweeper.execution.slots import process as plain_process
from sweeper.execution.slots.directory_lock import Holder, Locked, holding_processes, lock
from sweeper.execution.slots.fork_client import ForkClient, ready_file
from sweeper.execution.slots.fork_server import ForkServer, fork_server_for
from sweeper.execution.slots.process import TrialProcess
from sweeper.execution.slots.processes import is_alive, started_at
from sweeper.execution.slots.resources import find_slots
from sweeper.spec.program import CommandProgram, TrainerProgram, Trial
from sweeper.subprocesses import module_command
from trainer.config import resolve

TRAINER = Trial(program=TrainerProgram())
SLOTS = find_slots("cpu", 1, gpus_per_trial=1, threads_per_trial=2)
ENVIRONMENT = {**os.environ, "PYTHONUNBUFFERED": "1", **SLOTS[0].environment}
TIMES = ("device_seconds", "peak_memory_bytes")

Start = Callable[..., TrialProcess]


@pytest.fixture(scope="module")
def server() -> Iterator[ForkServer]:
    server = fork_server_for(TRAINER, SLOTS)
    assert server is not None
    with server:
        yield server


@pytest.fixture
def start(server: ForkServer) -> Start:
    return ForkClient(server.path).start


def run(start: Start, folder: Path, *, steps: int = 6, threads: int = 1, **changes: Any) -> TrialProcess:
    """The trainer on a tiny model; the folder may hold a run to go on with."""
    folder.mkdir(exist_ok=True)
    config = {
        "data": {"corpus": "pydocs", "max_train_tokens": 2000, "vocabulary_size": 50},
        "model": {"layers": 1, "d_model": 8, "heads": 1},
        "regularization": {"dropout": 0.2, "embedding_dropout": 0.1},
        "evaluation": {"batch_size": 256, "times": 2, "log_times": 6, "test": False},
        "budget": {"steps": steps},
        **{"seed": 3, "device": "cpu", "threads": threads, **changes},
    }
    (folder / "config.json").write_text(json.dumps(resolve(config)))
    argv = module_command("trainer", str(folder / "config.json"), "--run-dir", str(folder), "--resume")
    return start(argv, environment=ENVIRONMENT, cwd=Path.cwd(), output=folder / "output.log")


def finish(process: TrialProcess) -> int:
    assert process.ended(60.0)
    return process.end()


def lines(folder: Path) -> list[dict[str, Any]]:
    text = (folder / "metrics.jsonl").read_text()
    found = [line for line in map(json.loads, text.splitlines()) if "resumed_from" not in line]
    return [{name: value for name, value in line.items() if name not in TIMES} for line in found]


def gone(pid: int) -> bool:
    return not is_alive(pid, started_at(pid))


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120.0
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_forked_run_computes_what_a_fresh_process_computes(start: Start, tmp_path: Path, threads: int) -> None:
    steps = 6 // threads  # two threads wait for each other long on a machine that is busy
    assert finish(run(plain_process.start, tmp_path / "fresh", threads=threads, steps=steps)) == 0
    for name in ("first", "second"):
        assert finish(run(start, tmp_path / name, threads=threads, steps=steps)) == 0
        assert lines(tmp_path / name) == lines(tmp_path / "fresh")


def test_a_forked_run_goes_on_from_a_checkpoint_as_a_fresh_one_does(start: Start, tmp_path: Path) -> None:
    assert finish(run(start, tmp_path / "whole")) == 0
    folder = tmp_path / "cut"
    process = run(start, folder)
    until((folder / "checkpoint.pt").exists)
    process.end()
    shutil.copytree(folder, tmp_path / "other")
    assert finish(run(start, folder)) == 0
    assert finish(run(plain_process.start, tmp_path / "other")) == 0
    assert lines(folder) == lines(tmp_path / "other") == lines(tmp_path / "whole")


def test_exit_codes_and_words_arrive(start: Start, tmp_path: Path) -> None:
    folder = tmp_path / "wrong"
    folder.mkdir()
    argv = module_command("trainer", str(folder / "absent.json"), "--run-dir", str(folder))
    process = start(argv, environment=ENVIRONMENT, cwd=Path.cwd(), output=folder / "output.log")
    assert finish(process) == 2
    assert "absent.json" in process.tail()


def test_a_run_asked_to_stop_writes_its_checkpoint(start: Start, tmp_path: Path) -> None:
    process = run(start, tmp_path / "run", steps=100_000)
    until((tmp_path / "run" / "metrics.jsonl").exists)
    time.sleep(0.05)
    process.ask_to_stop()
    assert finish(process) == 128 + signal.SIGTERM
    assert (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_run_leads_a_session_of_its_own_and_has_its_own_surroundings(start: Start, tmp_path: Path) -> None:
    process = run(start, tmp_path / "run", steps=100_000)
    assert os.getsid(process.pid) == process.pid
    until((tmp_path / "run" / "metrics.jsonl").exists)  # its surroundings are settled once it trains
    assert psutil.Process(process.pid).cwd() == str(Path.cwd())
    descriptors = [str(Path(f"/proc/{process.pid}/fd/{number}").readlink()) for number in range(3)]
    assert descriptors == [os.devnull, str(process.output), str(process.output)]
    assert process.end() == -signal.SIGKILL


def test_a_client_that_hangs_up_ends_its_run(start: Start, tmp_path: Path) -> None:
    process = run(start, tmp_path / "run", steps=100_000)
    process.handle._connection.close()  # type: ignore[attr-defined]  # what the kernel does for a dead slot
    until(lambda: gone(process.pid))


def test_runs_die_with_a_server_that_is_killed_and_the_next_ones_start_afresh(tmp_path: Path) -> None:
    server = fork_server_for(TRAINER, SLOTS)
    assert server is not None
    with server:
        client = ForkClient(server.path)
        process = run(client.start, tmp_path / "run", steps=100_000)
        psutil.Process(process.pid).parent().kill()  # type: ignore[union-attr]
        assert finish(process) == -signal.SIGKILL
        assert process.is_lost
        assert gone(process.pid)
        until(lambda: server._process is None)  # died soon: not restarted
        assert finish(run(client.start, tmp_path / "fresh")) == 0


def test_a_stopped_server_is_waited_for_a_moment_once_and_then_killed_and_restarted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, seconds in (
        (fork_server, "PING_EVERY_S", 0.2),
        (fork_server, "SILENCE_S", 5.0),
        (fork_server, "QUICK_S", 0.0),
        (fork_client, "ANSWER_S", 0.5),
    ):
        monkeypatch.setattr(module, name, seconds)
    server = fork_server_for(TRAINER, SLOTS)
    assert server is not None
    with server:
        client = ForkClient(server.path)
        assert isinstance(started(client, tmp_path / "first").handle, fork_client._Forked)
        stopped = server._process
        assert stopped is not None
        stopped.send_signal(signal.SIGSTOP)
        asked = client._ask
        waited = []
        monkeypatch.setattr(client, "_ask", lambda *words: waited.append(1) or asked(*words))  # type: ignore[func-returns-value]
        for name in ("second", "third"):
            assert isinstance(started(client, tmp_path / name).handle, plain_process.Child)
        assert waited == [1]
        until(lambda: server._process is not None and server._process is not stopped)
        assert stopped.returncode == -signal.SIGKILL
        assert isinstance(started(ForkClient(server.path), tmp_path / "fourth").handle, fork_client._Forked)


def test_when_a_run_exited_is_known_though_its_server_is_stopped(tmp_path: Path) -> None:
    server = fork_server_for(TRAINER, SLOTS)
    assert server is not None
    with server:
        process = run(ForkClient(server.path).start, tmp_path / "run", steps=1_000_000)
        stopped = server._process
        assert stopped is not None
        stopped.send_signal(signal.SIGSTOP)
        os.kill(process.pid, signal.SIGKILL)
        try:
            until(lambda: not process.ended(0.05) and process.handle.exited_at is not None)
            before = time.monotonic()
        finally:
            stopped.send_signal(signal.SIGCONT)
        assert finish(process) == -signal.SIGKILL
        assert process.handle.exited_at is not None and process.handle.exited_at < before


def started(client: ForkClient, folder: Path) -> TrialProcess:
    process = run(client.start, folder, steps=2)
    assert finish(process) == 0
    return process


def test_a_request_whose_client_does_not_wait_any_more_is_not_run(server: ForkServer, tmp_path: Path) -> None:
    """What a server finds that was stopped, and goes on: the client has started a new process meanwhile."""
    until(ready_file(server.path).exists)
    assert server._process is not None
    server._process.send_signal(signal.SIGSTOP)
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as gone, socket.socket(socket.AF_UNIX) as late:
            for connection, name, until_s in ((gone, "gone", 600.0), (late, "late", -1.0)):
                request = {"argv": [], "environment": {}, "cwd": "/", "output": str(tmp_path / name)}
                connection.connect(str(server.path))
                connection.sendall(json.dumps(request | {"until": time.monotonic() + until_s}).encode() + b"\n")
            gone.close()
            server._process.send_signal(signal.SIGCONT)
            assert b"does not wait any more" in late.recv(4096)
    finally:
        server._process.send_signal(signal.SIGCONT)
    assert list(tmp_path.iterdir()) == []


def test_a_server_leaves_when_its_owner_is_gone() -> None:
    server = fork_server_for(TRAINER, SLOTS)
    assert server is not None
    with server:
        assert server._process is not None
        pid = server._process.pid
    until(lambda: gone(pid))
    assert not server.path.exists()


def test_only_the_trainer_has_a_server() -> None:
    assert fork_server_for(Trial(program=CommandProgram(("x",))), SLOTS) is None


def test_a_forked_run_keeps_the_lock_of_its_directory_without_its_slot(start: Start, tmp_path: Path) -> None:
    holder = Holder(store_uid="s", address="a", attempt_id=1, trial="p/0", host="h", machine="m", pid=os.getpid())
    descriptor = lock(tmp_path, holder)
    assert descriptor is not None
    process = run(partial(start, lock=descriptor), tmp_path, steps=3000)
    os.close(descriptor)
    with pytest.raises(Locked) as held:
        lock(tmp_path, holder)
    assert held.value.holder == holder
    other = run(start, tmp_path / "other", steps=2)  # a later run has nothing of it
    assert holding_processes(tmp_path) == [process.pid]
    process.end()
    again = lock(tmp_path, holder)
    assert again is not None
    os.close(again)
    finish(other)
