"""Run a pilot: a few steps of each kind of trial on the study's own slots.

A pilot uses the queue, slots and supervisors exactly as the study will, but with a temporary store of its own: its runs
are not trials of the study and do not count towards its budget. Its measurements, including its own device-seconds, are
written to the study's store.
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
from sweeper.forecast.pilot_throughput import PilotRun, Report, throughput_of
from sweeper.monitor.counting import UNLIKE
from sweeper.pilot.choice import PilotTrial, pilot_trials
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, TrialBudget
from sweeper.spec.configurations import configuration_hash
from sweeper.spec.metric_source import RUN_DIR
from sweeper.spec.phase import Budget, Phase
from sweeper.spec.study import Retry, Study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.pilots import keep_pilot
from sweeper.store.reading import reader
from sweeper.store.records import run_dir_of

PHASE: Final = "pilot"
MAX_RUN_S: Final = 120.0  # then a run is stopped; its reports until then are enough
USABLE: Final = ("completed", "timeout", "diverged")  # exit reasons of runs that still measure the time of steps
NO_RETRY: Final = Retry(crashed=0, killed=0, out_of_memory=0, diverged=0, timeout=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Piloted:
    """The results of a pilot.

    Attributes:
        runs: the measurements, which are in the store by now.
        failures: one line for each run that failed.
        interrupted: whether the user stopped it; then nothing was kept.
    """

    runs: tuple[PilotRun, ...]
    failures: tuple[str, ...]
    interrupted: bool = False

    @property
    def device_hours(self) -> float:
        """The device-hours of the pilot itself."""
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
    """Measure each kind of trial of a plan, and keep the measurements.

    Args:
        store: where the measurements are kept; created if it does not exist.
        amount: length of each run, in steps or in the unit of the phases' budgets; None for the default.
        on_start: called with the runs and their slots.
        on_tick: called about once per second with the URL of the pilot's own store.

    Raises:
        UsageError: the machine lacks what the study requires, or no configuration can be drawn.
        StoreError: the store cannot be used.
    """
    found = slots_for(study, slots)
    trials = pilot_trials(plan, study, slots=len(found), amount=amount)
    if not trials:
        raise UsageError(f"{study.path}: no configuration can be drawn for a pilot. Check the ranges of the factors.")
    kept = open_store(store, create=True)
    directory = runs_dir(store)
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=directory, prefix=".pilot-", ignore_cleanup_errors=True) as scratch:
            on_start(trials, found)
            piloted = _run(study, trials, found, Path(scratch), on_tick)
        keep_pilot(kept, piloted.runs)
        return piloted
    finally:
        kept.dispose()


def _run(
    study: Study,
    trials: Sequence[PilotTrial],
    slots: tuple[Slot, ...],
    directory: Path,
    on_tick: Callable[[str], None],
) -> Piloted:
    url = play(study, trials, slots, directory, on_tick)
    if url is None:
        return Piloted(runs=(), failures=(), interrupted=True)
    return results(Setting(study, slots, directory / "runs" / study.name, time.time()), url, trials)


def play(
    study: Study,
    trials: Sequence[PilotTrial],
    slots: tuple[Slot, ...],
    directory: Path,
    on_tick: Callable[[str], None],
) -> str | None:
    """Run trials with a store of their own, and return its URL; None if the user interrupted them."""
    url = f"sqlite:///{directory / 'pilot.db'}"
    made = _study(study, trials)
    plan = _plan(made, trials)
    engine = open_store(url, create=True)
    try:
        study_id = enrol(engine, plan, made, runs_dir=directory / "runs", now=time.time()).study_id
        run = StudyRun(store=url, study=plan.study, study_id=study_id)
        return None if run_slots(engine, run, made, slots, lambda: on_tick(url)) == "interrupted" else url
    finally:
        engine.dispose()


def _study(study: Study, trials: Sequence[PilotTrial]) -> Study:
    """Return the study with a single phase for the pilot, and without a budget, retries, hooks and claims."""
    minutes = study.trial.timeout_minutes
    limit = MAX_RUN_S / 60 if minutes is None else min(MAX_RUN_S / 60, minutes)
    first = trials[0]
    phase = Phase(name=PHASE, design=ListDesign(()), budget=Budget(first.unit, whole(first.amount)))
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
    """Return the study's factors with the levels that occur in the pilot."""
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
            TrialBudget(trial.unit, whole(trial.amount), repeat=trial.repeat),
        )
        for number, trial in enumerate(trials)
    )
    members = tuple((PHASE, number) for number in range(len(planned)))
    return Plan(study.name, (PlannedPhase(study.phases[0], planned, members),))


def whole(amount: float) -> int | float:
    """Return a whole number as an integer."""
    return int(amount) if amount == int(amount) else amount


@dataclass(frozen=True, slots=True)
class Setting:
    """What the runs of a pilot have in common.

    Attributes:
        directory: of its study's runs.
        measured_at: seconds since the epoch.
    """

    study: Study
    slots: tuple[Slot, ...]
    directory: Path
    measured_at: float

    @property
    def is_trainer(self) -> bool:
        """Whether they run the built-in trainer."""
        return self.study.trial.is_trainer

    @property
    def device(self) -> str:
        """cpu or cuda."""
        return "cuda" if self.slots[0].device.startswith("cuda") else "cpu"


def results(setting: Setting, url: str, trials: Sequence[PilotTrial]) -> Piloted:
    """Return the measurements of runs that have ended, and how others failed.

    Args:
        url: the store of the runs.
    """
    runs: list[PilotRun] = []
    failures: list[str] = []
    with reader.connect(url) as connection:
        study_id = reader.studies(connection)[0].id
        rows = reader.trials(connection, study_id)
        reports = _reports(reader.measurements(connection, study_id), is_trainer=setting.is_trainer)
    for row in rows:
        trial, found = trials[row.number], reports.get(row.number, [])
        reason = row.exit_reason or row.state
        if row.attempts == 1 and reason in USABLE and (reason == "completed" or len(found) > 1):
            runs.append(_run_of(setting, trial, row, found))
        else:
            lines = message_of(setting, row).splitlines()
            failures.append(f"pilot of {levels_of(trial)}: {reason}{f': {lines[-1]}' if lines else ''}")
    return Piloted(runs=tuple(runs), failures=tuple(dict.fromkeys(failures)))


def message_of(setting: Setting, row: reader.TrialRow) -> str:
    """Return what is known of how a run ended, without the name of its directory, which will be gone."""
    gone = str(run_dir_of(setting.directory, PHASE, row.number))
    return (row.message or "").replace(gone, RUN_DIR).strip()


def _run_of(setting: Setting, trial: PilotTrial, row: reader.TrialRow, reports: Sequence[Report]) -> PilotRun:
    slot = setting.slots[0]
    share = slot.device_share if setting.is_trainer else 1.0  # the trainer reports wall-clock seconds
    ended = row.exit_reason == "completed"
    last = reports[-1].amount if reports else 0.0
    scale = trial.amount / last if ended and last and _counts_other_steps(trial, last) else 1.0
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
        device_share=slot.device_share,
        threads=slot.threads,
        slots=len(setting.slots),
        unit=trial.unit,
        amount=amount,
        device_seconds=row.device_seconds,
        throughput=throughput_of(scaled, total, amount),
        peak_memory_bytes=None if memory is None else int(memory),
        disk_bytes=_disk_bytes(run_dir_of(setting.directory, PHASE, row.number)),
        measured_at=setting.measured_at,
        seed=trial.seed,
        metric=setting.study.metric.name,
        value=row.value if ended else None,
    )


def _counts_other_steps(trial: PilotTrial, last: float) -> bool:
    """Return whether the steps that a run reported are not those of its budget, but lines or steps of an epoch, say."""
    return trial.unit != "steps" or last < UNLIKE * trial.amount


def _reports(table: reader.Table, *, is_trainer: bool) -> dict[int, list[Report]]:
    """Return the reports of each run by its number; for the trainer, whether each followed an evaluation."""
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


def levels_of(trial: PilotTrial) -> str:
    """Return the levels of a run as text."""
    return ", ".join(f"{name}={level}" for name, level in trial.configuration.items()) or "the baseline"


def _disk_bytes(directory: Path) -> int | None:
    files = [path for path in directory.rglob("*") if path.is_file()] if directory.is_dir() else []
    return sum(path.stat().st_size for path in files) if files else None
