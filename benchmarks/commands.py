"""Measure the commands that only read: the best of several runs, each in a new process.

In CPU time, since other work on the machine changes how long a command of a second or two takes.
"""

import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Figures, Json
from benchmarks.options import Options
from benchmarks.report_store import make_store
from benchmarks.results import say

ROUNDS: Final = 5
NUM_TRIALS: Final = 339
FLAGSHIP: Final = "studies/dettmers-339.yaml"


def answer_s(command: list[str], rounds: int = ROUNDS) -> float:
    """Return the seconds of the fastest run; the others were slowed by other work on the machine.

    Raises:
        RuntimeError: the command failed.
    """
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        times.append(time.perf_counter() - start)
        if answer.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit {answer.returncode}\n{answer.stderr[-4000:]}")
    return min(times)


def cpu_s(command: list[str], rounds: int = ROUNDS) -> float:
    """Return the CPU seconds of the run that took fewest, its own and those of the processes that it started.

    Raises:
        RuntimeError: the command failed.
    """
    times = []
    for _ in range(rounds):
        before = _children_s()
        answer_s(command, 1)
        times.append(_children_s() - before)
    return min(times)


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def measure(options: Options) -> Figures:
    """Return the CPU seconds that each command takes."""
    rounds = 1 if options.quick else ROUNDS
    with TemporaryDirectory() as directory:
        store = make_store(Path(directory), NUM_TRIALS, 10)
        answers: list[Json] = []
        for arguments in (
            ["--help"],
            ["status", "benchmark", "--store", store, "--json"],
            ["plan", FLAGSHIP, "--store", store],
            ["export", "benchmark", "--store", store, "--table", "trials"],
        ):
            shown = " ".join(["sweeper", *arguments]).replace(f" --store {store}", "")
            say(shown)
            seconds = cpu_s([sys.executable, "-m", "sweeper", *arguments], rounds)
            answers.append({"command": shown, "cpu_seconds": seconds})
    return {"trials": NUM_TRIALS, "answers": answers}
