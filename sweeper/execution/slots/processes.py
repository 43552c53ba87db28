"""Processes by identity: a pid together with its start time, since pids are reused."""

import os
import signal
import time
from contextlib import suppress
from typing import Final

import psutil

START_TOLERANCE_S: Final = 2.0  # the kernel counts ticks since boot, and each reader estimates the boot time anew
SCAN_AFTER_S: Final = 0.05  # a killed group is gone sooner, unless nobody reaps its zombies


def started_at(pid: int) -> float:
    """Return when a process started, in seconds since the epoch; 0.0 if it does not exist."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return 0.0


def is_same(pid: int, process_started_at: float) -> bool:
    """Return whether the pid still belongs to the process that had it at that start time, even as a zombie."""
    return abs(started_at(pid) - process_started_at) < START_TOLERANCE_S


def is_alive(pid: int, process_started_at: float) -> bool:
    """Return whether the process that had this pid at that start time still runs; a zombie does not."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - process_started_at) < START_TOLERANCE_S
        return same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


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
