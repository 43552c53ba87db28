"""The guard's program, run as a plain file without site packages: it is small and starts in milliseconds.

It reads lines from standard input: ``watch GROUP SECONDS``, ``beat SECONDS``, ``drop``. It kills the process group when
the input ends, because the slot is dead, or when nothing arrives for the last number of seconds, because the slot is
stuck.
"""

import os
import select
import signal
import time


def main() -> None:
    """Guard until the slot's end of the pipe closes, as an orphan."""
    if os.fork():
        os._exit(0)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    group: int | None = None
    deadline = 0.0
    rest = b""
    while True:
        timeout = None if group is None else max(0.0, deadline - time.monotonic())
        ready, _, _ = select.select([0], [], [], timeout)
        data = os.read(0, 4096) if ready else b""
        if not data:
            kill(group)
            group = None
            if ready:
                return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            word, *numbers = line.split()
            if word == b"drop":
                group = None
            elif word == b"watch":
                group = int(numbers[0])
            if numbers:
                deadline = time.monotonic() + float(numbers[-1])


def kill(group: int | None) -> None:
    """Kill a process group until nothing of it responds, but not forever: zombies that nobody reaps do."""
    until = time.monotonic() + 1.0
    while group is not None and time.monotonic() < until:
        try:
            os.killpg(group, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return
        time.sleep(0.01)


if __name__ == "__main__":
    main()
