"""Run a pilot: some steps of each kind of trial on the study's own slots, before anything is promised.

It goes through the queue, the slots and the supervisor as the study will, but on a store of its own in a folder that
is removed afterwards: nothing of it is a trial, and no study's ledger has it. What it measured, its own device-seconds
included, goes into the study's store.
"""

import socket
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sweeper.designs.factor import Factor, Factors
from sweeper.designs.kinds import ListDesign
from sweeper.designs.levels import distinct_levels
from sweeper.errors import UsageError
from sweeper.execution.launch import runs_dir
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.running import StudyRun, run_slots, slots_for
from sweeper.forecast.pilot_throughput import PilotRun, Report, paces
from sweeper.monitor.counting import UNLIKE
from sweeper.pilot.choice import PilotTrial, pilot_trials
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, TrialBudget
from sweeper.spec.configurations import configuration_hash
from sweeper.spec.phase import Budget, Phase
from sweeper.spec.study import Retry, Study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.reading import reader
from sweeper.store.reading.pilots import keep_pilot

PHASE: Final = "pilot"
LONGEST_S: Final = 120.0  # of a run; what it reported until then will do
ENOUGH: Final = ("completed", "timeout", "diverged")  # ends that say how long steps take
NO_RETRY: Final = Retry(crashed=0, killed=0, out_of_memory=0, diverged=0, timeout=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piloted:
    """How a pilot ended.

    Attributes:
        runs: what it measured; in the store by now.
        failures: a line for each run that failed.
        interrupted: somebody stopped it; nothing was kept.
    """

    runs: tuple[PilotRun, ...]
    failures: tuple[str, ...]
    interrupted: bool = False

    @property
    def device_hours(self) -> float:
        """What the pilot itself has cost."""
        return sum(run.device_seconds for run in self.runs) / 3600


def run_pilot(
    study: Study,
    plan: Plan,
    *,
    store: str,
    slots: int | None,
    amount: int | None,
    on_start: Callable[[Sequence[PilotTrial], tuple[Slot, ...]], None] = lambda *_: None,
    on_tick: Callable[[str], None] = lambda _: None,
) -> Piloted:
    """Measure the kinds of trials of a plan and keep what comes out.

    Args:
        store: where it is kept; made if it is not there.
        amount: steps of each run (tokens or epochs where those are the budget's); None for a sensible number.
        on_start: told what runs, and where.
        on_tick: called about once a second with the URL of the pilot's own store.

    Raises:
        UsageError: the machine lacks what the study asks for, or its configurations are not known yet.
        StoreError: the store cannot be used.
    """
    places = slots_for(study.resources, slots)
    trials = pilot_trials(plan, study, slots=len(places), amount=amount)
    if not trials:
        raise UsageError(f"{study.path}: no configuration can be drawn for a pilot. Check the factors' ranges")
    kept = open_store(store, create=True)
    folder = runs_dir(store)
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix=".pilot-", ignore_cleanup_errors=True) as scratch:
            on_start(trials, places)
            piloted = _run(study, trials, places, Path(scratch), on_tick)
        keep_pilot(kept, piloted.runs)
        return piloted
    finally:
        kept.dispose()


def _run(
    study: Study,
    trials: Sequence[PilotTrial],
    places: tuple[Slot, ...],
    folder: Path,
    on_tick: Callable[[str], None],
) -> Piloted:
    url = f"sqlite:///{folder / 'pilot.db'}"
    made = _study(study, trials)
    plan = _plan(made, trials)
    engine = open_store(url, create=True)
    try:
        study_id = enrol(engine, plan, made, runs_dir=folder / "runs", now=time.time()).study_id
        run = StudyRun(store=url, study=plan.study, study_id=study_id)
        if run_slots(engine, run, made, places, lambda: on_tick(url)) == "interrupted":
            return Piloted(runs=(), failures=(), interrupted=True)
    finally:
        engine.dispose()
    return _results(_Setting(study, places, folder / "runs" / plan.study / PHASE, time.time()), url, trials)


def _study(study: Study, trials: Sequence[PilotTrial]) -> Study:
    """The study with one phase that lists the pilot's configurations, no cap, no retries and nothing at its end."""
    minutes = study.trial.timeout_minutes
    limit = LONGEST_S / 60 if minutes is None else min(LONGEST_S / 60, minutes)
    first = trials[0]
    phase = Phase(name=PHASE, design=ListDesign(()), budget=Budget(first.unit, _whole(first.amount)))
    return replace(
        study,
        trial=replace(study.trial, timeout_minutes=limit),
        device_hours=None,
        retry=NO_RETRY,
        on_finish=(),
        factors=_factors(study.factors, trials),
        phases=(phase,),
        claims=(),
    )


def _factors(factors: Factors, trials: Sequence[PilotTrial]) -> dict[str, Factor]:
    """The study's factors, with the levels that the pilot has."""
    found: dict[str, Factor] = {}
    for name, factor in factors.items():
        levels = distinct_levels([trial.configuration[name] for trial in trials if name in trial.configuration])
        if levels:
            found[name] = factor.with_levels(levels)
    return found


def _plan(study: Study, trials: Sequence[PilotTrial]) -> Plan:
    planned = tuple(
        PlannedTrial(
            PHASE,
            number,
            trial.configuration,
            trial.config,
            configuration_hash(study.trial, trial.config),
            trial.seed,
            TrialBudget(trial.unit, _whole(trial.amount), repeat=trial.repeat),
        )
        for number, trial in enumerate(trials)
    )
    members = tuple((PHASE, number) for number in range(len(planned)))
    return Plan(study.name, (PlannedPhase(study.phases[0], planned, members),))


def _whole(amount: float) -> int | float:
    return int(amount) if amount == int(amount) else amount


@dataclass(frozen=True, slots=True)
class _Setting:
    """What all runs of a pilot have in common; `folder` holds their run directories."""

    study: Study
    places: tuple[Slot, ...]
    folder: Path
    measured_at: float

    @property
    def is_trainer(self) -> bool:
        return self.study.trial.is_trainer

    @property
    def device(self) -> str:
        return "cuda" if self.places[0].device.startswith("cuda") else "cpu"


def _results(setting: _Setting, url: str, trials: Sequence[PilotTrial]) -> Piloted:
    runs: list[PilotRun] = []
    failures: list[str] = []
    with reader.connect(url) as connection:
        study_id = reader.studies(connection)[0].id
        rows = reader.trials(connection, study_id)
        reports = _reports(reader.measurements(connection, study_id), is_trainer=setting.is_trainer)
    for row in rows:
        trial, found = trials[row.number], reports.get(row.number, [])
        reason = row.exit_reason or row.state
        if row.attempts == 1 and reason in ENOUGH and (reason == "completed" or len(found) > 1):
            runs.append(_run_of(setting, trial, row, found))
        else:
            words = (row.message or "").strip().splitlines()
            failures.append(f"pilot of {_levels(trial)}: {reason}{f': {words[-1]}' if words else ''}")
    return Piloted(runs=tuple(runs), failures=tuple(dict.fromkeys(failures)))


def _run_of(setting: _Setting, trial: PilotTrial, row: reader.TrialRow, reports: Sequence[Report]) -> PilotRun:
    place = setting.places[0]
    share = place.device_share if setting.is_trainer else 1.0  # the trainer tells seconds by the clock
    ended = row.exit_reason == "completed"
    last = reports[-1].amount if reports else 0.0
    scale = trial.amount / last if ended and last and _counts_otherwise(trial, last) else 1.0
    scaled = [Report(each.amount * scale, each.seconds * share, each.is_evaluation) for each in reports]
    amount = max(trial.amount, last * scale) if ended else scaled[-1].amount
    total = row.device_seconds if ended else scaled[-1].seconds
    on_gpu = (row.result or {}).get("peak_memory_bytes") if setting.device == "cuda" else None
    memory = on_gpu if isinstance(on_gpu, int | float) else row.peak_memory_bytes
    return PilotRun(
        study=setting.study.name,
        program=setting.study.trial.program,
        config=trial.config,
        host=socket.gethostname(),
        device=setting.device,
        device_share=place.device_share,
        threads=place.threads,
        slots=len(setting.places),
        unit=trial.unit,
        amount=amount,
        device_seconds=row.device_seconds,
        paces=paces(scaled, total, amount),
        peak_memory_bytes=None if memory is None else int(memory),
        disk_bytes=_disk_bytes(setting.folder / f"{row.number:05d}"),
        measured_at=setting.measured_at,
    )


def _counts_otherwise(trial: PilotTrial, last: float) -> bool:
    """Whether the steps that a run reported are not those of its budget: lines, say, or steps of an epoch."""
    return trial.unit != "steps" or last < UNLIKE * trial.amount


def _reports(table: reader.Table, *, is_trainer: bool) -> dict[int, list[Report]]:
    """When each run reported which step, by its number; of the trainer's, which came after an evaluation."""
    seconds: dict[int, dict[int, float]] = {}
    evaluated: set[tuple[int, int]] = set()
    for _, _, number, metric, step, _, at, _, _ in table.rows:
        if is_trainer and metric == "valid_loss":
            evaluated.add((number, step))
        if at is None or (is_trainer and metric != "train_loss"):
            continue
        of_run = seconds.setdefault(number, {})
        of_run[step] = min(at, of_run.get(step, at))
    return {
        number: [Report(float(step), at, (number, step) in evaluated) for step, at in sorted(found.items())]
        for number, found in seconds.items()
    }


def _levels(trial: PilotTrial) -> str:
    return ", ".join(f"{name}={level}" for name, level in trial.configuration.items()) or "the baseline"


def _disk_bytes(folder: Path) -> int | None:
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    return sum(path.stat().st_size for path in files) if files else None
