"""How long commands take that only answer: the best of some runs, each a fresh process."""

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
    """Seconds of the fastest of some runs: the others are slowed by what else the machine does.

    Raises:
        RuntimeError: the command failed.
    """
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        taken.append(time.perf_counter() - start)
        if answer.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}: exit {answer.returncode}\n{answer.stderr[-4000:]}")
    return min(taken)


def measure(options: Options) -> Figures:
    """Seconds of each command."""
    rounds = 1 if options.quick else ROUNDS
    with TemporaryDirectory() as folder:
        store = make_store(Path(folder), NUM_TRIALS, 10)
        answers: list[Json] = []
        for words in (
            ["--help"],
            ["status", "benchmark", "--store", store, "--json"],
            ["plan", FLAGSHIP, "--store", store],
            ["export", "benchmark", "--store", store, "--table", "trials"],
        ):
            shown = " ".join(["sweeper", *words]).replace(f" --store {store}", "")
            say(shown)
            seconds = answer_s([sys.executable, "-m", "sweeper", *words], rounds)
            answers.append({"command": shown, "seconds": seconds})
    return {"trials": NUM_TRIALS, "answers": answers}
