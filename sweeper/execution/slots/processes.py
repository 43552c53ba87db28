"""Processes by identity: a pid together with its start time, since pids are reused.

The kernel counts start times in ticks since boot, so they compare exactly, whatever is done to the clock. Seconds since
the epoch do not: they move with it. A start time means the same process within one boot of one machine only, which
`machine.this_machine` tells apart.
"""

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

PROCESSES: Final = Path("/proc")
HAS_PROC: Final = (PROCESSES / "self" / "stat").exists()
STATE, START_TICKS = 0, 19  # fields of /proc/PID/stat, counted from the one after the command's name
DEAD_STATES: Final = "ZX"
TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
SCAN_AFTER_S: Final = 0.05  # a killed group is gone sooner, unless nobody reaps its zombies
# Start times in seconds since the epoch: in the stores of earlier versions, and on systems without /proc.
FIRST_EPOCH_S: Final = 1e9  # no machine has been up for 31 years
EPOCH_TOLERANCE_S: Final = 2.0  # each reader estimates the boot time anew
_LIBC: Final = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def prctl(option: int, value: int) -> bool:
    """Set a property of this process (Linux, prctl(2)); return whether it is set."""
    return _LIBC is not None and _LIBC.prctl(option, value, 0, 0, 0) == 0


def started_at(pid: int) -> float:
    """Return when a process started, in seconds since boot (without /proc, since the epoch); 0.0 if there is none."""
    if not HAS_PROC:
        return _epoch_start(pid)
    fields = _stat(pid)
    return int(fields[START_TICKS]) / TICKS_PER_S if fields else 0.0


def is_same(pid: int, process_started_at: float) -> bool:
    """Return whether the pid still belongs to the process that had it at that start time, even as a zombie."""
    if process_started_at > FIRST_EPOCH_S:
        return abs(_epoch_start(pid) - process_started_at) < EPOCH_TOLERANCE_S
    return started_at(pid) == process_started_at


def is_alive(pid: int, process_started_at: float) -> bool:
    """Return whether the process that had this pid at that start time still runs; a zombie does not."""
    return is_same(pid, process_started_at) and _runs(pid)


def group_members(leader: int) -> list[psutil.Process]:
    """Return the living processes of a process group, without zombies."""
    members = []
    for process in psutil.process_iter(["status"]):
        with suppress(OSError, psutil.Error):
            if os.getpgid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def signal_group(leader: int, number: int) -> bool:
    """Send a signal to a process group; return false if nothing is left of it."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # what is left of it belongs to another user by now
        return True
    return True


def kill_group(leader: int, timeout_s: float = 5.0) -> None:
    """Kill a process group and wait until nothing of it is left but zombies."""
    began = time.monotonic()
    pause_s = 0.0005
    while signal_group(leader, signal.SIGKILL):
        waited = time.monotonic() - began
        if waited > timeout_s or (waited > SCAN_AFTER_S and not group_members(leader)):
            return
        time.sleep(pause_s)
        pause_s = min(0.01, pause_s * 2)


def kill_trial(pid: int | None, pid_started_at: float | None) -> None:
    """Kill what is left of a trial's process group, found by its leader's identity.

    The leader may be gone while its children live: nobody else gets the group's number then. A pid that now belongs to
    another process is left alone.
    """
    if pid is None or pid_started_at is None:
        return
    if is_same(pid, pid_started_at) or started_at(pid) == 0.0:
        kill_group(pid)


def _stat(pid: int) -> list[str]:
    """Return what the kernel says of a process, from its state on; nothing if it does not exist."""
    try:
        text = (PROCESSES / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text.rpartition(")")[2].split()  # the name before it may contain anything


def _runs(pid: int) -> bool:
    if HAS_PROC:
        fields = _stat(pid)
        return bool(fields) and fields[STATE] not in DEAD_STATES
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


def _epoch_start(pid: int) -> float:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).create_time()
    return 0.0
