"""Run one part of the measurements in its own process: JSON options in, JSON figures out.

Run: python -m benchmarks.part NAME OPTIONS; `python -m benchmarks` does.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.options import Options

# Name: what it measures. The module of that name has a function `measure(options)` that returns figures.
PARTS: Final = {
    "overhead": "overhead of a trial, against Optuna and Ray Tune",
    "large": "10,000 trials: time until the first one starts, and of the status",
    "idle": "idle time of slots with the run times of the 339 trials",
    "store": "SQLite against PostgreSQL: queue, 64 slots, reading",
    "report": "time to write a report as HTML and PDF",
    "commands": "time of commands that only read",
    "trainer": "training steps against the upstream Transformer-XL (--upstream)",
    "replica": "core-hours of the 339 trials at CPU scale, as written and with cheaper settings",
    "gpu": "the trainer on a GPU: checks, speed, several trials at once, the recipe for some minutes",
    "validity": "verdicts on studies with planted truth: intervals and error rates",
    "decide": "seeds until claims are decided, against fixed seeds and AdaStop, on planted truth",
    "rounds": "seeds until claims are decided, through a store: the same trials and verdicts as in memory",
    "versions": "the store of this version against that of an earlier one (--before)",
    "suite": "make test and make demo",
}
# They need a GPU or corpora, or take as long as all other parts together.
ON_DEMAND: Final = (
    "gpu",
    "replica",
    "suite",
    "versions",
    "validity",
    "decide",
    "rounds",
)
PATHS: Final = ("ray_python", "upstream", "before")  # among the options


def encoded(options: Options) -> str:
    """Return the options as text for another process."""
    paths = {name: getattr(options, name) for name in PATHS}
    texts = {name: None if path is None else str(path) for name, path in paths.items()}
    return json.dumps({"quick": options.quick, **texts})


def decoded(text: str) -> Options:
    """Return the options of a text that `encoded` wrote."""
    data = json.loads(text)
    paths = {name: None if data[name] is None else Path(data[name]) for name in PATHS}
    return Options(quick=data["quick"], **paths)


def main(name: str, options: Options) -> None:
    """Run the part and print its figures."""
    module: Any = importlib.import_module(f"benchmarks.{name}")
    print(json.dumps(module.measure(options)))


if __name__ == "__main__":
    main(sys.argv[1], decoded(sys.argv[2]))
