"""Compare the store on SQLite and on PostgreSQL: enrolling, queue, measurements, 64 slots, reading; 10,000 trials.

The databases take turns, and a ratio is the median over rounds of the ratio within a round. PostgreSQL runs with the
settings of its packages, where a commit is on disk before it counts, and again with `synchronous_commit=off`: a power
failure may then lose the last moments, as it may with SQLite in our settings.
"""

import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.commands import answer_s
from benchmarks.crowd import rush
from benchmarks.cycle import cycles
from benchmarks.figures import Figures, Json
from benchmarks.options import Options
from benchmarks.results import say
from benchmarks.studies import study_text, write_program
from sweeper.planning.plan import Plan, make_plan
from sweeper.spec.load import parse_study
from sweeper.spec.study import Study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from tests.sweeper import postgresql

NUM_TRIALS: Final = 10_000
NUM_POINTS: Final = 100
ROUNDS: Final = 5
CYCLES: Final = 40  # per round
SLOTS: Final = 64
TRIALS_EACH: Final = 10  # per slot and round
CROWD_ROUNDS: Final = 3
AS_INSTALLED: Final = ("max_connections=300",)
LAZY: Final = "&options=-c%20synchronous_commit%3Doff"

Stores = Mapping[str, tuple[str, int]]  # URL and study id, by database
Rates = dict[str, float]
Rounds = dict[str, list[float]]  # by database


def measure(options: Options) -> Figures:
    """Return the figures of each operation on each database, and their ratios to SQLite's."""
    number, rounds, slots = (400, 1, 8) if options.quick else (NUM_TRIALS, ROUNDS, SLOTS)
    with TemporaryDirectory() as name, ExitStack() as stack:
        directory = Path(name)
        urls = {"sqlite": f"sqlite:///{directory}/store.db"} | stack.enter_context(_postgresql())
        study = parse_study(study_text("store", write_program(directory, 1), number), "store.yaml")
        plan = make_plan(study)
        stores, found = {}, {}
        for each, url in urls.items():
            say(f"{each}: a store of {number:,} trials")
            study_id, found[each] = _enrol(url, plan, study, directory)
            stores[each] = (url, study_id)
        crowds = min(rounds, CROWD_ROUNDS)
        turns = {
            **_take_turns("one slot", _one_slot, rounds, stores),
            **_take_turns(f"{slots} slots", partial(_crowd, slots=slots), crowds, stores),
            **_take_turns("reading", _read, crowds, stores),
        }
        _check(stores, rounds * CYCLES + crowds * slots * TRIALS_EACH)
    databases: dict[str, Json] = {each: _summary(each, found, turns) for each in stores}
    return {"trials": number, "points": NUM_POINTS, "slots": slots, "databases": databases}


@contextmanager
def _postgresql() -> Iterator[dict[str, str]]:
    """Yield the URLs of two databases on a temporary server; none if PostgreSQL is not installed."""
    programs = postgresql.programs()
    if programs is None:
        say("PostgreSQL is skipped: it is not installed (Debian: apt-get install postgresql)")
        yield {}
        return
    with postgresql.cluster(programs, AS_INSTALLED) as cluster:
        yield {"postgresql": cluster.url("durable"), "postgresql_lazy": cluster.url("lazy") + LAZY}


def _enrol(url: str, plan: Plan, study: Study, directory: Path) -> tuple[int, Rates]:
    start = time.perf_counter()
    engine = open_store(url, create=True)
    opened = time.perf_counter()
    study_id = enrol(engine, plan, study, runs_dir=directory, now=time.time()).study_id
    done = time.perf_counter()
    engine.dispose()
    return study_id, {"make_s": opened - start, "enrol_s": done - opened}


def _take_turns(what: str, step: Callable[[str, int], Rates], rounds: int, stores: Stores) -> dict[str, Rounds]:
    """Take a step on each store in each round; return the values of all rounds, by figure and database."""
    taken: dict[str, Rounds] = {}
    for number in range(rounds):
        say(f"{what}: round {number + 1} of {rounds}")
        for each, (url, study_id) in stores.items():
            for figure, value in step(url, study_id).items():
                taken.setdefault(figure, {}).setdefault(each, []).append(value)
    return taken


def _summary(each: str, found: Mapping[str, Rates], turns: Mapping[str, Rounds]) -> dict[str, Json]:
    """Return a database's medians over the rounds, and the median ratios to SQLite in the same round."""
    medians = {figure: statistics.median(rounds[each]) for figure, rounds in turns.items()}
    ratios: dict[str, Json] = {
        figure: statistics.median(mine / base for mine, base in zip(rounds[each], rounds["sqlite"], strict=True))
        for figure, rounds in turns.items()
    }
    return {**found[each], **medians, "ratios": ratios}


def _one_slot(url: str, study_id: int) -> Rates:
    engine = open_store(url, create=False)
    cycles(engine, study_id, 1, 1)  # connects
    found = cycles(engine, study_id, CYCLES - 1, NUM_POINTS)
    engine.dispose()
    rates = {"claims_per_second": 1000 / found.claim_ms, "points_per_second": 1000 * NUM_POINTS / found.ingest_ms}
    return asdict(found) | rates


def _crowd(url: str, study_id: int, slots: int) -> Rates:
    found = rush(url, study_id, slots=slots, trials_each=TRIALS_EACH)
    return {
        "crowd_trials_per_second": found.trials_per_second,
        "crowd_claim_median_ms": found.claim_quantile_ms(0.5),
        "crowd_claim_p99_ms": found.claim_quantile_ms(0.99),
    }


def _read(url: str, study_id: int) -> Rates:
    status_s = answer_s([sys.executable, "-m", "sweeper", "status", "store", "--store", url, "--json"], 1)
    start = time.perf_counter()
    with reader.connect(url) as connection:
        reader.trials(connection, study_id)
        trials_s = time.perf_counter() - start
        reader.curves(connection, study_id, "loss")
    return {"status_s": status_s, "trials_s": trials_s, "curves_s": time.perf_counter() - start - trials_s}


def _check(stores: Stores, ended: int) -> None:
    """Check that every leased trial has ended once."""
    for url, study_id in stores.values():
        engine = open_store(url, create=False)
        counts = queue.counts(engine, study_id)
        engine.dispose()
        assert (counts["completed"], counts.get("running", 0)) == (ended, 0), counts
