"""One part of the measurements, in a process of its own: JSON options in, JSON figures out.

Run: python -m benchmarks.part NAME OPTIONS; `python -m benchmarks` does.
"""

import importlib
import json
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.options import Options

# Name: what it measures. The module of that name has `measure(options)`, which returns figures.
PARTS: Final = {
    "overhead": "what a trial costs beside its training: against Optuna and Ray Tune",
    "large": "10,000 trials: when the first one starts, how long the status takes",
    "idle": "how long slots stand idle on the 339 trials' mix of lengths",
    "store": "the store on SQLite and on PostgreSQL: queue, reports, 64 slots, status",
    "report": "from the store to HTML and PDF",
    "commands": "how long commands take that only answer",
    "trainer": "training steps against upstream's Transformer-XL (--upstream)",
    "suite": "make test and make demo",
}
ON_DEMAND: Final = ("suite",)  # takes as long as all the others together


def encoded(options: Options) -> str:
    """The options as text for another process."""
    paths = {"ray_python": options.ray_python, "upstream": options.upstream}
    texts = {name: None if path is None else str(path) for name, path in paths.items()}
    return json.dumps({"quick": options.quick, **texts})


def decoded(text: str) -> Options:
    """The options that `encoded` made the text of."""
    data = json.loads(text)
    paths = {name: None if data[name] is None else Path(data[name]) for name in ("ray_python", "upstream")}
    return Options(quick=data["quick"], **paths)


def main(name: str, options: Options) -> None:
    """Measure, and print the figures."""
    module: Any = importlib.import_module(f"benchmarks.{name}")
    print(json.dumps(module.measure(options)))


if __name__ == "__main__":
    main(sys.argv[1], decoded(sys.argv[2]))
