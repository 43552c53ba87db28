"""What continues from, and is dropped of, the directories that a takeover leaves; and who may take over where."""

import errno
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
from sqlalchemy import Engine, update

from sweeper.errors import SweeperError
from sweeper.execution.slots import directory_lock, occupying, slot, supervisor
from sweeper.execution.slots.machine import free_abandoned_trials, this_machine
from sweeper.execution.slots.occupying import Occupied, occupy
from sweeper.execution.slots.processes import is_alive, started_at
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.records import Outcome
from sweeper.store.schema import attempts, trials
from sweeper.store.transactions import writing
from tests.sweeper.cli.conftest import Answer, sweeper
from tests.sweeper.execution.slots import hash_chain
from tests.sweeper.execution.slots.studies import enrolled, run_loop, runs_of, study_of, trials_of
from tests.sweeper.execution.slots.test_run_directories import CHAIN, begun, ended, living_slot
from tests.sweeper.store.builders import Budget, Plan, PlannedPhase, PlannedTrial, hash_of

__all__ = ["sweeper"]

pytestmark = pytest.mark.usefixtures("no_process_left")

CONFIG = {"salt": "a", "number": 0}
STEPS = 3
CHECKPOINT = "checkpoint.json"
NAMED = {**CHAIN["program"], "checkpoint": CHECKPOINT}


def digests(steps: int) -> list[str]:
    found = [""]
    for step in range(1, steps + 1):
        found.append(hash_chain.link("a", step, found[-1]))
    return found


def taken_over(engine: Engine, study: int, first: Occupied) -> Occupied:
    """The attempt of this machine on the trial of a slot elsewhere that has fallen silent."""
    with writing(engine) as connection:
        connection.execute(update(trials).where(trials.c.id == first.lease.trial_id).values(lease_expires_at=0.0))
    while (lease := queue.claim_trial(engine, study, living_slot(), lease_s=60.0)) is None:
        pass
    assert lease.trial_id == first.lease.trial_id
    return occupy(engine, lease)


def released(attempt: Occupied) -> None:
    """The lock of an attempt goes, as when its processes end."""
    if attempt.lock is not None:
        os.close(attempt.lock)


def write_up_to(run_dir: Path, step: int) -> None:
    """What a chain has left after a step."""
    lines = [json.dumps({"step": each, "loss": value}) for each, value in hash_chain.chain("a", step)]
    (run_dir / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))
    (run_dir / CHECKPOINT).write_text(json.dumps([step, digests(step)[-1]]))


@pytest.fixture
def superseded(url: str, engine: Engine) -> Iterator[list[Path]]:
    """A completed trial whose second attempt had a directory of its own: the first one's, then the second's.

    The first one's process has gone on since, and its files differ. A phase is to be promoted from the second's.
    """
    screen = PlannedTrial("screen", 0, {"number": 0}, CONFIG, hash_of(CONFIG), 0, Budget(STEPS))
    long = PlannedTrial("long", 0, None, None, None, 0, Budget(2 * STEPS))
    plan = Plan(
        "s",
        (
            PlannedPhase("screen", "list", {"design": {"list": []}}, (screen,), (("screen", 0),)),
            PlannedPhase(
                "long",
                "promote",
                {"design": {"promote": "screen", "top": 1, "from": "checkpoint"}, "budget": {"steps": 2 * STEPS}},
                (long,),
                (("long", 0),),
            ),
        ),
    )
    study = study_of(plan, trial={"program": NAMED, "config": CONFIG})
    enrol(engine, plan, study, runs_dir=runs_of(url), now=0.0)
    first = begun(engine, 1, "elsewhere/boot/1")
    write_up_to(first.lease.run_dir, 1)
    second = taken_over(engine, 1, first)
    write_up_to(second.lease.run_dir, STEPS)
    (first.lease.run_dir / CHECKPOINT).write_text(json.dumps([STEPS, "of a process that was thawed"]))
    queue.finish(engine, second.lease, Outcome(exit_reason="completed", value=0.5), retry={})
    yield [first.lease.run_dir, second.lease.run_dir]
    for each in (first, second):
        released(each)


def test_a_trial_is_promoted_from_the_directory_of_the_attempt_that_completed(url: str, superseded: list[Path]) -> None:
    assert [path.name for path in superseded] == ["00000", "00000.2"]
    assert run_loop(url, 1) == "done"
    assert [trial.state for trial in trials_of(url)] == ["completed"] * 2
    with reader.connect(url) as connection:
        table = reader.measurements(connection, 1, "loss")
    rows = zip(table.column("phase"), table.column("step"), table.column("value"), strict=True)
    curve = [(step, value) for phase, step, value in rows if phase == "long"]
    assert curve == hash_chain.chain("a", 2 * STEPS)


@pytest.mark.parametrize("gone", [".", CHECKPOINT])
@pytest.mark.parametrize("host", ["here", "elsewhere"])
def test_a_promoted_trial_whose_source_is_gone_says_so_and_uses_up_no_retries(  # noqa: PLR0917 - what is gone, and where
    monkeypatch: pytest.MonkeyPatch, url: str, engine: Engine, superseded: list[Path], gone: str, host: str
) -> None:
    here = socket.gethostname() if host == "here" else host
    with writing(engine) as connection:
        connection.execute(update(attempts).values(host=here))
    monkeypatch.setattr(slot, "HELP_S", 0.0)
    held = superseded[1].with_name("held")
    moved = superseded[1] / gone
    moved.rename(held)
    if host == "here":
        assert run_loop(url, 1) == "done"
        (trial,) = (each for each in trials_of(url) if each.phase == "long")
        assert (trial.state, trial.exit_reason, trial.attempts) == ("failed", "crashed", 1)
        assert trial.message is not None
        assert "Restore it, then run `sweeper retry s`" in trial.message
        held.rename(moved)
        queue.retry_failed(engine, 1)
    else:
        with pytest.raises(SweeperError, match=f"it was written on {host}. Share the run directories with {host}"):
            run_loop(url, 1)
        (trial,) = (each for each in trials_of(url) if each.phase == "long")
        assert (trial.state, trial.exit_reason) == ("waiting", "preempted")
        assert trial.message is not None
        held.rename(moved)
        with writing(engine) as connection:
            connection.execute(update(trials).values(not_before=0.0))
    assert str(superseded[1] / CHECKPOINT) in trial.message
    assert run_loop(url, 1) == "done"
    (trial,) = (each for each in trials_of(url) if each.phase == "long")
    assert (trial.state, trial.value) == ("completed", min(value for _, value in hash_chain.chain("a", 2 * STEPS)))


def test_a_promoted_trial_whose_own_checkpoint_is_gone_does_not_begin_from_scratch(
    url: str, engine: Engine, superseded: list[Path]
) -> None:
    assert superseded
    own = runs_of(url) / "s" / "long" / "00000"

    def lost(*_: object) -> NoReturn:
        (own / CHECKPOINT).unlink()
        raise OSError(errno.EIO, "the machine's trouble", str(own))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(supervisor, "prepare", lost)
        patch.setattr(slot, "FIRST_BACK_OFF_S", 0.01)
        assert run_loop(url, 1) == "done"
    (long,) = (each for each in trials_of(url) if each.phase == "long")
    assert (long.state, long.step) == ("failed", None)
    assert long.message is not None
    assert str(own / CHECKPOINT) in long.message
    assert f"Delete {own}, so that it is copied again, then run `sweeper retry s`" in long.message
    shutil.rmtree(own)
    queue.retry_failed(engine, 1)
    assert run_loop(url, 1) == "done"
    (long,) = (each for each in trials_of(url) if each.phase == "long")
    assert (long.state, long.value) == ("completed", min(value for _, value in hash_chain.chain("a", 2 * STEPS)))


def test_gc_drops_superseded_checkpoints_and_keeps_the_one_that_a_trial_is_promoted_from(
    url: str, superseded: list[Path], sweeper: Callable[..., Answer]
) -> None:
    answer = sweeper("gc", "s", "--keep", "none", "--store", url)
    assert answer.out.splitlines()[-1].startswith("s: deleted 1 checkpoint, ")
    assert [(path / CHECKPOINT).exists() for path in superseded] == [False, True]
    assert all((path / "metrics.jsonl").exists() for path in superseded)
    assert run_loop(url, 1) == "done"
    answer = sweeper("gc", "s", "--keep", "last", "--store", url)
    assert answer.out.splitlines()[-1].startswith("s: deleted 0 checkpoints, ")
    answer = sweeper("gc", "s", "--keep", "none", "--store", url)
    assert answer.out.splitlines()[-1].startswith("s: deleted 2 checkpoints, ")
    assert not (superseded[1] / CHECKPOINT).exists()


def test_gc_leaves_all_directories_of_a_trial_that_runs_alone(
    url: str, engine: Engine, sweeper: Callable[..., Answer]
) -> None:
    study = enrolled(url, [CONFIG], trial={"program": NAMED})
    first = begun(engine, study, "elsewhere/boot/1")
    write_up_to(first.lease.run_dir, 1)
    second = taken_over(engine, study, first)
    answer = sweeper("gc", "s", "--keep", "none", "--store", url)
    assert answer.out == "s: deleted 0 checkpoints, 0 kB.\n"
    assert all((each.lease.run_dir / CHECKPOINT).exists() for each in (first, second))
    ended(engine, second)
    released(first)


def test_show_finds_matches_of_patterns_in_the_directory_of_the_latest_attempt(
    url: str, engine: Engine, sweeper: Callable[..., Answer]
) -> None:
    program = {"command": ["true"], "metrics": {"loss": r"loss (\S+)"}, "checkpoint": None}
    study = enrolled(url, [CONFIG], trial={"program": program})
    first = begun(engine, study, "elsewhere/boot/1")
    second = taken_over(engine, study, first)
    (second.lease.run_dir / "output.log").write_text("loss 0.5\n")
    answer = sweeper("show", "s", "0", "--json", "--store", url)
    assert "loss" in json.loads(answer.out)["patterns"]
    ended(engine, second)
    released(first)


@pytest.fixture
def neighbour() -> Iterator[subprocess.Popen[bytes]]:
    """A process that has nothing to do with any trial."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process
        process.kill()


@pytest.mark.parametrize("is_on_one_kernel", [True, False])
def test_containers_of_one_name_do_not_take_each_other_s_processes_for_their_own(
    url: str,
    engine: Engine,
    monkeypatch: pytest.MonkeyPatch,
    neighbour: "subprocess.Popen[bytes]",
    *,
    is_on_one_kernel: bool,
) -> None:
    """The other's slot and trial have process ids that are those of a dead process and of a stranger here."""
    monkeypatch.setattr(occupying, "WAIT_S", 0.2)
    monkeypatch.setattr(directory_lock, "LOCAL", frozenset())  # they share a network drive
    study = enrolled(url, [CONFIG], trial=CHAIN)
    boot = this_machine().split("/")[1] if is_on_one_kernel else "of-another-kernel"
    twin = replace(
        living_slot(f"{socket.gethostname()}/{boot}/1"),
        host=socket.gethostname(),
        supervisor_pid=2**22 + 1,
    )
    lease = queue.claim_trial(engine, study, twin, lease_s=60.0)
    assert lease is not None
    first = occupy(engine, lease)
    queue.record_process(engine, lease, neighbour.pid, started_at(neighbour.pid))
    assert free_abandoned_trials(engine, study) == 0
    assert trials_of(url)[0].state == "running"
    if not is_on_one_kernel:
        released(first)  # its lock may be forgotten
    second = taken_over(engine, study, first)
    assert is_alive(neighbour.pid, started_at(neighbour.pid))
    assert second.lease.run_dir.name == "00000.2"
    ended(engine, second)
    if is_on_one_kernel:
        released(first)
