"""Measure the time to write a report in both formats in a new process, and its size."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Figures, Json
from benchmarks.options import Options
from benchmarks.report_store import make_store
from benchmarks.results import say

SIZES: Final = (339, 10_000)
NUM_POINTS: Final = 100
PROGRAM: Final = """
import sys, time
start = time.perf_counter()
from datetime import UTC, datetime
from pathlib import Path
from reports.build import build_report
build_report(sys.argv[1], "benchmark", Path(sys.argv[2]), now=datetime(2026, 1, 1, tzinfo=UTC))
print(f"{time.perf_counter() - start:.2f} {time.process_time():.2f}")
"""


def measure(options: Options) -> Figures:
    """Return the seconds, those of CPU time and the megabytes of a study of each size."""
    sizes = (339,) if options.quick else SIZES
    return {"points": NUM_POINTS, "studies": [_study(size) for size in sizes]}


def _study(num_trials: int) -> dict[str, Json]:
    with TemporaryDirectory() as directory:
        say(f"a store of {num_trials:,} trials of {NUM_POINTS} points")
        store = make_store(Path(directory), num_trials, NUM_POINTS)
        out = Path(directory) / "report"
        say("its report")
        command = [sys.executable, "-c", PROGRAM, store, str(out)]
        printed = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout
        seconds, cpu_seconds = (float(text) for text in printed.split())
        say(f"{num_trials:,} trials: {seconds} s, {cpu_seconds} s of CPU time")
        megabytes: dict[str, Json] = {
            path.suffix[1:]: path.stat().st_size / 1e6 for path in sorted(out.glob("report.*"))
        }
        return {"trials": num_trials, "seconds": seconds, "cpu_seconds": cpu_seconds, "megabytes": megabytes}
