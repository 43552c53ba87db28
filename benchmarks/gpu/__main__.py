"""Run the check of the package, and write its file."""

import argparse
import json
import os
import platform
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import torch

from benchmarks.figures import Figures, Json
from benchmarks.gpu.absence import gpu_absence
from benchmarks.gpu.plan import FULL, QUICK
from benchmarks.gpu.procedure import run

NEEDS: Final = "nine minutes of checks and measurements"
TRIAL: Final = "python -m benchmarks.gpu --device cpu --quick --out build/tried.json"
OUT: Final = Path(__file__).parents[1] / "results" / "gpu.json"


def main(argv: list[str]) -> int:
    """Return 1 if a check failed or there is no GPU."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="file to write [default: benchmarks/results/gpu.json]")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--quick", action="store_true", help="toy sizes, to try this program; needed on a CPU")
    given = parser.parse_args(argv)
    if given.device == "cuda" and (absence := gpu_absence(NEEDS, TRIAL)) is not None:
        print(absence, file=sys.stderr)
        return 1
    if given.device == "cpu" and not (given.quick and given.out != OUT):
        parser.error("a CPU only tries this program: add --quick and --out FILE")
    start = time.monotonic()
    figures = run(QUICK if given.quick else FULL, device=given.device)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(f"{json.dumps(document(figures, time.monotonic() - start), indent=1)}\n", encoding="utf-8")
    checks = figures["checks"]
    assert isinstance(checks, dict)
    for line in checks["failed"]:
        print(line, file=sys.stderr)
    print(f"{given.out}: written. Copy it to benchmarks/results/gpu.json, then: python -m benchmarks --write")
    return 1 if checks["failed"] else 0


def document(figures: Figures, seconds: float) -> dict[str, Json]:
    """Return the file's content, as `benchmarks.results` reads it, without packages that a bare machine lacks."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {
        "part": "gpu",
        "command": "python -m benchmarks gpu",
        "taken_on": datetime.now(UTC).date().isoformat(),
        "seconds": round(seconds, 1),
        "machine": {
            "processor": str(figures["device"]),
            "cores": os.cpu_count() or 1,
            "memory_gib": round(pages / 2**30),
            "load": round(os.getloadavg()[0], 1),
            "versions": {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "cuda": torch.version.cuda or "",
            },
        },
        "figures": _rounded(figures),
    }


def _rounded(value: Json) -> Json:
    """Round every float to four significant digits; one that is not finite is none."""
    if isinstance(value, float):
        return float(f"{value:.4g}") if abs(value) != float("inf") and value == value else None  # noqa: PLR0124 - NaN
    if isinstance(value, str | int) or value is None:
        return value
    if isinstance(value, list | tuple):
        return [_rounded(each) for each in value]
    return {name: _rounded(each) for name, each in value.items()}  # type: ignore[union-attr]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
