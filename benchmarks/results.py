"""What the measurements found: a JSON file a part, with where, when and how it was taken."""

import json
import math
import os
import platform
import sqlite3
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeAlias

import psutil

from sweeper.files import write_atomically

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
Figures: TypeAlias = Mapping[str, Json]

FOLDER: Final = Path(__file__).with_name("results")
PACKAGES: Final = ("optuna", "sqlalchemy", "joblib", "torch")
SIGNIFICANT_DIGITS: Final = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where a measurement was taken.

    Attributes:
        cores: that the process may use.
        load: processes that ran or wanted to just before, over a minute: what else the machine did; None: not noted.
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
        command: the command line that took them, from the project's root.
        taken_on: the day, ISO, UTC.
        seconds: the part took; None: not noted.
    """

    part: str
    command: str
    taken_on: str
    seconds: float | None
    machine: Machine
    figures: Figures


def this_machine() -> Machine:
    """The facts of the machine that this runs on."""
    packages = {name: version(name) for name in PACKAGES}
    return Machine(
        processor=_processor(),
        cores=len(psutil.Process().cpu_affinity() or []) or os.cpu_count() or 1,
        memory_gib=round(psutil.virtual_memory().total / 2**30),
        load=round(os.getloadavg()[0], 1),
        versions={"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, **packages},
    )


def _processor() -> str:
    """The processor's name as Linux tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def rounded(value: Json, digits: int = SIGNIFICANT_DIGITS) -> Json:
    """The same with every float at so many significant digits: what is beyond them is noise, and changes the file."""
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"a figure is a finite number, but got {value}")
        return float(f"{value:.{digits}g}")
    if isinstance(value, str) or value is None or isinstance(value, int):
        return value
    if isinstance(value, Mapping):
        return {name: rounded(each, digits) for name, each in value.items()}
    return [rounded(each, digits) for each in value]


def save(result: Result, folder: Path = FOLDER) -> None:
    """Write a part's file; it replaces the one before."""
    text = json.dumps(asdict(result) | {"figures": rounded(result.figures)}, indent=1)
    write_atomically(folder / f"{result.part}.json", f"{text}\n".encode())


def load(folder: Path = FOLDER) -> dict[str, Result]:
    """All results that there are, by part."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        data = json.loads(path.read_text(encoding="utf-8"))
        found[path.stem] = Result(**data | {"machine": Machine(**data["machine"])})
    return found


def say(text: str) -> None:
    """Progress, on standard error: standard output is for figures."""
    print(f"{time.strftime('%H:%M:%S')}   {text}", file=sys.stderr, flush=True)
