"""Measure the commands that only read: the best of several runs, each in a new process."""

import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.options import Options
from benchmarks.report_store import make_store
from benchmarks.results import Figures, Json, say

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


def measure(options: Options) -> Figures:
    """Return the seconds that each command takes."""
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
            seconds = answer_s([sys.executable, "-m", "sweeper", *arguments], rounds)
            answers.append({"command": shown, "seconds": seconds})
    return {"trials": NUM_TRIALS, "answers": answers}
