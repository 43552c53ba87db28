"""One measurement of the version of sweeper whose checkout is on the path; prints one line of JSON.

`benchmarks.versions` runs it. It uses the `benchmarks` of that checkout, which know its functions.

Run: python -P version_round.py enrol URL DIRECTORY TRIALS REPORTS
     python -P version_round.py slot URL DIRECTORY
     python -P version_round.py statements URL DIRECTORY
     python -P version_round.py crowd URL STUDY_ID SLOTS TRIALS_EACH
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from sqlalchemy import Engine, event

from benchmarks import one_slot
from benchmarks.crowd import rush
from benchmarks.studies import study_text, write_program
from sweeper.planning.plan import make_plan
from sweeper.spec.load import parse_study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol

STUDY: Final = "versions"


def enrol_trials(url: str, directory: str, trials: str, reports: str) -> None:
    """Make a store with trials of a program that reports a metric so often; print the study's id."""
    command = write_program(Path(directory), int(reports))
    study = parse_study(study_text(STUDY, command, int(trials), int(reports)), "study.yaml")
    engine = open_store(url, create=True)
    found = enrol(engine, make_plan(study), study, runs_dir=Path(directory) / "runs", now=time.time())
    engine.dispose()
    print(json.dumps({"study_id": found.study_id}))


def run_slot(url: str, directory: str) -> None:
    """Run all trials on one slot; print its times."""
    one_slot.main(url, STUDY, directory)


def count_statements(url: str, directory: str) -> None:
    """Run all trials on one slot; print its times, then its statements and the transactions that write."""
    counts = {"statements": 0, "commits": 0}

    def count_statement(*_: object) -> None:
        counts["statements"] += 1

    def count_commit(_: object) -> None:
        counts["commits"] += 1

    event.listen(Engine, "before_cursor_execute", count_statement)
    event.listen(Engine, "commit", count_commit)
    run_slot(url, directory)
    print(json.dumps(counts))


def run_crowd(url: str, study_id: str, slots: str, trials_each: str) -> None:
    """Let slots lease, report and end trials in parallel; print throughput, the times of leases, and CPU time."""
    before = _children_s()
    found = rush(url, int(study_id), slots=int(slots), trials_each=int(trials_each))
    figures = {
        "trials_per_second": found.trials_per_second,
        "claim_median_ms": found.claim_quantile_ms(0.5),
        "claim_p99_ms": found.claim_quantile_ms(0.99),
        "cpu_ms": 1000 * (_children_s() - before) / (int(slots) * int(trials_each)),
    }
    print(json.dumps(figures))


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


MEASUREMENTS: Final[Mapping[str, Callable[..., None]]] = {
    "enrol": enrol_trials,
    "slot": run_slot,
    "statements": count_statements,
    "crowd": run_crowd,
}

if __name__ == "__main__":
    MEASUREMENTS[sys.argv[1]](*sys.argv[2:])
