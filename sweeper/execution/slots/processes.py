"""Processes by identity: a pid together with its start time, since pids come round again."""

import os
import signal
import time
from contextlib import suppress
from typing import Final

import psutil

START_TOLERANCE_S: Final = 2.0  # the kernel counts in ticks from boot; the boot time is estimated anew by each reader
SCAN_AFTER_S: Final = 0.05  # a killed group is gone sooner than this, unless nobody reaps its zombies


def started_at(pid: int) -> float:
    """When a process started, in seconds since the epoch; 0.0 for one that is not there."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def is_same(pid: int, process_started_at: float) -> bool:
    """Whether the pid is still that of the process that had it when it started then, be it a zombie."""
    return abs(started_at(pid) - process_started_at) < START_TOLERANCE_S


def is_alive(pid: int, process_started_at: float) -> bool:
    """Whether the process that had this pid when it started then still runs; a zombie does not."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - process_started_at) < START_TOLERANCE_S
        return same and process.status() != psutil.STATUS_ZOMBIE
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


def signal_group(leader: int, number: int) -> bool:
    """Send a signal to a process group; false if nothing is left of it."""
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return False
    except PermissionError:  # what is left of it belongs to somebody else by now
        return True
    return True


def kill_group(leader: int, patience_s: float = 5.0) -> None:
    """Kill a process group and wait until nothing of it is left but zombies."""
    began = time.monotonic()
    pause_s = 0.0005
    while signal_group(leader, signal.SIGKILL):
        waited = time.monotonic() - began
        if waited > patience_s or (waited > SCAN_AFTER_S and not group_members(leader)):
            return
        time.sleep(pause_s)
        pause_s = min(0.01, pause_s * 2)


def kill_trial(pid: int | None, pid_started_at: float | None) -> None:
    """Kill what is left of a trial's process group, found by its leader's identity.

    The leader may be gone while its children live: nobody else gets a group's number then. A pid that another
    process has by now is left alone.
    """
    if pid is None or pid_started_at is None:
        return
    if is_same(pid, pid_started_at) or started_at(pid) == 0.0:
        kill_group(pid)
