"""What is done to a round's processes, files, clock, limits and database: a list, each with a weight."""

import os
import random
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import suppress
from functools import cache, partial
from pathlib import Path
from typing import Final

import psutil

from sweeper.store.engine import open_existing
from sweeper.store.queue import queue
from tests.chaos.chain import CHECKPOINT
from tests.chaos.database_faults import DATABASE_FAULTS
from tests.chaos.fault import Fault
from tests.chaos.rounds import LEASE_S, LONGEST_AGAIN_S, Round, retry, study_id_of, thaw

SHORT_S: Final = 0.3
LONG_S: Final = 1.4 * LEASE_S  # a lease is lost meanwhile
PIDS: Final = (Path("/sys/fs/cgroup/pids"), Path("/sys/fs/cgroup"))
DISK: Final = "16m"

# Processes


def kill(part: str, here: Round, generator: random.Random) -> str | None:
    """Kill it, as the kernel does when memory runs out; a launch is started again."""
    victim = here.victim(part, generator)
    again_s = generator.uniform(0.0, LONGEST_AGAIN_S)
    if victim is None:
        return None
    here.harm(victim)
    with suppress(psutil.Error):
        victim.kill()
    here.later(again_s, lambda: None)
    return f"kill {part} {victim.pid}"


def kill_all(here: Round, generator: random.Random) -> str | None:
    """Kill everything at once, as a power cut does."""
    again_s = generator.uniform(0.0, LONGEST_AGAIN_S)
    found = [
        process
        for part in ("launcher", "fork server", "guard", "slot", "trial", "other")
        for process in here.processes(part)
    ]
    for process in found:
        here.harm(process)
        with suppress(psutil.Error):
            process.kill()
    here.later(again_s, lambda: None)
    return f"kill all {len(found)} processes" if found else None


def stop(part: str, here: Round, generator: random.Random) -> str | None:
    """Stop it; it resumes soon, or after its lease has expired."""
    victim, seconds = here.victim(part, generator), generator.choice((SHORT_S, LONG_S))
    if victim is None:
        return None
    with suppress(psutil.Error):
        victim.send_signal(signal.SIGSTOP)
    here.later(seconds, partial(thaw, victim.pid))
    return f"stop {part} {victim.pid} for {seconds:g} s"


def interrupt(here: Round, generator: random.Random) -> str | None:
    """Send a launcher Ctrl-C, once or twice, SIGTERM, or SIGHUP."""
    victim = here.victim("launcher", generator)
    number, twice = generator.choice((signal.SIGINT, signal.SIGTERM, signal.SIGHUP)), generator.random() < 0.5
    if victim is None:
        return None
    here.harm(victim)
    with suppress(psutil.Error):
        victim.send_signal(number)
        if twice:
            here.later(0.2, lambda: os.kill(victim.pid, number) if victim.is_running() else None)
    return f"{number.name} to launcher {victim.pid}{' twice' if twice else ''}"


def launch_beside(here: Round, generator: random.Random) -> str | None:
    """Give the same command again, while it runs."""
    study = generator.choice(here.studies)
    return f"launch {here.launch(study).number} beside the others"


def launch_without_streams(here: Round, generator: random.Random) -> str | None:
    """Launch with standard streams that are closed or full."""
    streams = generator.choice((">&-", "2>&-", "<&-", "<&- >&- 2>&-", "2>/dev/full"))
    return f"launch {here.launch(here.studies[0], streams=streams).number} beside the others with {streams}"


def launch_second_store(here: Round, _: random.Random) -> str | None:
    """Launch a study of the same name from another store into the same directory for runs."""
    if len(here.studies) > 1:
        return None
    study = here.add_study()
    return f"launch {here.launch(study).number} from another store with the same directory for runs"


# Commands


def extend(here: Round, _: random.Random) -> str | None:
    """Add trials while others run."""
    study = here.studies[0]
    if study.is_extended or study.trials.more == 0 or study_id_of(study) is None:
        return None
    study.is_extended = True
    return f"launch {here.launch(study).number} with --extend and {study.trials.more} more trials"


def cancel_and_retry(here: Round, generator: random.Random) -> str | None:
    """Cancel the study, and put its trials back soon after."""
    study, wait_s = here.studies[0], generator.uniform(0.1, 1.0)
    study_id = study_id_of(study)
    if study_id is None or not study.running:
        return None
    study.codes |= {1, 130}
    study.is_to_retry = True
    engine = open_existing(study.place.direct)
    waiting = queue.cancel(engine, study_id)
    engine.dispose()
    here.later(wait_s, lambda: here.once_back(lambda: here.note(f"retry {retry(study)} trials")))
    return f"cancel while {waiting} trials wait"


# Files


def tear(here: Round, generator: random.Random) -> str | None:
    """Kill a trial within a line of what it reports."""
    victim = _running_trial(here, generator)
    if victim is None:
        return None
    process, run_dir = victim
    path = run_dir / (
        "metrics.jsonl" if here.trials.kind.reports in ("json", "function", "trainer", "decided") else "output.log"
    )
    with suppress(psutil.Error, OSError):
        process.send_signal(signal.SIGSTOP)
        text = '{"step": 3, "lo' if path.suffix == ".jsonl" else "step=3 loss=0.0"
        with path.open("ab") as file:
            file.write(text.encode())
        process.kill()
        return f"kill trial {process.pid} within a line of {path.name}"
    return None


def truncate_checkpoint(here: Round, generator: random.Random) -> str | None:
    """Kill a trial, and cut its checkpoint: the disk lost a part of it."""
    share = generator.uniform(0.0, 0.9)
    victim = _running_trial(here, generator)
    name = "checkpoint.pt" if here.trials.kind.reports == "trainer" else CHECKPOINT
    if victim is None or not (victim[1] / name).exists():
        return None
    process, run_dir = victim
    with suppress(psutil.Error, OSError):
        process.send_signal(signal.SIGSTOP)
        os.truncate(run_dir / name, int(share * (run_dir / name).stat().st_size))
        process.kill()
        return f"kill trial {process.pid} and cut its {name} to {share:.0%}"
    return None


def mount_disk(here: Round) -> None:
    """Keep the run directories on a small file system."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(here.runs)], check=True)
    here.at_end(lambda: _unmount(here.runs, here.folder / "runs-kept"))


def fill_disk(here: Round, generator: random.Random) -> str | None:
    """Fill the disk of the run directories for a while."""
    seconds, filler = generator.uniform(0.5, 1.5), here.runs / "filler"
    study = here.studies[0]
    for each in here.studies:
        each.codes |= {1, 2}
        each.is_to_retry = True
    with suppress(OSError), filler.open("wb", buffering=0) as file:
        while file.write(b"x" * 4096):
            pass
    here.later(seconds, lambda: filler.unlink(missing_ok=True))
    return f"fill the disk for {seconds:.1f} s" if study.running else None


# Clock


def step_clock(here: Round, generator: random.Random) -> str | None:
    """Set the wall clock, as the processes of the round see it."""
    seconds = generator.choice((-3600.0, -61.0, -2.0, 2.0, 61.0, 3600.0))
    here.clock.write_text(str(seconds), encoding="ascii")
    return f"set the clock by {seconds:+g} s"


def show_clock(here: Round) -> None:
    """Make the file that says by how much the clock is wrong."""
    here.tricks = [*here.tricks, "clock"]
    here.clock.write_text("0", encoding="ascii")


def show_boot_time(here: Round) -> None:
    """Put a file in the place of /proc/stat."""
    here.tricks = [*here.tricks, "boot time"]
    shutil.copy("/proc/stat", here.stat)


def move_boot_time(here: Round, generator: random.Random) -> str | None:
    """Move the boot time that the kernel reports, as a step of the clock does."""
    seconds = generator.choice((-61, -2, 2, 61))
    text = here.stat.read_text(encoding="ascii")
    moved = re.sub(r"^btime (\d+)", lambda found: f"btime {int(found[1]) + seconds}", text, flags=re.MULTILINE)
    here.stat.write_text(moved, encoding="ascii")  # the same file: it is mounted
    return f"move the boot time by {seconds:+d} s"


# Limits


def limit_files(here: Round, generator: random.Random) -> str | None:
    """Let a slot open no more files for a while."""
    victim, seconds = here.victim("slot", generator), generator.uniform(0.3, 1.0)
    if victim is None:
        return None
    with suppress(psutil.Error, OSError):
        before = resource.prlimit(victim.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(victim.pid, resource.RLIMIT_NOFILE, (victim.num_fds(), before[1]))
        here.later(seconds, partial(_limit, victim.pid, resource.RLIMIT_NOFILE, before))
        return f"no more files for slot {victim.pid} for {seconds:.1f} s"
    return None


def limit_processes(here: Round, generator: random.Random) -> str | None:
    """Let a slot start no more processes for a while."""
    victim, seconds = here.victim("slot", generator), generator.uniform(0.3, 1.0)
    folder, mine = pids_folder(), f"chaos-{here.mark}-{len(here.log)}"
    if victim is None or folder is None:
        return None
    group = folder / mine
    group.mkdir()
    here.at_end(lambda: _remove_group(group))
    with suppress(OSError):
        (group / "cgroup.procs").write_text(str(victim.pid), encoding="ascii")
        (group / "pids.max").write_text("0", encoding="ascii")
        here.later(seconds, lambda: _write(group / "pids.max", "max"))
        return f"no more processes for slot {victim.pid} for {seconds:.1f} s"
    return None


@cache
def pids_folder() -> Path | None:
    """Return the directory of control groups in which the number of processes can be limited; None without one."""
    for folder in PIDS:
        group = folder / f"chaos-{os.getpid()}-try"
        with suppress(OSError):
            group.mkdir()
            found = (group / "pids.max").exists()
            group.rmdir()
            if found:
                return folder
    return None


def needs_pids() -> str | None:
    """Say why processes cannot be limited."""
    return None if pids_folder() is not None else "no control group with a limit of processes can be made here"


@cache
def needs_mount() -> str | None:
    """Say why no file system can be mounted."""
    with tempfile.TemporaryDirectory() as folder:
        command = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder]
        if os.geteuid() != 0 or shutil.which("mount") is None or subprocess.run(command, check=False).returncode != 0:
            return "only root can mount a file system, and not everywhere"
        subprocess.run(["umount", "-l", folder], check=True)
    return None


@cache
def needs_bind() -> str | None:
    """Say why nothing can be put in the place of /proc/stat."""
    with tempfile.NamedTemporaryFile() as file:
        command = ["unshare", "--mount", "sh", "-c", 'mount --bind "$0" /proc/stat', file.name]
        if shutil.which("unshare") is None or subprocess.run(command, check=False, capture_output=True).returncode != 0:
            return "another file cannot be mounted over /proc/stat here"
    return None


def _running_trial(here: Round, generator: random.Random) -> tuple[psutil.Process, Path] | None:
    """Choose a running trial: its process, and its run directory."""
    share = generator.random()
    found: dict[Path, psutil.Process] = {}
    for process in here.processes("trial"):  # in the order of process ids: what a trial has started comes later
        with suppress(OSError):
            found.setdefault(Path(f"/proc/{process.pid}/fd/1").readlink().parent, process)
    chosen = sorted(found.items())
    return chosen[int(share * len(chosen))][::-1] if chosen else None


def _limit(pid: int, kind: int, limits: tuple[int, int]) -> None:
    with suppress(OSError):
        resource.prlimit(pid, kind, limits)


def _write(path: Path, text: str) -> None:
    with suppress(OSError):
        path.write_text(text, encoding="ascii")


def _remove_group(group: Path) -> None:
    until = time.monotonic() + 5.0
    while group.exists() and time.monotonic() < until:  # its processes are dead, and the kernel notices it soon
        with suppress(OSError):
            group.rmdir()
        time.sleep(0.02)


def _unmount(folder: Path, copy: Path) -> None:
    """Unmount the small file system; what it held stays, as a plain directory."""
    (folder / "filler").unlink(missing_ok=True)
    shutil.copytree(folder, copy, symlinks=True)
    subprocess.run(["umount", "-l", str(folder)], check=True)
    folder.rmdir()
    copy.rename(folder)


FAULTS: Final = (
    Fault(name="kill launcher", weight=3, do=partial(kill, "launcher")),
    Fault(name="kill slot", weight=4, do=partial(kill, "slot")),
    Fault(name="kill guard", weight=2, do=partial(kill, "guard")),
    Fault(name="kill trial", weight=4, do=partial(kill, "trial")),
    Fault(name="kill everything", weight=3, do=kill_all),
    Fault(name="kill fork server", weight=4, do=partial(kill, "fork server"), program="trainer"),
    Fault(name="stop launcher", weight=2, do=partial(stop, "launcher")),
    Fault(name="stop slot", weight=4, do=partial(stop, "slot")),
    Fault(name="stop guard", weight=1, do=partial(stop, "guard")),
    Fault(name="stop trial", weight=2, do=partial(stop, "trial")),
    Fault(name="stop fork server", weight=4, do=partial(stop, "fork server"), program="trainer"),
    Fault(name="kill decider", weight=6, do=partial(kill, "decider"), program="decided"),
    Fault(name="stop decider", weight=3, do=partial(stop, "decider"), program="decided"),
    Fault(name="interrupt launcher", weight=3, do=interrupt),
    Fault(name="launch beside", weight=2, do=launch_beside),
    Fault(name="launch without streams", weight=2, do=launch_without_streams),
    Fault(name="second store", weight=2, do=launch_second_store, asks=True),
    Fault(name="extend", weight=2, do=extend, asks=True),
    Fault(name="cancel and retry", weight=3, do=cancel_and_retry, asks=True),
    Fault(name="torn last line", weight=3, do=tear),
    Fault(name="cut checkpoint", weight=3, do=truncate_checkpoint, resumes=True),
    Fault(name="full disk", weight=2, do=fill_disk, needs=needs_mount, trick=mount_disk),
    Fault(name="clock step", weight=2, do=step_clock, trick=show_clock),
    Fault(name="boot time moved", weight=2, do=move_boot_time, needs=needs_bind, trick=show_boot_time),
    Fault(name="no more files", weight=2, do=limit_files),
    Fault(name="no more processes", weight=2, do=limit_processes, needs=needs_pids),
    *DATABASE_FAULTS,
)
