"""Measure the overhead of a trial against `optuna.study.optimize` and Ray Tune, in one run.

sweeper starts a process per trial, supervises it and stores its attempt and measurements; Optuna calls a function; Ray
Tune starts an actor. Therefore the bare process is measured too, half of the trials before sweeper's and half after,
and sweeper's own work is given in two ways: the time of a trial beyond the bare process, and the CPU time of the slot.
The whole command (`sweeper launch` from start to end, with all its processes) is measured as well.
"""

import json
import os
import resource
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import optuna
from sqlalchemy import event

from benchmarks.figures import Figures, Json
from benchmarks.options import Options
from benchmarks.results import say
from benchmarks.studies import study_text, write_program
from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue

NUM_TRIALS: Final = 339
RAY_TRIALS: Final = 20  # a second or more each
REPORTS: Final = (1, 20)
RAY_TIMEOUT_S: Final = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Milliseconds of wall-clock time and of CPU time per trial."""

    clock_ms: float
    cpu_ms: float


def measure(options: Options) -> Figures:
    """Return the costs with one report and with twenty."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    number, ray_number = (20, 3) if options.quick else (NUM_TRIALS, RAY_TRIALS)
    cases: list[Json] = []
    for reports in REPORTS:
        with TemporaryDirectory() as directory:
            slot_ms, case = _ours(Path(directory), number, reports)
            case |= _optuna_figures(Path(directory), number, reports, slot_ms)
            cases.append(case | _ray(options.ray_python, ray_number, reports, slot_ms))
    return {"trials": number, "ray_trials": ray_number, "cases": cases}


def _ours(directory: Path, number: int, reports: int) -> tuple[float, dict[str, Json]]:
    """Return the milliseconds of a trial on one slot, and all figures of sweeper."""
    command = write_program(directory, reports)
    path = directory / "study.yaml"
    path.write_text(study_text("overhead", command, number, reports), encoding="utf-8")
    say(f"{number} trials, {reports} reports each: the bare process, one slot")
    before = _bare(command, directory, number - number // 2)
    slot, children_ms = _slot(path, directory, number)
    after = _bare(command, directory, number // 2)
    say("sweeper launch")
    launch = _launch(path, directory, number)
    bare = Cost(clock_ms=(before.clock_ms + after.clock_ms) / 2, cpu_ms=(before.cpu_ms + after.cpu_ms) / 2)
    return slot.clock_ms, {
        "reports": reports,
        "bare": asdict(bare),
        "slot": asdict(slot),
        "slot_children_cpu_ms": children_ms,
        "own_clock_ms": slot.clock_ms - bare.clock_ms,
        "own_share": slot.cpu_ms / (slot.cpu_ms + children_ms),
        "launch": asdict(launch),
        "launch_own_cpu_ms": launch.cpu_ms - bare.cpu_ms,
    }


def _children() -> float:
    """Return the CPU seconds of all child processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _cost(number: int, run: Callable[[], object]) -> Cost:
    """Return the cost per trial of a run whose work is done in child processes."""
    cpu, start = _children(), time.perf_counter()
    run()
    return Cost(clock_ms=1000 * (time.perf_counter() - start) / number, cpu_ms=1000 * (_children() - cpu) / number)


def _bare(command: list[str], directory: Path, number: int) -> Cost:
    environment = {**os.environ, "SWEEPER_RUN_DIR": str(directory)}

    def run() -> None:
        for _ in range(number):
            subprocess.run(command, env=environment, check=True)

    return _cost(number, run)


def _slot(path: Path, directory: Path, number: int) -> tuple[Cost, float]:
    """Run one slot in its own process; return its cost, and the CPU milliseconds of a trial's process."""
    url = f"sqlite:///{directory}/slot.db"
    study = load_study(path)
    engine = open_store(url, create=True)
    enrolment = enrol(engine, make_plan(study), study, runs_dir=directory / "slot", now=time.time())
    command = [sys.executable, "-m", "benchmarks.one_slot", url, "overhead", str(directory)]
    answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    assert queue.counts(engine, enrolment.study_id)["completed"] == number
    engine.dispose()
    cost = Cost(clock_ms=1000 * answer["clock_s"] / number, cpu_ms=1000 * answer["own_s"] / number)
    return cost, 1000 * answer["children_s"] / number


def _launch(path: Path, directory: Path, number: int) -> Cost:
    """Return the cost of the whole command, including its start and all of its processes."""
    command = [sys.executable, "-m", "sweeper", "launch", str(path), "--slots", "1"]
    command += ["--store", f"sqlite:///{directory}/launch.db"]
    return _cost(number, lambda: subprocess.run(command, check=True, capture_output=True))


def _optuna_figures(directory: Path, number: int, reports: int, slot_ms: float) -> dict[str, Json]:
    say("Optuna")
    default = _optuna(f"sqlite:///{directory}/optuna.db", number, reports, wal=False)
    wal = _optuna(f"sqlite:///{directory}/optuna-wal.db", number, reports, wal=True)
    return {
        "optuna_ms": default,
        "optuna_ratio": default / slot_ms,
        "optuna_wal_ms": wal,
        "optuna_wal_ratio": wal / slot_ms,
    }


def _optuna(url: str, number: int, reports: int, *, wal: bool) -> float:
    """Return the milliseconds per trial, run in sequence in this process."""
    storage = optuna.storages.RDBStorage(url)
    if wal:
        event.listen(storage.engine, "connect", _use_wal)
        storage.engine.dispose()
    study = optuna.create_study(storage=storage, sampler=optuna.samplers.RandomSampler(seed=0))
    start = time.perf_counter()
    study.optimize(_objective(reports), n_trials=number)
    return 1000 * (time.perf_counter() - start) / number


def _objective(reports: int) -> Callable[[optuna.Trial], float]:
    def objective(trial: optuna.Trial) -> float:
        trial.suggest_int("number", 0, 1000)
        for step in range(1, reports + 1):
            trial.report(1.0 / step, step)
        return 1.0 / reports

    return objective


def _use_wal(connection: sqlite3.Connection, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _ray(python: Path | None, number: int, reports: int, slot_ms: float) -> dict[str, Json]:
    """Return Ray Tune's milliseconds per trial; None without Ray or if it fails."""
    nothing: dict[str, Json] = {"ray_ms": None, "ray_ratio": None, "ray_version": None}
    if python is None:
        return nothing
    say(f"Ray Tune, {number} trials")
    program = Path(__file__).with_name("ray_trials.py")
    with TemporaryDirectory() as directory:
        command = [str(python), str(program), str(number), str(reports), directory]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=RAY_TIMEOUT_S)
        except (subprocess.SubprocessError, OSError) as error:
            say(f"Ray Tune FAILED: {error}\n{getattr(error, 'stderr', '')}")
            return nothing
    found = json.loads(answer.stdout.splitlines()[-1])
    ray_ms = 1000 * found["fit_s"] / number
    return {"ray_ms": ray_ms, "ray_ratio": ray_ms / slot_ms, "ray_version": found["version"]}
