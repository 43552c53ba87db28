"""Processes by identity: a pid together with its start time, since pids come round again."""

import os
import signal
import time
from contextlib import suppress

import psutil


def started_at(pid: int) -> float:
    """When a process started, in seconds since the epoch; 0.0 for one that is not there."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def is_alive(pid: int, process_started_at: float) -> bool:
    """Whether the process that had this pid when it started then still runs; a zombie does not."""
    try:
        process = psutil.Process(pid)
        # The kernel counts in ticks of 10 ms from boot; the boot time is estimated anew by each reader.
        return abs(process.create_time() - process_started_at) < 2.0 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def group_members(leader: int) -> list[psutil.Process]:
    """The processes of a process group that are alive, zombies aside."""
    members = []
    for process in psutil.process_iter(["status"]):
        with suppress(OSError, psutil.Error):
            if os.getpgid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                members.append(process)
    return members


def kill_group(leader: int, patience_s: float = 5.0) -> None:
    """Kill a process group and wait until nothing of it is left."""
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, signal.SIGKILL)
        if not group_members(leader):
            return
        time.sleep(0.01)
