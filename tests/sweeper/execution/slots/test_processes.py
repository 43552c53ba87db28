"""A process is known by its pid and its start since boot, whatever is done to the clock."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from sqlalchemy import Engine

from sweeper.execution.slots import processes
from sweeper.execution.slots.launcher_watch import LauncherWatch
from sweeper.execution.slots.machine import free_abandoned_trials, this_machine
from sweeper.execution.slots.processes import is_alive, is_same, kill_trial, started_at
from sweeper.store.queue import queue
from tests.sweeper.store.builders import SLOT, enrolled, levels, phase

needs_proc = pytest.mark.skipif(not processes.HAS_PROC, reason="this system does not count ticks since boot")
STEP_S = 100


@pytest.fixture
def me() -> tuple[int, float]:
    return os.getpid(), started_at(os.getpid())


def step_the_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Move the time of the boot, as a step of the clock does."""
    before = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: before + STEP_S)
    assert abs(psutil.Process().create_time() - before) > STEP_S / 2


@needs_proc
def test_a_step_of_the_clock_makes_no_launcher_look_dead(
    me: tuple[int, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = LauncherWatch(*me)
    step_the_clock(monkeypatch)
    assert not watch.is_gone()
    assert is_same(*me)


@needs_proc
def test_a_step_of_the_clock_takes_no_trial_from_its_slot(
    me: tuple[int, float], engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    study_id = enrolled(engine, phase("screen", levels(1))).study_id
    slot = SLOT.__class__(
        host="here", machine=this_machine(), slot="cpu:0", device="cpu", device_share=1.0,
        supervisor_pid=me[0], supervisor_started_at=me[1],
    )  # fmt: skip
    lease = queue.claim_trial(engine, study_id, slot, lease_s=30.0, now=0.0)
    assert lease is not None
    step_the_clock(monkeypatch)
    assert free_abandoned_trials(engine, study_id) == 0
    assert queue.renew(engine, lease, lease_s=30.0, now=1.0, device_seconds=0.0, peak_memory_bytes=None)


@needs_proc
def test_a_step_of_the_clock_spares_no_left_over_process(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], start_new_session=True) as trial:
        began = started_at(trial.pid)
        step_the_clock(monkeypatch)
        kill_trial(trial.pid, began)
        assert trial.wait(10.0) < 0


@needs_proc
@pytest.mark.skipif(os.geteuid() != 0, reason="only root may put another file in the place of /proc/stat")
def test_a_process_is_known_after_the_kernel_has_moved_its_boot_time(me: tuple[int, float], tmp_path: Path) -> None:
    stat = Path("/proc/stat").read_text(encoding="ascii")
    moved = re.sub(r"^btime (\d+)", lambda found: f"btime {int(found[1]) + STEP_S}", stat, flags=re.M)
    (tmp_path / "stat").write_text(moved, encoding="ascii")
    script = f"from sweeper.execution.slots.processes import is_alive; print(is_alive({me[0]}, {me[1]!r}))"
    line = 'mount --bind "$0" /proc/stat && exec "$@"'
    command = ["unshare", "--mount", "sh", "-c", line, str(tmp_path / "stat"), sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here: {done.stderr.strip()}")
    assert done.stdout == "True\n"


@needs_proc
def test_start_times_compare_exactly(me: tuple[int, float]) -> None:
    pid, began = me
    assert is_alive(pid, began)
    assert not is_alive(pid, began + 1 / processes.TICKS_PER_S)
    assert not is_alive(pid, began - 1 / processes.TICKS_PER_S)


def test_the_rows_of_earlier_versions_have_seconds_since_the_epoch() -> None:
    created = psutil.Process().create_time()
    assert is_alive(os.getpid(), created + 0.5)
    assert not is_alive(os.getpid(), created + 5.0)


def test_a_system_without_proc_asks_psutil(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "HAS_PROC", False)
    began = started_at(os.getpid())
    assert began > processes.FIRST_EPOCH_S
    assert is_alive(os.getpid(), began)
    assert started_at(2**22 - 1) == 0.0


@needs_proc
def test_a_zombie_is_the_same_process_and_no_longer_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    began = started_at(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert is_same(child.pid, began)
    assert not is_alive(child.pid, began)
    child.wait()
    assert not is_same(child.pid, began)


@needs_proc
def test_a_name_with_brackets_and_spaces_is_read(tmp_path: Path) -> None:
    program = tmp_path / "a) Z 1 (b"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([program, "60"]) as process:
        began = started_at(process.pid)
        assert abs(psutil.Process(process.pid).create_time() - psutil.boot_time() - began) < 1.0
        assert is_alive(process.pid, began)
        process.kill()
