"""Run some trials of a bundled study again, through the queue, slots and supervisors that every launch uses.

They run in a temporary store and directory; only their programs, their data and the environment are those of this
machine.
"""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sweeper.designs.factor import Factor
from sweeper.designs.kinds import ListDesign
from sweeper.designs.levels import distinct_levels
from sweeper.designs.paths import Config
from sweeper.execution.provenance import facts
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.running import StudyRun, run_slots, slots_for
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, TrialBudget
from sweeper.planning.reach import missing_program
from sweeper.spec.configurations import configuration_hash
from sweeper.spec.phase import BudgetUnit, Phase, Pruner
from sweeper.spec.study import Keep, Study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.reading import reader
from sweeper.store.reading.reader import TrialRow

Reference = tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a trial ended when it was run again."""

    value: float | None
    reason: str
    message: str | None


def why_not_here(study: Study, directory: Path) -> str:
    """Return why no trial of a study can run in a directory; empty if nothing speaks against it."""
    if study.trial.is_imported:
        return "its trials were made by another tool, and imported: sweeper does not know how to run them"
    if study.resources.nodes_per_trial > 1:
        return "each of its trials takes several nodes of a SLURM job"
    place = directory / (study.trial.cwd or "")
    return " ".join(text for _, text in missing_program(replace(study, path=None), place))


def run_again(
    study: Study, trials: Sequence[TrialRow], on_tick: Callable[[str], None]
) -> tuple[dict[Reference, Ran], tuple[Slot, ...], Mapping[str, object]] | None:
    """Run trials again and return how each ended, on which slots, and in what environment; None if interrupted.

    Args:
        on_tick: called about once a second with the URL of the temporary store.

    Raises:
        UsageError: the machine lacks what the study requires.
    """
    slots = slots_for(study, None)[: max(1, len(trials))]
    with tempfile.TemporaryDirectory(prefix="sweeper-verify-", ignore_cleanup_errors=True) as scratch:
        directory = Path(scratch)
        url = f"sqlite:///{directory / 'store.db'}"
        plan = _plan(study, trials)
        made = _study(study, plan, trials)
        engine = open_store(url, create=True)
        try:
            study_id = enrol(engine, plan, made, runs_dir=directory / "runs", now=time.time()).study_id
            run = StudyRun(store=url, study=plan.study, study_id=study_id, keep_going=True)
            if run_slots(engine, run, made, slots, lambda: on_tick(url)) == "interrupted":
                return None
        finally:
            engine.dispose()
        with reader.connect(url) as connection:
            rows = {(row.phase, row.number): row for row in reader.trials(connection, study_id)}
    ended = {}
    for phase in plan.phases:
        originals = [trial for trial in trials if trial.phase == phase.name]
        for planned, trial in zip(phase.trials, originals, strict=True):
            row = rows[planned.phase, planned.number]
            ended[trial.phase, trial.number] = Ran(
                value=row.value if row.state == "completed" else None,
                reason=row.exit_reason or row.state,
                message=None if row.message is None else row.message.replace(str(directory), "…"),
            )
    return ended, slots, facts(Path.cwd())


def _plan(study: Study, trials: Sequence[TrialRow]) -> Plan:
    phases = []
    for phase in study.phases:
        own = [trial for trial in trials if trial.phase == phase.name]
        planned: list[PlannedTrial] = []
        for number, trial in enumerate(own):
            ((unit, amount),) = trial.budget.items()
            config: Config = dict(trial.config or {})
            planned.append(
                PlannedTrial(
                    phase.name,
                    number,
                    trial.configuration,
                    config,
                    configuration_hash(study.trial, config),
                    trial.seed,
                    TrialBudget(_unit(unit), amount, repeat=_before(trial, own[:number])),
                )
            )
        if planned:
            made = replace(phase, design=ListDesign(()), adaptive=None, pruner=Pruner(), levels={})
            phases.append(PlannedPhase(made, tuple(planned), tuple((phase.name, each.number) for each in planned)))
    return Plan(study.name, tuple(phases))


def _before(trial: TrialRow, others: Sequence[TrialRow]) -> int:
    """Return how many of some trials are exact repeats of a trial."""

    def identity(row: TrialRow) -> tuple[object, ...]:
        return row.configuration_hash, row.seed, tuple(row.budget.items())

    return sum(identity(other) == identity(trial) for other in others)


def _unit(name: str) -> BudgetUnit:
    for unit in ("steps", "tokens", "epochs", "runs"):
        if unit == name:
            return unit
    raise ValueError(f"{name!r} is not a unit of a budget")


def _study(study: Study, plan: Plan, trials: Sequence[TrialRow]) -> Study:
    """Return the study with only these trials, and without a budget, hooks and claims."""
    phases: tuple[Phase, ...] = tuple(phase.phase for phase in plan.phases)
    factors: dict[str, Factor] = {}
    for name, factor in study.factors.items():
        levels = distinct_levels(
            [trial.configuration[name] for trial in trials if trial.configuration and name in trial.configuration]
        )
        if levels:
            factors[name] = factor.with_levels(levels)
    return replace(
        study, device_hours=None, keep=Keep(checkpoints="none"), on_finish=(), factors=factors, phases=phases, claims=()
    )
