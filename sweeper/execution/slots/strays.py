"""Processes that a trial has left behind: daemons with a session, and so a group, of their own.

They are found in two ways. What a trial starts inherits its environment, with a mark of the attempt; and a slot adopts
what is orphaned below it, as a subreaper (Linux), so that its children are what the trial has left. Processes that
clear their environment are found in the second way, and those of a slot that was killed in the first.
"""

import os
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from sweeper.execution.slots.processes import PROCESSES, prctl

MARK: Final = "SWEEPER_ATTEMPT"  # a variable in the environment of all that an attempt starts
ANY: Final = "#"  # before the number of the attempt
PR_SET_CHILD_SUBREAPER: Final = 36
FEW_S: Final = 60.0  # in which the kernel hardly uses up all process ids
END_S: Final = 1.0  # for killed processes to be gone
SHOWN: Final = 3
_adopts = False


def become_subreaper() -> None:
    """Adopt what is orphaned below this process from now on (Linux)."""
    global _adopts  # noqa: PLW0603 - a fact about the process
    _adopts = _set_subreaper(adopts=True)


@contextmanager
def adopting_nothing() -> Iterator[None]:
    """Adopt nothing within the block, in which something is started that is not to be a descendant."""
    if _adopts:
        _set_subreaper(adopts=False)
    try:
        yield
    finally:
        if _adopts:
            _set_subreaper(adopts=True)


def adopted(before: set[int]) -> set[int]:
    """Return the children of a subreaper that it did not have before."""
    return own_children() - before if _adopts else set()


def own_children() -> set[int]:
    """Return the children of this process, without what they have started (Linux)."""
    found = set()
    for path in PROCESSES.glob("self/task/*/children"):
        with suppress(OSError, ValueError):
            found |= {int(pid) for pid in path.read_text(encoding="ascii").split()}
    return found


def reap(pids: Iterable[int]) -> None:
    """Take note of the ends of adopted processes, which stay zombies otherwise."""
    for pid in pids:
        with suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def marked(mark: str, *, newer_than: int | None = None) -> set[int]:
    """Return the processes of an attempt.

    Args:
        mark: of the attempt; one that ends with `ANY` finds those of all attempts of its trial.
        newer_than: only look at processes that began after this one, as far as their ids say; None for all.
    """
    end = b"" if mark.endswith(ANY) else b"\0"
    entry = b"\0" + os.fsencode(f"{MARK}={mark}") + end
    found = set()
    for pid in _pids(newer_than) - {os.getpid()}:
        with suppress(OSError):
            if entry in b"\0" + (PROCESSES / str(pid) / "environ").read_bytes():
                found.add(pid)
    return found


def end_marked(mark: str, *, newer_than: int | None = None) -> list[str]:
    """Kill the processes of an attempt; return a description of each."""
    return _end(lambda: marked(mark, newer_than=newer_than))


def end_strays(mark: str, leader: int, before: set[int], seconds: float) -> list[str]:
    """Kill what an attempt has left; return a description of each.

    Args:
        leader: of its process group, which has ended.
        before: this process's children when it began.
        seconds: since then.
    """
    newer_than = leader if seconds < FEW_S else None

    def find() -> set[int]:
        reap(adopted(before))
        return marked(mark, newer_than=newer_than) | adopted(before)

    return _end(find)


def note(ended: list[str]) -> list[str]:
    """Return a line about the processes that were ended, if there are any."""
    if not ended:
        return []
    more = f" and {len(ended) - SHOWN} more" if len(ended) > SHOWN else ""
    return [f"ended what the trial had left running: {', '.join(ended[:SHOWN])}{more}"]


def _end(find: Callable[[], set[int]]) -> list[str]:
    ended: dict[int, str] = {}
    until = time.monotonic() + END_S
    while (found := find()) and time.monotonic() < until:
        for pid in found:
            ended.setdefault(pid, _described(pid))
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    return list(ended.values())


def _described(pid: int) -> str:
    with suppress(OSError):
        words = (PROCESSES / str(pid) / "cmdline").read_bytes().decode(errors="replace").split("\0")
        return f"process {pid} ({' '.join(words).strip()[:60]})"
    return f"process {pid}"


def _pids(newer_than: int | None) -> set[int]:
    pids = {int(name) for name in os.listdir(PROCESSES) if name.isdecimal()} if PROCESSES.is_dir() else set()  # noqa: PTH208
    if newer_than is None:
        return pids
    with suppress(OSError, ValueError, IndexError):
        last = int(Path(PROCESSES / "loadavg").read_text(encoding="ascii").split()[4])
        if last >= newer_than:  # ids have not come round since
            return {pid for pid in pids if pid > newer_than}
    return pids


def _set_subreaper(*, adopts: bool) -> bool:
    return prctl(PR_SET_CHILD_SUBREAPER, int(adopts)) and adopts
