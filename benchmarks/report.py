"""How long a report takes and how large it is. Run: python -m benchmarks.report [TRIALS ...]

Prints a line a study: seconds from the store to both formats in a fresh process, and the size of the page.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.report_store import make_store

NUM_POINTS = 100
PROGRAM = """
import sys, time
start = time.perf_counter()
from datetime import UTC, datetime
from pathlib import Path
from reports.build import build_report
build_report(sys.argv[1], "benchmark", Path(sys.argv[2]), now=datetime(2026, 1, 1, tzinfo=UTC))
print(f"{time.perf_counter() - start:.2f}")
"""


def main(sizes: list[int]) -> None:
    """Measures one study of each size."""
    for num_trials in sizes:
        with tempfile.TemporaryDirectory() as folder:
            start = time.perf_counter()
            store = make_store(Path(folder), num_trials, NUM_POINTS)
            print(
                f"{num_trials:6} trials x {NUM_POINTS} points: store made in {time.perf_counter() - start:.1f} s; ",
                end="",
                flush=True,
            )
            out = Path(folder) / "report"
            command = [sys.executable, "-c", PROGRAM, store, str(out)]
            seconds = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
            sizes_text = ", ".join(
                f"{path.name} {path.stat().st_size / 1e6:.2f} MB" for path in sorted(out.glob("report.*"))
            )
            print(f"report in {seconds} s: {sizes_text}")


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or [339, 10_000])
