"""Guards: a trial ends although its slot is dead, silent or stuck, and so does a slot that is stuck."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from sweeper.execution.slots.guard import ENDED_FILE, Guard
from sweeper.execution.slots.guard_process import ALIVE_FILE, ALIVE_S, Watch, since_boot, write_life
from sweeper.execution.slots.process import start
from tests.sweeper.execution.slots.test_process import PARENT, PYTHON, SLEEP, child_of, gone, run, until

pytestmark = pytest.mark.usefixtures("no_process_left")

PATIENT = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(1, flush=True); time.sleep(60)"
# A slot that starts a trial and is stuck from then on; arguments: the launcher, the guard's three times, a directory.
STUCK = f"""
import os, signal, sys, time
from pathlib import Path
from sweeper.execution.slots.guard import Guard, Owners
from sweeper.execution.slots.process import start
from sweeper.execution.slots.processes import started_at

signal.signal(signal.SIGTERM, signal.SIG_IGN)
launcher, folder = int(sys.argv[1]), Path(sys.argv[5])
silent_s, stuck_s, orphan_s = map(float, sys.argv[2:5])
me = os.getpid()
slot, launcher = ((pid, started_at(pid)) for pid in (me, launcher))
owners = Owners(slot=slot, launcher=launcher, stuck_s=stuck_s, orphan_s=orphan_s)
guard = Guard(owners)
trial = start({[*PYTHON, SLEEP]!r}, environment={{}}, cwd=folder, output=folder / "out")
guard.watch(trial.pid, silent_s, folder)
print(trial.pid, flush=True)
while sys.argv[6:]:
    guard.beat(silent_s)
    time.sleep(silent_s / 4)
time.sleep(60)
"""
LONG = 600.0


@contextmanager
def stuck_slot(
    folder: Path, *, launcher: int, times: tuple[float, float, float], beats: bool = False
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A slot, and the pid of its trial."""
    command = [sys.executable, "-c", STUCK, str(launcher), *map(str, times), str(folder), *(["beats"] if beats else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as slot:
        try:
            assert slot.stdout is not None
            yield slot, int(slot.stdout.readline())
        finally:
            slot.kill()


def note_of(folder: Path) -> dict[str, object]:
    found: dict[str, object] = json.loads((folder / ENDED_FILE).read_text())
    return found


def test_a_slot_that_stays_silent_after_its_trial_was_killed_is_killed(tmp_path: Path) -> None:
    with stuck_slot(tmp_path, launcher=os.getpid(), times=(0.2, 0.2, LONG)) as (slot, trial):
        assert slot.wait(60.0) == -signal.SIGKILL
    assert gone(trial)
    assert note_of(tmp_path)["reason"] == "its slot was stuck"


def test_a_slot_that_is_alive_again_in_time_is_spared(tmp_path: Path) -> None:
    with stuck_slot(tmp_path, launcher=os.getpid(), times=(0.2, 2.0, LONG), beats=True) as (slot, _):
        slot.send_signal(signal.SIGSTOP)
        until((tmp_path / ENDED_FILE).exists)
        slot.send_signal(signal.SIGCONT)
        with pytest.raises(subprocess.TimeoutExpired):
            slot.wait(2.5)


def test_a_slot_that_outlives_its_launcher_is_killed_although_it_ignores_being_asked(tmp_path: Path) -> None:
    times = (LONG, LONG, 0.3)
    with (
        subprocess.Popen([*PYTHON, SLEEP]) as launcher,
        stuck_slot(tmp_path, launcher=launcher.pid, times=times) as (slot, trial),
    ):
        with pytest.raises(subprocess.TimeoutExpired):
            slot.wait(0.5)
        launcher.kill()
        assert slot.wait(60.0) == -signal.SIGKILL
        until(lambda: gone(trial))


def test_a_slot_whose_launcher_had_ended_before_the_guard_began_is_killed(tmp_path: Path) -> None:
    with stuck_slot(tmp_path, launcher=2**22 - 1, times=(LONG, LONG, 0.1)) as (slot, _):
        assert slot.wait(60.0) == -signal.SIGKILL


def test_when_a_trial_ended_with_its_slot_is_in_its_directory(tmp_path: Path) -> None:
    with stuck_slot(tmp_path, launcher=os.getpid(), times=(LONG, LONG, LONG)) as (slot, trial):
        slot.kill()
        killed = time.clock_gettime(time.CLOCK_BOOTTIME)
    until(lambda: (tmp_path / ENDED_FILE).exists() and (tmp_path / ENDED_FILE).read_text() != "")
    note = note_of(tmp_path)
    assert note["reason"] == "its slot was killed"
    assert note["group"] == trial
    assert note["boot_id"] == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert isinstance(note["seconds"], float)
    assert killed - 0.01 <= note["seconds"] <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_a_trial_that_ended_before_its_slot_was_killed_has_its_own_end(tmp_path: Path) -> None:
    with stuck_slot(tmp_path, launcher=os.getpid(), times=(LONG, LONG, LONG)) as (slot, trial):
        os.kill(trial, signal.SIGKILL)
        time.sleep(0.5)
        killed = time.clock_gettime(time.CLOCK_BOOTTIME)
        slot.kill()
    until(lambda: (tmp_path / ENDED_FILE).exists() and (tmp_path / ENDED_FILE).read_text() != "")
    assert note_of(tmp_path)["seconds"] < killed  # type: ignore[operator]


@pytest.mark.parametrize("stopped_s", [0.0, 60.0])
def test_a_guard_that_was_stopped_while_its_trial_ended_says_so(tmp_path: Path, stopped_s: float) -> None:
    process, watch = run(SLEEP, tmp_path), Watch()
    watch.watch(process.pid)
    watch.note = str(tmp_path / ENDED_FILE)
    watch.look()
    looked_at = watch.looked_at = watch.looked_at - stopped_s
    process.end()
    watch.look()  # sees nothing: the trial has ended
    assert watch.looked_at == looked_at
    watch.end_group("its slot was killed")
    note = note_of(tmp_path)
    assert note["seconds"] == pytest.approx(since_boot(), abs=30)
    assert note.get("after") == (None if stopped_s == 0.0 else pytest.approx(looked_at, abs=1e-3))


def test_no_sign_of_life_is_written_for_a_trial_that_ended_while_its_guard_was_stopped(tmp_path: Path) -> None:
    with stuck_slot(tmp_path, launcher=os.getpid(), times=(LONG, LONG, LONG)) as (slot, trial):
        until(lambda: (tmp_path / ALIVE_FILE).exists() and (tmp_path / ALIVE_FILE).read_text() != "")
        (guard,) = [each for each in psutil.process_iter() if is_guard_of(each, slot.pid)]
        guard.suspend()
        os.kill(trial, signal.SIGKILL)
        killed = since_boot()
        slot.kill()
        slot.wait()
        time.sleep(ALIVE_S)  # the next sign is due
        guard.resume()
        until((tmp_path / ENDED_FILE).exists)
    assert json.loads((tmp_path / ALIVE_FILE).read_text())["seconds"] <= killed


def test_a_guard_enforces_a_time_limit_for_a_slot_that_does_not(tmp_path: Path) -> None:
    guard = Guard()
    quick, patient = run(SLEEP, tmp_path), run(PATIENT, tmp_path)
    guard.watch(quick.pid, 60.0)
    guard.limit(0.1, 60.0)
    assert quick.ended(10.0)
    assert quick.end() == -signal.SIGTERM
    child_of(patient)
    guard.watch(patient.pid, 60.0)
    guard.limit(0.1, 0.1)
    assert patient.ended(10.0)
    assert patient.end() == -signal.SIGKILL
    guard.close()


def test_a_time_limit_ends_with_its_trial(tmp_path: Path) -> None:
    guard = Guard()
    first, second = run(SLEEP, tmp_path), run(SLEEP, tmp_path)
    guard.watch(first.pid, 60.0)
    guard.limit(0.2, 0.1)
    guard.drop()
    guard.watch(second.pid, 60.0)
    assert not second.ended(0.5)
    guard.close()
    first.end()
    second.end()


def test_a_guard_kills_a_group_whose_slot_says_nothing(tmp_path: Path) -> None:
    process, guard = run(PARENT, tmp_path), Guard()
    child = child_of(process)
    guard.watch(process.pid, 0.2)
    assert process.ended(10.0)
    until(lambda: gone(child))
    guard.close()
    process.end()


def test_a_guard_knows_of_a_process_before_its_slot_does(tmp_path: Path) -> None:
    guard = Guard()
    process = start(
        [*PYTHON, SLEEP], environment={}, cwd=tmp_path, output=tmp_path / "out", announce=guard.announcer(60)
    )
    guard.close()
    assert process.ended(10.0)
    process.end()


def test_a_guard_leaves_a_group_alone_whose_slot_beats_or_dropped_it(tmp_path: Path) -> None:
    process, guard = run(SLEEP, tmp_path), Guard()
    guard.watch(process.pid, 0.15)
    for _ in range(6):
        guard.beat(0.15)
        assert not process.ended(0.05)
    guard.drop()
    assert not process.ended(0.3)
    guard.close()
    assert not process.ended(0.05)
    process.end()


def test_a_guard_kills_what_it_watches_when_its_slot_is_gone(tmp_path: Path) -> None:
    process, guard = run(SLEEP, tmp_path), Guard()
    guard.watch(process.pid, 60.0)
    guard.close()  # the end of the pipe: what the kernel does for a dead slot
    assert process.ended(10.0)
    process.end()


def is_guard_of(process: psutil.Process, holder: int | None = None) -> bool:
    """Whether a process is the guard whose pipe another process holds, or this one."""
    mine = {link(path) for path in Path(f"/proc/{holder or os.getpid()}/fd").iterdir()}
    theirs = link(Path(f"/proc/{process.pid}/fd/0"))
    return theirs.startswith("pipe:") and theirs in mine and "guard_process.py" in " ".join(process.cmdline())


def reads(pid: int) -> bool:
    """Whether a thread of a process still has its end of a pipe: the first one may be gone before the others are."""
    return any(link(task / "fd/0").startswith("pipe:") for task in Path(f"/proc/{pid}/task").glob("*"))


def link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""


def test_a_guard_that_was_killed_is_replaced_at_the_next_beat(tmp_path: Path) -> None:
    process, guard = run(SLEEP, tmp_path), Guard()
    guard.watch(process.pid, 60.0)
    (first,) = [each for each in psutil.process_iter() if is_guard_of(each)]
    first.kill()
    until(lambda: not reads(first.pid))
    guard.beat(0.2)
    assert process.ended(10.0)
    guard.close()
    process.end()


def test_a_guard_writes_that_its_group_is_alive_until_its_leader_has_left(tmp_path: Path) -> None:
    process, guard = run(SLEEP, tmp_path), Guard()
    guard.watch(process.pid, 60.0, tmp_path)
    until((tmp_path / ALIVE_FILE).exists)
    until(lambda: (tmp_path / ALIVE_FILE).read_text() != "")
    first = json.loads((tmp_path / ALIVE_FILE).read_text())
    until(lambda: json.loads((tmp_path / ALIVE_FILE).read_text()) != first)
    now = time.clock_gettime(time.CLOCK_BOOTTIME)
    last = json.loads((tmp_path / ALIVE_FILE).read_text())
    assert (last["group"], last["boot_id"]) == (process.pid, first["boot_id"])
    assert process.pid_started_at < first["seconds"] < last["seconds"] <= now
    process.end()
    until((tmp_path / ENDED_FILE).exists)  # it has noticed
    last_seen = json.loads((tmp_path / ALIVE_FILE).read_text())
    assert last_seen["seconds"] <= note_of(tmp_path)["seconds"]
    guard.drop()
    guard.close()


@pytest.mark.parametrize("kind", ["pipe", "link", "gone"])
def test_a_sign_of_life_that_cannot_be_written_harms_nothing(tmp_path: Path, kind: str) -> None:
    path = tmp_path / ALIVE_FILE
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "link":
        path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match=ALIVE_FILE):
        write_life(str(path), 1, 2.5, create=kind != "gone")
    assert not (tmp_path / "elsewhere").exists()
    assert path.exists() == (kind == "pipe")


def test_a_sign_of_life_covers_a_longer_one(tmp_path: Path) -> None:
    path = tmp_path / ALIVE_FILE
    write_life(str(path), 4194303, 123456789.5, create=True)
    write_life(str(path), 7, 2.5, create=False)
    found = json.loads(path.read_text())
    assert (found["group"], found["seconds"]) == (7, 2.5)
