"""Run directories belong to a store and an attempt: whoever shares them, and whoever comes back late, harms nobody."""

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from typing import Any
from uuid import uuid4

import psutil
import pytest
from sqlalchemy import Engine, select, update

from sweeper.errors import SweeperError
from sweeper.execution.slots import occupying, processes, slot, superseded
from sweeper.execution.slots.directory_lock import LOCK_FILE
from sweeper.execution.slots.occupying import Occupied, occupy
from sweeper.execution.slots.run_root import OWNER_FILE, settle_root
from sweeper.store.engine import open_existing
from sweeper.store.queue import finishing, queue
from sweeper.store.reading import reader
from sweeper.store.records import Lease, Outcome, SlotIdentity
from sweeper.store.schema import attempts, store, studies, trials
from sweeper.store.transactions import reading, writing
from tests.sweeper.execution.slots import hash_chain
from tests.sweeper.execution.slots.studies import (
    RETRY,
    attempts_of,
    enrolled,
    launched,
    run_loop,
    trials_of,
)
from tests.sweeper.execution.slots.test_launcher import until
from tests.sweeper.store.builders import SLOT

pytestmark = pytest.mark.usefixtures("no_process_left")

CHAIN = {"program": {"command": [sys.executable, "-I", "-S", hash_chain.__file__], "metrics": None}}
MACHINE = "SWEEPER_TEST_MACHINE"  # in the environment of all that runs on a machine of a test
HOLDER = "import fcntl, sys; f = open(sys.argv[1], 'r+'); fcntl.flock(f, fcntl.LOCK_EX); print(1, flush=True); input()"


@pytest.fixture(autouse=True)
def no_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finishing, "BACK_OFF_S", 0.0)
    monkeypatch.setattr(slot, "FIRST_BACK_OFF_S", 0.01)


@pytest.fixture
def other_url(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Another store; those of the tests are copies of one, and have one identity otherwise."""
    for each in _second(url, request, tmp_path):
        give_identity(each)
        yield each


@pytest.fixture
def copy_url(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A copy of the store before anything was written to it."""
    yield from _second(url, request, tmp_path)


def _second(url: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if not url.startswith("sqlite:"):
        cluster = request.getfixturevalue("cluster")
        second, name = cluster.new_store()
        yield second
        cluster.drop(name)
        return
    (tmp_path / "other").mkdir()
    shutil.copy(request.getfixturevalue("empty_store"), tmp_path / "other" / "store.db")
    yield f"sqlite:///{tmp_path / 'other' / 'store.db'}"


def give_identity(url: str) -> None:
    engine = open_existing(url)
    with writing(engine) as connection:
        connection.execute(update(store).values(uid=uuid4().hex))
    engine.dispose()


@contextmanager
def launch(url: str, runs: Path, salt: str, *, trials: int, steps: int) -> Iterator[subprocess.Popen[bytes]]:
    """A launch of hash chains."""
    configs = [{"salt": f"{salt} {number}", "step_s": 0.05} for number in range(trials)]
    words = [url, json.dumps(configs), str(steps), "2", "60", json.dumps({"trial": CHAIN, "retry": RETRY})]
    command = [sys.executable, "-m", "tests.sweeper.execution.slots.launch_script", *words]
    environment = {**os.environ, "SWEEPER_RUNS": str(runs)}
    with subprocess.Popen(command, start_new_session=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def curves_of(url: str) -> dict[int, list[tuple[int, float]]]:
    with reader.connect(url) as connection:
        table = reader.measurements(connection, 1, "loss")
    found: dict[int, list[tuple[int, float]]] = {}
    for number, step, value in zip(table.column("number"), table.column("step"), table.column("value"), strict=True):
        found.setdefault(number, []).append((step, value))
    return found


def check_chains(url: str, salt: str, *, trials: int, steps: int) -> None:
    assert [trial.state for trial in trials_of(url)] == ["completed"] * trials
    assert curves_of(url) == {number: hash_chain.chain(f"{salt} {number}", steps) for number in range(trials)}


def run_dirs(url: str) -> list[Path]:
    """The run directories of all attempts, in their order."""
    engine = open_existing(url)
    with reading(engine) as connection:
        found = [
            Path(text) for text in connection.execute(select(attempts.c.run_dir).order_by(attempts.c.id)).scalars()
        ]
    engine.dispose()
    return found


def steps_in(run_dir: Path) -> int:
    path = run_dir / "metrics.jsonl"
    return path.read_text().count("\n") if path.exists() else 0


def state_of(directory: Path) -> dict[str, tuple[int, bytes]]:
    """All that is in a directory."""
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    return {str(path.relative_to(directory)): (path.stat().st_ino, path.read_bytes()) for path in files}


def test_two_stores_share_a_runs_directory_and_keep_their_results(url: str, other_url: str, tmp_path: Path) -> None:
    """Two people, one $SWEEPER_RUNS, studies of one name, at the same time."""
    runs = tmp_path / "shared"
    with launch(url, runs, "a", trials=4, steps=20) as one, launch(other_url, runs, "b", trials=4, steps=20) as other:
        assert (one.wait(120.0), other.wait(120.0)) == (0, 0)
    check_chains(url, "a", trials=4, steps=20)
    check_chains(other_url, "b", trials=4, steps=20)
    assert len({path.parents[1] for path in (*run_dirs(url), *run_dirs(other_url))}) == 2
    assert {path.name for path in runs.iterdir()} >= {"s"}


def test_two_copies_of_a_store_keep_their_results(url: str, copy_url: str, tmp_path: Path) -> None:
    """They have one identity, and the same trials; only the locks and the tokens of attempts tell them apart."""
    runs = tmp_path / "shared"
    with launch(url, runs, "a", trials=3, steps=20) as one, launch(copy_url, runs, "b", trials=3, steps=20) as other:
        assert (one.wait(120.0), other.wait(120.0)) == (0, 0)
    check_chains(url, "a", trials=3, steps=20)
    check_chains(copy_url, "b", trials=3, steps=20)
    assert set(run_dirs(url)).isdisjoint(run_dirs(copy_url))


@pytest.mark.usefixtures("sqlite_only")
def test_a_store_that_is_copied_while_it_runs_leaves_the_running_trials_alone(url: str, tmp_path: Path) -> None:
    runs, copied = tmp_path / "shared", tmp_path / "copied.db"
    with launch(url, runs, "a", trials=2, steps=60) as one:
        until(lambda: len(curves_of(url)) == 2 if has_study(url) else False)
        with closing(sqlite3.connect(tmp_path / "store.db")) as source, closing(sqlite3.connect(copied)) as target:
            source.backup(target)
            target.execute("UPDATE sweeper_trials SET lease_expires_at = 0 WHERE state = 'running'")
            target.commit()
        with launch(f"sqlite:///{copied}", runs, "a", trials=2, steps=60) as other:
            assert (one.wait(120.0), other.wait(120.0)) == (0, 0)
    check_chains(url, "a", trials=2, steps=60)
    check_chains(f"sqlite:///{copied}", "a", trials=2, steps=60)
    assert [attempt.exit_reason for attempt in attempts_of(url)] == ["completed"] * 2


def has_study(url: str) -> bool:
    with reader.connect(url) as connection:
        return bool(reader.studies(connection))


def test_a_live_run_directory_is_never_moved(url: str, tmp_path: Path) -> None:
    """A process of somebody else's, whose store nobody knows, writes there."""
    run_dir = tmp_path / "runs" / "s" / "screen" / "00000"
    run_dir.mkdir(parents=True)
    (run_dir / "trial.json").write_text('{"configuration_hash": "other", "seed": 0, "budget": {"steps": 3}}')
    write = "import sys, time\nwhile True: open(sys.argv[1], 'a').write('x'); time.sleep(0.01)"
    with subprocess.Popen([sys.executable, "-c", write, str(run_dir / "metrics.jsonl")], start_new_session=True) as it:
        try:
            until((run_dir / "metrics.jsonl").exists)
            before = run_dir.stat().st_ino
            study = enrolled(url, [{"salt": "a"}], trial=CHAIN)
            assert run_loop(url, study) == "done"
            assert run_dir.stat().st_ino == before
            assert it.poll() is None
        finally:
            it.kill()
    assert sorted(path.name for path in run_dir.parent.iterdir()) == ["00000"]
    assert sorted(path.name for path in run_dir.iterdir()) == ["metrics.jsonl", "trial.json"]
    assert set((run_dir / "metrics.jsonl").read_text()) == {"x"}
    assert curves_of(url)[0] == hash_chain.chain("a", 3)


@contextmanager
def held(run_dir: Path) -> Iterator[int]:
    """Somebody who holds the lock of a run directory, for a slot of another machine; yields the pid."""
    holder = {"store_uid": "x", "address": "y", "attempt_id": 1, "trial": "screen/0", "host": "far"}
    (run_dir / LOCK_FILE).write_text(json.dumps({**holder, "machine": "far/boot/1", "pid": 1}))
    command = [sys.executable, "-c", HOLDER, str(run_dir / LOCK_FILE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield process.pid
        finally:
            process.kill()


def begun(engine: Engine, study: int, machine: str | None = None) -> Occupied:
    """An attempt of the study's trial, and its run directory."""
    lease = queue.claim_trial(engine, study, living_slot(machine), lease_s=60.0)
    assert lease is not None
    return occupy(engine, lease)


def living_slot(machine: str | None = None) -> SlotIdentity:
    """A slot of this process: slots of this machine take trials from those whose process is gone."""
    pid = os.getpid()
    return replace(
        SLOT,
        machine=machine or occupying.this_machine(),
        supervisor_pid=pid,
        supervisor_started_at=processes.started_at(pid),
    )


def ended(engine: Engine, attempt: Occupied, reason: Any = "crashed") -> None:
    queue.finish(engine, attempt.lease, Outcome(exit_reason=reason), retry={"crashed": 9})
    if attempt.lock is not None:
        os.close(attempt.lock)


def test_what_a_slot_left_that_died_while_it_made_a_directory_is_removed(url: str, engine: Engine) -> None:
    study = enrolled(url, [{"salt": "a"}], trial=CHAIN)
    first = begun(engine, study)
    ended(engine, first, "preempted")
    run_dir = first.lease.run_dir
    left = run_dir.with_name(f".{run_dir.name}.draft-x")
    run_dir.rename(left)
    second = begun(engine, study)
    assert second.lease.run_dir == run_dir
    assert run_dir.is_dir()
    assert not left.exists()
    ended(engine, second)


def test_a_directory_whose_lock_is_held_is_left_alone_and_the_holder_named(
    url: str, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(occupying, "WAIT_S", 0.2)
    study = enrolled(url, [{"salt": "a"}], trial=CHAIN)
    first = begun(engine, study)
    run_dir = first.lease.run_dir
    queue.record_process(engine, first.lease, 1 << 22, 1.0)
    (run_dir / "checkpoint.json").write_text(json.dumps([2, "digest"]))
    ended(engine, first)
    with held(run_dir) as pid:
        before = state_of(run_dir)
        assert run_loop(url, study) == "done"
        assert state_of(run_dir) == before
    turned_away, completed = attempts_of(url)[1:]
    assert turned_away.exit_reason == "preempted"
    assert f"its run directory {run_dir} is in use by process {pid} on far, for trial screen/0 of y. " in (
        turned_away.message or ""
    )
    assert completed.exit_reason == "completed"
    assert run_dirs(url) == [run_dir, run_dir, run_dir.with_name("00000.3")]
    assert [step for step, _ in curves_of(url)[0]] == [3]  # on from the checkpoint of the first one


def test_what_another_attempt_of_ours_has_left_running_is_killed(url: str, engine: Engine) -> None:
    study = enrolled(url, [{"salt": "a"}], trial=CHAIN)
    first = begun(engine, study)
    assert first.lock is not None
    queue.record_process(engine, first.lease, 1 << 22, 1.0)
    command = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(command, pass_fds=[first.lock], start_new_session=True) as daemon:
        ended(engine, first)
        second = begun(engine, study)
        assert second.lease.run_dir == first.lease.run_dir
        assert daemon.wait(30.0) == -signal.SIGKILL
    ended(engine, second)


@contextmanager
def slot_of_machine(name: str, url: str, study: int) -> Iterator[subprocess.Popen[bytes]]:
    """A slot in a process of its own; afterwards nothing of its machine is left, even if it stands still."""
    script = f"from tests.sweeper.execution.slots.studies import run_loop; run_loop({url!r}, {study}, lease_s=6.0)"
    environment = {**os.environ, MACHINE: f"{name} of {url}"}
    with subprocess.Popen([sys.executable, "-c", script], env=environment, start_new_session=True) as process:
        try:
            yield process
        finally:
            for each in of_machine(name, url):
                with suppress(psutil.NoSuchProcess):
                    each.kill()


def test_a_process_thawed_after_a_takeover_writes_into_its_own_attempt_s_files(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine stands still with all that runs on it, and another one takes the trial over."""
    steps = 60
    study = enrolled(url, [{"salt": "a 0", "step_s": 0.05}], steps=steps, trial=CHAIN)
    with slot_of_machine("one", url, study) as first:
        until(lambda: len(curves_of(url).get(0, ())) >= 5)
        frozen = of_machine("one", url)
        assert len(frozen) >= 3  # the slot, its guard and the trial
        for process in frozen:
            process.send_signal(signal.SIGSTOP)
        own = run_dirs(url)[0]
        kept = steps_in(own)
        for module in (slot, occupying, superseded):
            monkeypatch.setattr(module, "this_machine", lambda: "elsewhere/boot/1")
        with ThreadPoolExecutor(1) as pool:
            loop = pool.submit(run_loop, url, study, lease_s=60.0)
            until(lambda: len(run_dirs(url)) > 1 and steps_in(own.with_name("00000.2")) >= kept + 2)
            assert steps_in(own) == kept
            trial = next(process for process in frozen if process.pid == attempts_of(url)[0].pid)
            trial.send_signal(signal.SIGCONT)
            until(lambda: steps_in(own) >= kept + 2)  # late, and with nobody who ends it
            for process in frozen:
                with suppress(psutil.NoSuchProcess):  # ended by its guard, which comes first
                    process.send_signal(signal.SIGCONT)
            until(loop.done)
            assert loop.result() == "done"
        first.wait(60.0)
    check_chains(url, "a", trials=1, steps=steps)
    assert run_dirs(url) == [own, own.with_name("00000.2")]
    lines = (own.with_name("00000.2") / "metrics.jsonl").read_text().splitlines()
    written = [json.loads(line)["step"] for line in lines]
    assert written == list(range(1, steps + 1))  # nobody else wrote there
    lost, completed = attempts_of(url)
    assert (lost.exit_reason, lost.supervisor_lost, completed.exit_reason) == ("killed", True, "completed")


def of_machine(name: str, url: str) -> list[psutil.Process]:
    """What runs on a machine of this test: another one, running beside it, may name its machines likewise."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.environ().get(MACHINE) == f"{name} of {url}":
                found.append(process)
    return found


@pytest.mark.parametrize("thaws", [True, False])
def test_a_stopped_slot_s_time_is_in_the_ledger(url: str, tmp_path: Path, *, thaws: bool) -> None:
    """Its guard ends the trial, most of a lease after the last heartbeat; the slot says so later, or is dead."""
    beats = tmp_path / "beats"
    study = enrolled(url, [{"salt": "a", "step_s": 0.05, "beats": str(beats)}], steps=10_000, trial=CHAIN)
    with slot_of_machine("one", url, study) as first:
        until(lambda: len(curves_of(url).get(0, ())) >= 5)
        first.send_signal(signal.SIGSTOP)
        until(lambda: stands_still(beats))
        with reader.connect(url) as connection:
            ((started_at,),) = connection.rows("SELECT pid_started_at FROM sweeper_attempts", {})
        lived_s = float(beats.read_text().split()[-1]) - started_at
        second = open_existing(url)
        lease = None
        while lease is None:  # until the lease has expired
            lease = queue.claim_trial(second, study, living_slot(), lease_s=60.0)
            time.sleep(0.1)
        assert attempts_of(url)[0].device_seconds < lived_s - 2.0
        if thaws:
            first.send_signal(signal.SIGCONT)
            until(lambda: attempts_of(url)[0].device_seconds > lived_s - 1.0)
            queue.finish(second, lease, Outcome(exit_reason="cancelled"), retry={})
            first.wait(60.0)
        else:
            first.kill()
            attempt = occupy(second, lease)
            ended(second, attempt, "cancelled")
        second.dispose()
    row = attempts_of(url)[0]
    assert row.device_seconds == pytest.approx(lived_s, abs=1.0)
    assert row.ended_at is not None
    assert row.ended_at - row.started_at == pytest.approx(lived_s, abs=3.0)


def stands_still(path: Path) -> bool:
    size = path.stat().st_size
    time.sleep(1.0)
    return path.stat().st_size == size


def test_first_launches_of_many_stores_get_directories_of_their_own(tmp_path: Path, empty_store: Path) -> None:
    """One has the usual directory; who is first decides, and nobody sees a half-written owner."""
    urls = []
    for number in range(6):
        shutil.copy(empty_store, tmp_path / f"{number}.db")
        urls.append(f"sqlite:///{tmp_path / f'{number}.db'}")
        give_identity(urls[-1])
        assert enrolled(urls[-1], [{}]) == 1
    barrier = Barrier(len(urls))

    def settle(url: str) -> Path:
        engine = open_existing(url)
        barrier.wait()
        try:
            return settle_root(engine, 1).path
        finally:
            engine.dispose()

    with ThreadPoolExecutor(len(urls)) as pool:
        roots = list(pool.map(settle, urls))
    assert len(set(roots)) == len(urls)
    assert tmp_path / "runs" / "s" in roots
    with ThreadPoolExecutor(len(urls)) as pool:
        assert list(pool.map(settle, urls)) == roots


def test_a_store_that_was_made_anew_leaves_the_files_of_the_one_before_alone(url: str, other_url: str) -> None:
    runs = enrolled_root(url, {"salt": "a"})
    assert run_loop(url, 1) == "done"
    before = state_of(runs / "s")
    assert enrolled_root(other_url, {"salt": "b"}, runs) == runs
    assert run_loop(other_url, 1) == "done"
    assert state_of(runs / "s") == before
    assert curves_of(other_url)[0] == hash_chain.chain("b", 3)


def enrolled_root(url: str, config: dict[str, Any], runs: Path | None = None) -> Path:
    """Enrol a study of one hash chain; return the directory of the studies' directories."""
    enrolled(url, [config], trial=CHAIN)
    engine = open_existing(url)
    with writing(engine) as connection:
        if runs is not None:
            connection.execute(update(studies).values(runs_dir=str(runs), run_root=str(runs / "s")))
        found = Path(connection.execute(select(studies.c.runs_dir)).scalar_one())
    engine.dispose()
    return found


def of_earlier_version(root: Path, engine: Engine) -> None:
    """Make run directories what versions left that wrote no owner, no lock and no token."""
    (root / OWNER_FILE).unlink()
    for path in root.glob("screen/*/trial.json"):
        found = json.loads(path.read_text())
        path.write_text(json.dumps({name: found[name] for name in ("configuration_hash", "seed", "budget")}))
        (path.parent / LOCK_FILE).unlink()
    with writing(engine) as connection:
        connection.execute(update(attempts).values(token=None))


def crash_once(url: str, engine: Engine) -> Path:
    """A study whose trial was ended after its second step by an earlier version; returns its run directory."""
    study = enrolled(url, [{"salt": "a"}], trial=CHAIN, retry={"crashed": 2})
    first = begun(engine, study)
    run_dir = first.lease.run_dir
    queue.record_process(engine, first.lease, 1 << 22, 1.0)
    digest = hash_chain.link("a", 1, "")
    (run_dir / "checkpoint.json").write_text(json.dumps([1, digest]))
    (run_dir / "metrics.jsonl").write_text(json.dumps({"step": 1, "loss": hash_chain.number(digest)}) + "\n")
    (run_dir / ".attempt.json").write_text(json.dumps({"attempt": first.lease.attempt_id, "start": 0, "cut_at": None}))
    ended(engine, first)
    of_earlier_version(run_dir.parents[1], engine)
    return run_dir


def test_run_directories_of_an_earlier_version_go_on_where_they_are(url: str, engine: Engine) -> None:
    run_dir = crash_once(url, engine)
    assert run_loop(url, 1) == "done"
    assert curves_of(url)[0] == hash_chain.chain("a", 3)
    assert run_dirs(url) == [run_dir, run_dir]
    assert (run_dir / "metrics.jsonl").read_text().count("\n") == 3  # it did resume
    assert json.loads((run_dir.parents[1] / OWNER_FILE).read_text())["study"] == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("trial.json", '{"configuration_hash": "other", "seed": 0, "budget": {"steps": 3}}'),
        (".attempt.json", '{"attempt": 77, "start": 0, "cut_at": null}'),
    ],
)
def test_run_directories_of_an_earlier_version_that_are_another_s_are_not_taken(
    url: str, engine: Engine, name: str, text: str
) -> None:
    run_dir = crash_once(url, engine)
    (run_dir / name).write_text(text)
    before = state_of(run_dir)
    assert run_loop(url, 1) == "done"
    assert curves_of(url)[0] == hash_chain.chain("a", 3)
    assert state_of(run_dir) == before
    assert run_dirs(url)[1].parents[1] != run_dir.parents[1]


def test_runs_that_cannot_be_written_are_an_error_that_says_where(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("SWEEPER_RUNS", str(tmp_path / "file"))
    with pytest.raises(SweeperError) as error:
        launched(url, [{}])
    assert str(error.value) == (
        f"run directories: {tmp_path / 'file'}: File exists. Make room, make it writable, or set $SWEEPER_RUNS to "
        "another directory before a study's first launch"
    )


def taken_over(engine: Engine, study: int) -> Lease:
    """The lease of a slot of this machine on a trial whose lease has just expired."""
    with writing(engine) as connection:
        connection.execute(update(trials).values(lease_expires_at=0.0))
    while True:
        if (lease := queue.claim_trial(engine, study, living_slot(), lease_s=60.0)) is not None:
            return lease


def test_an_attempt_of_another_machine_that_was_lost_keeps_its_directory(url: str, engine: Engine) -> None:
    """Also if the next attempt dies before it has one."""
    study = enrolled(url, [{"salt": "a"}], trial=CHAIN)
    first = begun(engine, study, "elsewhere/boot/1")
    run_dir = first.lease.run_dir
    (run_dir / "checkpoint.json").write_text("[]")
    (run_dir / "latest").symlink_to(run_dir / "checkpoint.json")
    (run_dir / "shared").symlink_to("/tmp")
    before = state_of(run_dir)
    taken_over(engine, study)
    lease = taken_over(engine, study)
    second = occupy(engine, lease)
    assert second.lease.run_dir == run_dir.with_name("00000.3")
    assert (second.lease.run_dir / "checkpoint.json").read_text() == "[]"
    assert (second.lease.run_dir / "latest").readlink() == second.lease.run_dir / "checkpoint.json"
    assert (second.lease.run_dir / "shared").readlink() == Path("/tmp")
    assert state_of(run_dir) == before
    assert sorted(path.name for path in run_dir.parent.iterdir()) == ["00000", "00000.3"]
    ended(engine, second)
    if first.lock is not None:
        os.close(first.lock)
    third = begun(engine, study)
    assert third.lease.run_dir == second.lease.run_dir  # and from there it goes on
    ended(engine, third)
