"""The results of the measurements: one JSON file per part, with machine, date and command."""

import json
import math
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final

import psutil

from benchmarks.figures import Figures, Json
from sweeper.files import write_atomically

DIRECTORY: Final = Path(__file__).with_name("results")
PACKAGES: Final = ("optuna", "sqlalchemy", "joblib", "torch")
SIGNIFICANT_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine of a measurement.

    Attributes:
        cores: cores that the process may use.
        load: processes running or ready to run in the minute before; None if not recorded.
        versions: of Python, SQLite and the packages that matter.
    """

    processor: str
    cores: int
    memory_gib: int
    load: float | None
    versions: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The figures of one part.

    Attributes:
        command: the command line that took them, run in the project's root.
        taken_on: ISO date, UTC.
        seconds: run time of the part; None if not recorded.
    """

    part: str
    command: str
    taken_on: str
    seconds: float | None
    machine: Machine
    figures: Figures


def this_machine() -> Machine:
    """Return a description of this machine."""
    packages = {name: version(name) for name in PACKAGES}
    return Machine(
        processor=_processor(),
        cores=len(psutil.Process().cpu_affinity() or []) or os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30),
        load=round(os.getloadavg()[0], 1),
        versions={"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, **packages},
    )


def _processor() -> str:
    """Return the processor's name, as Linux reports it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def rounded(value: Json, digits: int = SIGNIFICANT_DIGITS) -> Json:
    """Round every float to significant digits; further digits are noise that would change the file every time."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"a figure must be finite, but got {value}")
        return float(f"{value:.{digits}g}")
    if isinstance(value, str) or value is None or isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        return {name: rounded(each, digits) for name, each in value.items()}
    return [rounded(each, digits) for each in value]


def save(result: Result, directory: Path = DIRECTORY) -> None:
    """Write a part's file, replacing the last one."""
    text = json.dumps(asdict(result) | {"figures": rounded(result.figures)}, indent=1)
    write_atomically(directory / f"{result.part}.json", f"{text}\n".encode())


def load(directory: Path = DIRECTORY) -> dict[str, Result]:
    """Return all results, by part."""
    found = {}
    for path in sorted(directory.glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = Result(**data | {"machine": Machine(**data["machine"])})
    return found


def say(text: str) -> None:
    """Print progress to standard error; standard output is for figures."""
    print(f"{time.strftime('%H:%M:%S')}   {text}", file=sys.stderr, flush=True)
