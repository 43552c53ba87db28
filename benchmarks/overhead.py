"""What a trial costs beside its training: ours against `optuna.study.optimize`, in the same run on the same machine.

Run: python -m benchmarks.overhead [TRIALS [LARGE]]

Ours starts a process for each trial, watches it and keeps its attempt and its measurements; Optuna calls a function.
So the bare start of the same process is measured too, and our own work told apart by the processor time of the slot.
The last part launches LARGE trials (10,000) and tells when the first one starts and how long the status takes.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from sqlalchemy import event

from sweeper.launch import launch
from sweeper.plan import make_plan
from sweeper.slots.processes import started_at
from sweeper.slots.running import slots_for
from sweeper.slots.slot import LauncherWatch, SlotLoop, SlotTask
from sweeper.spec import parse_study
from sweeper.store import queue, reader
from sweeper.store.engine import open_store
from sweeper.store.enrol import enrol

PROGRAM = """
import json, os
with open(os.path.join(os.environ["SWEEPER_RUN_DIR"], "metrics.jsonl"), "a") as file:
    for step in range(1, {reports} + 1):
        file.write(json.dumps({{"step": step, "loss": 1.0 / step}}) + "\\n")
        file.flush()
"""
STUDY = """
study: overhead
metric: {{name: loss, direction: minimize}}
trial:
  program: {{command: {command}}}
resources: {{device: cpu, slots: 1}}
factors: {{place: {{path: place, levels: {levels}}}}}
phases: [{{name: all, design: grid, seeds: 1, budget: {{steps: {steps}}}}}]
"""


@dataclass(frozen=True)
class Cost:
    """Milliseconds a trial: on the clock, and of our own processor time."""

    clock_ms: float
    own_ms: float


def main(num_trials: int, large: int) -> None:
    """Measure and print."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for reports in (1, 20):
            print(f"{num_trials} trials with {reports} report{'s' if reports > 1 else ''}, ms a trial:")
            _compare(folder / str(reports), num_trials, reports)
        _large(folder / "large", large)


def _compare(folder: Path, number: int, reports: int) -> None:
    folder.mkdir()
    program = folder / "program.py"
    program.write_text(PROGRAM.format(reports=reports))
    command = [sys.executable, "-I", "-S", str(program)]
    bare = _bare(command, folder, number)
    ours = _ours(command, folder, number, reports)
    default = _optuna(f"sqlite:///{folder}/optuna.db", number, reports, wal=False)
    wal = _optuna(f"sqlite:///{folder}/optuna-wal.db", number, reports, wal=True)
    print(f"  the bare process, started and waited for      {bare:8.1f}")
    print(f"  sweeper, one slot: on the clock               {ours.clock_ms:8.1f}")
    print(f"           our own processor time               {ours.own_ms:8.1f}")
    print(f"           beyond the bare process              {ours.clock_ms - bare:8.1f}")
    print(f"  optuna.study.optimize on SQLite               {default:8.1f}  {default / ours.clock_ms:5.2f} x ours")
    print(f"  the same with WAL and synchronous=NORMAL      {wal:8.1f}  {wal / ours.clock_ms:5.2f} x ours")


def _bare(command: list[str], folder: Path, number: int) -> float:
    environment = {**os.environ, "SWEEPER_RUN_DIR": str(folder)}
    start = time.perf_counter()
    for _ in range(number):
        subprocess.run(command, env=environment, check=True)
    return 1000 * (time.perf_counter() - start) / number


def _study(command: list[str], number: int, steps: int) -> Any:
    levels = json.dumps(list(range(number)))
    return parse_study(STUDY.format(command=json.dumps(command), levels=levels, steps=steps), "overhead.yaml")


def _ours(command: list[str], folder: Path, number: int, reports: int) -> Cost:
    """A slot in this process, so that its processor time can be told from its children's."""
    url = f"sqlite:///{folder}/sweeper.db"
    study = _study(command, number, reports)
    engine = open_store(url, create=True)
    enrolment = enrol(engine, make_plan(study), study, runs_dir=folder / "runs", now=time.time())
    pid, began = os.getpid(), started_at(os.getpid())
    runner = queue.register_runner(
        engine, enrolment.study_id, host="here", pid=pid, pid_started_at=began, slots=1, now=time.time()
    )
    task = SlotTask(
        store=url,
        study_id=enrolment.study_id,
        study="overhead",
        slot=slots_for(study.document, 1)[0],
        runner_id=runner,
        launcher_pid=pid,
        launcher_started_at=began,
        cwd=str(folder),
        environment={},
    )
    before, start = time.process_time(), time.perf_counter()
    assert SlotLoop(task, engine, LauncherWatch(pid, began)).run() == "done"
    cost = Cost(1000 * (time.perf_counter() - start) / number, 1000 * (time.process_time() - before) / number)
    assert queue.counts(engine, enrolment.study_id)["completed"] == number
    engine.dispose()
    return cost


def _optuna(url: str, number: int, reports: int, *, wal: bool) -> float:
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


def _use_wal(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


class _Enough(Exception):  # noqa: N818 - ends a launch that has shown what it should
    """The first trial has ended."""


def _large(folder: Path, number: int) -> None:
    """When the first of many trials starts, and how long `sweeper status` takes beside it."""
    folder.mkdir()
    program = folder / "program.py"
    program.write_text(PROGRAM.format(reports=1))
    url = f"sqlite:///{folder}/sweeper.db"
    study = _study([sys.executable, "-I", "-S", str(program)], number, 1)
    began = time.time()

    def stop_after_the_first() -> None:
        with reader.connect(url) as connection:
            if reader.counts(connection, 1)["all"]["completed"]:
                raise _Enough

    plan = make_plan(study)
    with suppress(_Enough):
        launch(study, plan, store=url, slots=2, extend=False, on_enrolled=lambda *_: None, on_tick=stop_after_the_first)
    with reader.connect(url) as connection:
        first = min(attempt.started_at for attempt in reader.attempts(connection, 1))
    print(f"{number} trials: the first one starts after {first - began:.1f} s (plan, store, slots)")
    command = [sys.executable, "-m", "sweeper", "status", "overhead", "--store", url, "--json"]
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    print(f"{number} trials: sweeper status --json takes {time.perf_counter() - start:.2f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 339, int(sys.argv[2]) if len(sys.argv) > 2 else 10_000)
