"""Launches and workers whose PostgreSQL server is restarted, cut off, refuses, or falls silent."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from sweeper.store.engine import open_existing
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.queue.runners import register_runner
from sweeper.store.reading import reader
from tests.sweeper.execution.slots.studies import attempts_of, check_each_completed_once, plan_of, study_of, trials_of
from tests.sweeper.execution.slots.test_launcher import SLOW, finish, start, until
from tests.sweeper.postgresql import Cluster
from tests.sweeper.proxy import Proxy, proxy
from tests.sweeper.store.builders import SLOT
from tests.sweeper.store.test_same_store import content, renamed

pytestmark = pytest.mark.usefixtures("no_process_left")

TRIALS = 3
STEPS = 30
GATE = 10  # the step before which trials wait
OUTAGE_S = 2.0


@dataclass
class Server:
    """A store on a server, and the way to it."""

    cluster: Cluster
    proxy: Proxy
    url: str  # through the proxy
    direct: str
    name: str  # of the database
    gate: Path  # made by a test, so that trials go on

    def config(self, **changes: object) -> dict[str, object]:
        """A trial that cannot end before the gate is open, however slow what the test does first."""
        return {**SLOW, "gate": str(self.gate), "gate_at": GATE, **changes}

    def open(self) -> None:
        self.gate.touch()

    def configs(self) -> list[dict[str, object]]:
        return [self.config()] * TRIALS


@pytest.fixture
def server(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("SWEEPER_RUNS", str(tmp_path / "runs"))
    direct, name = cluster.new_store()
    cluster.keep_commits(name)
    with proxy(cluster.socket) as between:
        yield Server(cluster, between, between.url(name), direct, name, tmp_path / "gate")
    if not cluster.socket.exists():  # the test has failed
        cluster.start()
    cluster.drop(name)


def steps(url: str) -> int:
    with reader.connect(url) as connection:
        return len(reader.measurements(connection, 1).rows) if reader.studies(connection) else 0


def launch(server: Server) -> subprocess.Popen[bytes]:
    process = start(server.url, server.configs(), steps=STEPS, slots=2)
    until(lambda: steps(server.direct) > 4)
    return process


def check_nothing_lost(url: str) -> None:
    check_each_completed_once(url, TRIALS, STEPS)
    reasons = [attempt.exit_reason for attempt in attempts_of(url)]
    assert reasons == ["completed"] * TRIALS  # no attempt was given up


def test_a_launch_outlives_a_restart_of_its_server(server: Server) -> None:
    process = launch(server)
    server.cluster.stop()
    assert process.stderr is not None
    assert b"waiting for the store" in process.stderr.readline()
    server.open()
    server.cluster.start()
    code, words = finish(process)
    assert code == 0, words
    assert "waiting for the store" not in words  # it is said once
    assert words.count("the store is back") == 1
    check_nothing_lost(server.direct)


def test_a_launch_writes_nothing_into_another_store_that_its_server_fails_over_to(server: Server) -> None:
    other, name = server.cluster.new_store()
    renamed(other)
    plan, engine = plan_of(server.configs(), steps=STEPS), open_existing(other)
    enrol(engine, plan, study_of(plan), runs_dir=Path(os.environ["SWEEPER_RUNS"]) / "other", now=0.0)
    register_runner(engine, 1, host="there", pid=1, pid_started_at=0.0, slots=2, now=0.0)
    assert queue.claim_trial(engine, 1, SLOT, lease_s=600.0) is not None  # by the same numbers as that of the launch
    engine.dispose()
    before = content(other)
    process = launch(server)
    server.proxy.refuse()
    server.proxy.cut()
    server.cluster.exchange(server.name, name)
    server.proxy.accept()
    code, words = finish(process)
    assert (code, content(server.direct)) == (1, before)
    assert "the database no longer holds this store, but another one or none" in words.splitlines()[-1]
    server.cluster.exchange(server.name, name)
    server.open()
    code, words = finish(start(server.url, server.configs(), steps=STEPS, slots=2))
    assert code == 0, words
    check_each_completed_once(server.direct, TRIALS, STEPS)
    server.cluster.drop(name)


def test_a_launch_outlives_connections_that_are_cut_and_refused(server: Server) -> None:
    process = launch(server)
    for _ in range(3):
        server.proxy.cut()
        time.sleep(0.2)
    server.proxy.refuse()
    server.proxy.cut()
    server.open()
    time.sleep(OUTAGE_S)
    server.proxy.accept()
    code, words = finish(process)
    assert code == 0, words
    check_nothing_lost(server.direct)


def test_a_worker_outlives_a_restart_of_its_server(server: Server, tmp_path: Path) -> None:
    plan, engine = plan_of(server.configs(), steps=STEPS), open_existing(server.direct)
    enrol(engine, plan, study_of(plan), runs_dir=tmp_path / "runs", now=0.0)
    engine.dispose()
    script = (
        "import sys; from sweeper.execution.worker import work; "
        f"sys.exit(work({server.url!r}, study='s', num_slots=2, on_study=print, on_tick=lambda _: None).exit_code)"
    )
    process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True, stderr=subprocess.PIPE)
    until(lambda: steps(server.direct) > 4)
    server.cluster.stop()
    server.open()
    time.sleep(OUTAGE_S)
    server.cluster.start()
    code, words = finish(process)
    assert code == 0, words
    check_nothing_lost(server.direct)


def test_a_launch_waits_for_a_server_that_is_not_there_yet(server: Server) -> None:
    server.proxy.refuse()
    process = start(server.url, [SLOW], steps=3, slots=1)
    assert process.stderr is not None
    assert b"waiting for the store" in process.stderr.readline()
    server.proxy.accept()
    code, words = finish(process)
    assert code == 0, words
    assert "the store is back" in words


def test_an_interrupt_ends_a_launch_whose_server_is_silent(server: Server) -> None:
    process = launch(server)
    server.cluster.signal(signal.SIGSTOP)
    try:
        time.sleep(OUTAGE_S)
        process.send_signal(signal.SIGINT)
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, words = process.communicate(timeout=30)  # less than any time-out of a connection
        print(f"ended after {time.monotonic() - began:.1f} s")
    finally:
        server.cluster.signal(signal.SIGCONT)
        if process.poll() is None:
            os.kill(process.pid, signal.SIGKILL)
    assert (process.returncode, b"the store does not answer" in words) == (1, True)  # 130 from the command
    server.open()
    code, text = finish(start(server.url, server.configs(), steps=STEPS, slots=2))
    assert code == 0, text
    check_each_completed_once(server.direct, TRIALS, STEPS)


def test_a_trial_that_ended_while_the_server_was_away_is_recorded(server: Server) -> None:
    process = start(server.url, [server.config()], steps=STEPS, slots=1)
    until(lambda: steps(server.direct) > 1 and len(trial_processes(server.direct)) == 1)
    (running,) = trial_processes(server.direct)
    server.cluster.stop()
    server.open()
    until(lambda: not is_running(running))
    server.cluster.start()
    code, words = finish(process)
    assert code == 0, words
    check_each_completed_once(server.direct, 1, STEPS)
    assert [attempt.exit_reason for attempt in attempts_of(server.direct)] == ["completed"]


def test_an_outage_longer_than_a_lease_ends_trials_that_go_on_afterwards(server: Server) -> None:
    configs = server.configs()[:2]
    process = start(server.url, configs, steps=STEPS, slots=2, lease_s=4.0)
    until(lambda: len(trial_processes(server.direct)) == len(configs))
    until(lambda: min(trial.step or 0 for trial in trials_of(server.direct)) > 2)
    running = trial_processes(server.direct)
    server.cluster.stop()
    until(lambda: not any(is_running(each) for each in running))  # others could claim the trials now
    server.open()
    server.cluster.start()
    code, words = finish(process)
    assert code == 0, words
    check_each_completed_once(server.direct, len(configs), STEPS)
    attempts = attempts_of(server.direct)
    assert sorted(attempt.attempt for attempt in attempts) == [1, 1, 2, 2]
    for attempt in attempts:  # a slot that is the first to reach the store may find the other's lease expired
        taken_over = attempt.exit_reason == "killed" and attempt.supervisor_lost
        assert attempt.exit_reason == ("completed" if attempt.attempt == 2 else "preempted") or (
            attempt.attempt == 1 and taken_over
        )
    curves: dict[int, list[int]] = {}
    with reader.connect(server.direct) as connection:
        table = reader.measurements(connection, 1, "loss")
    for trial_id, step in zip(table.column("trial_id"), table.column("step"), strict=True):
        curves.setdefault(trial_id, []).append(step)
    assert [sorted(steps) for steps in curves.values()] == [list(range(1, STEPS + 1))] * len(configs)


def trial_processes(url: str) -> list[psutil.Process]:
    """The processes of running trials, as the store knows them."""
    with reader.connect(url) as connection:
        pids = connection.rows("SELECT pid FROM sweeper_attempts WHERE ended_at IS NULL AND pid IS NOT NULL", {})
    return [psutil.Process(pid) for (pid,) in pids]


def is_running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
