"""Studies of the fake program, made by hand, and what runs them."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sweeper.execution.launch import Launched, launch
from sweeper.execution.slots.launcher_watch import LauncherWatch
from sweeper.execution.slots.processes import started_at
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.slot import SlotLoop, SlotTask
from sweeper.spec.json_form import from_json
from sweeper.spec.study import Study
from sweeper.store.engine import open_existing, open_store
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue.queue import register_runner
from sweeper.store.reading import reader
from sweeper.store.records import LEASE_S
from tests.sweeper.store.builders import Budget, Plan, PlannedPhase, PlannedTrial, hash_of

FAKE = Path(__file__).with_name("fake_program.py")
COMMAND = [sys.executable, "-I", "-S", str(FAKE)]
RETRY = {"crashed": 2, "killed": 5, "out_of_memory": 1, "diverged": 0, "timeout": 0}
SLOT = Slot(name="cpu-0", device="cpu")


def plan_of(configs: Sequence[Mapping[str, Any]], *, steps: int = 3, name: str = "s", phase: str = "screen") -> Plan:
    """A study of one phase with a trial for each config."""
    trials = tuple(
        PlannedTrial(
            phase, number, {"number": number}, dict(config), hash_of({"n": number, **config}), 0, Budget(steps)
        )
        for number, config in enumerate(configs)
    )
    members = tuple((phase, trial.number) for trial in trials)
    return Plan(name, (PlannedPhase(phase, "list", {"name": phase, "design": {"list": []}}, trials, members),))


def study_of(plan: Plan, **changes: Any) -> Study:
    """The study of a document in which `changes` replace keys at the top or in `trial`."""
    numbers = [trial.number for phase in plan.phases for trial in phase.trials]
    trial = {
        "program": {"command": COMMAND, "metrics": None, "checkpoint": None},
        "config": {},
        "environment": {},
        "timeout_minutes": None,
        "calibration": None,
    }
    trial |= changes.pop("trial", {})
    document = {
        "study": plan.study,
        "description": "",
        "seed": 0,
        "metric": {"name": "loss", "direction": "minimize", "scale": "linear"},
        "trial": trial,
        "resources": {"device": "cpu", "slots": 1, "gpus_per_trial": 1.0, "threads_per_trial": 1},
        "budget": {"device_hours": None},
        "retry": RETRY,
        "on_finish": [],
        "factors": {"number": {"path": "number", "levels": numbers, "baseline": 0}},
        "phases": [
            {"name": phase.name, "seeds": [0], "budget": {"steps": 3}, "pruner": "none", **phase.spec}
            for phase in plan.phases
        ],
        "claims": [],
    }
    return from_json(document | changes, source=f"study: {plan.study}\n", path=Path("s.yaml"))


def enrolled(url: str, configs: Sequence[Mapping[str, Any]], *, steps: int = 3, name: str = "s", **changes: Any) -> int:
    """A study of the fake program in a store that is there."""
    plan = plan_of(configs, steps=steps, name=name)
    engine = open_store(url, create=False)
    try:
        return enrol(engine, plan, study_of(plan, **changes), runs_dir=runs_of(url), now=0.0).study_id
    finally:
        engine.dispose()


def runs_of(url: str) -> Path:
    """Where the run directories of a test go: beside its store, or where the fixture of a store on a server says."""
    if url.startswith("sqlite:"):
        return Path(url.removeprefix("sqlite:///")).parent / "runs"
    return Path(os.environ["SWEEPER_RUNS"])


def task_for(url: str, study_id: int, **changes: Any) -> SlotTask:
    """A slot's task of which this process is the launcher."""
    engine = open_existing(url)
    pid = os.getpid()
    try:
        runner = register_runner(
            engine, study_id, host="here", pid=pid, pid_started_at=started_at(pid), slots=1, now=0.0
        )
    finally:
        engine.dispose()
    values: dict[str, Any] = {
        "store": url,
        "study_id": study_id,
        "study": "s",
        "slot": SLOT,
        "runner_id": runner,
        "launcher_pid": pid,
        "launcher_started_at": started_at(pid),
        "cwd": str(Path.cwd()),
        "environment": {"python": "3"},
        "lease_s": LEASE_S,
    }
    return SlotTask(**(values | changes))


def run_loop(url: str, study_id: int, **changes: Any) -> str:
    """Run a slot in this process until it ends; why it ended."""
    task = task_for(url, study_id, **changes)
    engine = open_existing(url)
    try:
        return SlotLoop(task, engine, LauncherWatch(task.launcher_pid, task.launcher_started_at)).run()
    finally:
        engine.dispose()


def trials_of(url: str, study_id: int = 1) -> tuple[reader.TrialRow, ...]:
    with reader.connect(url) as connection:
        return reader.trials(connection, study_id)


def attempts_of(url: str, study_id: int = 1) -> tuple[reader.AttemptRow, ...]:
    with reader.connect(url) as connection:
        return reader.attempts(connection, study_id)


def launched(
    url: str, configs: Sequence[Mapping[str, Any]], *, steps: int = 3, slots: int = 2, **changes: Any
) -> Launched:
    """Launch a study of the fake program, to its end."""
    plan = plan_of(configs, steps=steps)
    lease_s = changes.pop("lease_s", LEASE_S)
    return launch(
        study_of(plan, **changes),
        plan,  # type: ignore[arg-type]
        store=url,
        num_slots=slots,
        extend=False,
        on_enrolled=lambda *_: None,
        on_tick=lambda: None,
        lease_s=lease_s,
    )


def check_each_completed_once(url: str, number: int, steps: int) -> None:
    """Every trial completed, in one attempt that says so, with its value and each step's measurement once."""
    trials = trials_of(url)
    assert [(trial.state, trial.value) for trial in trials] == [("completed", 0.5)] * number
    completed = [attempt.trial_id for attempt in attempts_of(url) if attempt.exit_reason == "completed"]
    assert sorted(completed) == sorted(trial.id for trial in trials)
    with reader.connect(url) as connection:
        table = reader.measurements(connection, 1, "loss")
    points = list(zip(table.column("number"), table.column("step"), strict=True))
    assert points == [(trial, step) for trial in range(number) for step in range(1, steps + 1)]
