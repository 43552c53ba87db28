"""Compare the store of this version with that of an earlier one, whose checkout `--before` names, in one run.

The versions take turns, each in processes of its own, and a ratio is the median over rounds of the ratio within a
round: other work on the machine slows both. Ratios of CPU time and counts of statements hardly depend on it; times of
waiting do.
"""

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.figures import Figures, Json
from benchmarks.options import Options
from benchmarks.results import say
from tests.sweeper import postgresql

PROGRAM: Final = Path(__file__).with_name("version_round.py")
HERE: Final = Path(__file__).parents[1]
BEFORE, AFTER = "before", "after"
ROUNDS: Final = 3
CROWD_ROUNDS: Final = 2
SLOTS: Final = 64
TRIALS_EACH: Final = 10
LONG_EACH: Final = 30  # about as many trials per slot as a study of 2,000
REPORTS: Final = (1, 20)
TRIALS: Final = 50
AS_INSTALLED: Final = ("max_connections=300",)

Rounds = dict[str, list[float]]  # of a figure, by version


def measure(options: Options) -> Figures:
    """Return each figure of both versions, and their ratios.

    Raises:
        SystemExit: no earlier version is named.
    """
    if options.before is None:
        raise SystemExit("versions: name the checkout of an earlier version: --before PATH")
    checkouts = {BEFORE: options.before.absolute(), AFTER: HERE}
    rounds, crowds, slots, trials = (1, 1, 8, 10) if options.quick else (ROUNDS, CROWD_ROUNDS, SLOTS, TRIALS)
    found: dict[str, Json] = {
        "versions": {name: _commit(path) for name, path in checkouts.items()},
        "trials": trials,
        "slots": slots,
        "slot": [_one_slot(checkouts, reports, trials, rounds) for reports in REPORTS],
    }
    with TemporaryDirectory() as name, _databases(Path(name)) as databases:
        found["crowd"] = [
            {"database": database, "trials_each": each, **_crowd(checkouts, new_url, slots, each, crowds)}
            for database, new_url in databases.items()
            for each in ((TRIALS_EACH, LONG_EACH) if database == "sqlite" else (TRIALS_EACH,))
        ]
    return found


def _run(checkout: Path, *arguments: str) -> list[dict[str, float]]:
    """Take one measurement of a version; return what it printed."""
    answer = subprocess.run(
        [sys.executable, "-P", str(PROGRAM), *arguments],
        cwd=checkout,
        env={**os.environ, "PYTHONPATH": str(checkout)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return [json.loads(line) for line in answer.stdout.splitlines()]


def _one_slot(checkouts: Mapping[str, Path], reports: int, trials: int, rounds: int) -> dict[str, Json]:
    """Return the CPU time, statements and commits of a trial on one slot with a SQLite file."""
    taken: dict[str, Rounds] = {}
    for number in range(rounds + 1):  # the first counts statements, which takes time
        say(f"one slot, {reports} reports: round {number} of {rounds}")
        for version, checkout in _in_turn(checkouts, number):
            with TemporaryDirectory() as directory:
                url = f"sqlite:///{directory}/store.db"
                _run(checkout, "enrol", url, directory, str(trials), str(reports))
                if number == 0:
                    figures = _run(checkout, "statements", url, directory)[1]
                else:
                    own_s = _run(checkout, "slot", url, directory)[0]["own_s"]
                    figures = {"cpu_ms": 1000 * own_s}
            for figure, value in figures.items():
                taken.setdefault(figure, {}).setdefault(version, []).append(value / trials)
    return {"reports": reports, **_summary(taken)}


def _crowd(
    checkouts: Mapping[str, Path], new_url: Callable[[str], str], slots: int, each: int, rounds: int
) -> dict[str, Json]:
    """Return the throughput of many slots, and how long they wait for a lease."""
    taken: dict[str, Rounds] = {}
    with TemporaryDirectory() as directory:
        stores = {}
        for version, checkout in checkouts.items():
            url, trials = new_url(f"{version}-{each}"), str(slots * each * rounds)
            stores[version] = (url, str(_run(checkout, "enrol", url, directory, trials, "1")[0]["study_id"]))
        for number in range(rounds):
            say(f"{slots} slots, {each} trials each: round {number + 1} of {rounds}")
            for version, checkout in _in_turn(checkouts, number):
                for figure, value in _run(checkout, "crowd", *stores[version], str(slots), str(each))[0].items():
                    taken.setdefault(figure, {}).setdefault(version, []).append(value)
    return _summary(taken)


def _in_turn(checkouts: Mapping[str, Path], number: int) -> list[tuple[str, Path]]:
    """Return the versions, each first in every other round."""
    return list(checkouts.items())[:: 1 if number % 2 == 0 else -1]


def _summary(taken: Mapping[str, Rounds]) -> dict[str, Json]:
    """Return the median of each figure by version, and the median over rounds of its ratio."""
    return {
        figure: {
            **{version: statistics.median(values) for version, values in rounds.items()},
            "ratio": statistics.median(
                after / before for before, after in zip(rounds[BEFORE], rounds[AFTER], strict=True)
            ),
        }
        for figure, rounds in taken.items()
    }


@contextmanager
def _databases(directory: Path) -> Iterator[dict[str, Callable[[str], str]]]:
    """Yield functions that return the URL of a new database, by kind; no PostgreSQL where it is not installed."""
    files: dict[str, Callable[[str], str]] = {"sqlite": lambda name: f"sqlite:///{directory}/{name}.db"}
    programs = postgresql.programs()
    if programs is None:
        yield files
        return
    with postgresql.cluster(programs, AS_INSTALLED) as cluster:
        yield {**files, "postgresql": cluster.url}


def _commit(checkout: Path) -> str:
    """Return the commit of a checkout."""
    command = ["git", "-C", str(checkout), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
