"""Measure `make test` and `make demo` in an existing environment."""

import re
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Figures
from benchmarks.options import Options
from benchmarks.results import say

ROOT: Final = Path(__file__).parents[1]
PASSED: Final = re.compile(r"(\d+) passed")


def measure(options: Options) -> Figures:
    """Return the seconds of both, and the number of tests.

    Raises:
        RuntimeError: one of them failed.
    """
    if options.quick:
        raise RuntimeError("the suite has no small size")
    _make("setup")
    say("make test")
    test_s, output = _make("test")
    passed = PASSED.findall(output)
    with TemporaryDirectory() as directory:
        say("make demo")
        demo_s, _ = _make("demo", f"DEMO={directory}")
    return {"test_s": test_s, "tests": int(passed[-1]) if passed else 0, "demo_s": demo_s}


def _make(*words: str) -> tuple[float, str]:
    start = time.perf_counter()
    answer = subprocess.run(["make", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise RuntimeError(f"make {' '.join(words)}:\n{answer.stdout[-4000:]}{answer.stderr[-4000:]}")
    return time.perf_counter() - start, answer.stdout
