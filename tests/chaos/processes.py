"""The processes of a round, by their part in it."""

from contextlib import suppress
from typing import Final

import psutil

MARK: Final = "CHAOS_ROUND"  # in the environment of every process of a round
PARTS: Final = ("launcher", "slot", "guard", "trial", "fork server", "decider", "other")
SIGNS: Final = (
    ("tests.chaos.launch", "launcher"),
    ("popen_loky", "slot"),
    ("guard_process", "guard"),
    ("chaos/chain.py", "trial"),
    ("chaos/decided.py", "trial"),
    ("slots.call", "trial"),
    ("trainer.fork_server", "fork server"),
    ("run_module.py trainer ", "trial"),
    ("run_module.py sweeper.decision", "decider"),
)


def processes(mark: str) -> dict[str, list[psutil.Process]]:
    """Return the processes of a round that are alive, each part in the order of process ids."""
    found: dict[str, list[psutil.Process]] = {part: [] for part in PARTS}
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE or process.environ().get(MARK) != mark:
                continue
            found[_part(process)].append(process)
    servers = {process.pid for process in found["fork server"]}
    for process in list(found["fork server"]):  # what it has forked is a trial
        with suppress(psutil.Error):
            if process.ppid() in servers:
                found["fork server"].remove(process)
                found["trial"].append(process)
    return found


def _part(process: psutil.Process) -> str:
    words = " ".join(process.cmdline())
    return next((part for sign, part in SIGNS if sign in words), "other")
