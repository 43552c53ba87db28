"""The estimate of a plan on this machine: its device and slots, and predictions from the store and from pilots."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, get_args

from sweeper.errors import UsageError
from sweeper.execution.gpus import find_gpus
from sweeper.execution.slots.nodes import node_slots
from sweeper.execution.slots.resources import find_slots
from sweeper.forecast.claim_power import ClaimPower, claim_power
from sweeper.forecast.footprint import Footprint
from sweeper.forecast.forecast import Forecast, forecast, slot_seconds, study_footprint
from sweeper.forecast.packing import Packing
from sweeper.forecast.pilot_throughput import Pilots
from sweeper.forecast.schedule import Order, Schedule, schedule
from sweeper.forecast.trial_seconds import Prediction, TrialDevice, total, trial_seconds
from sweeper.planning.notes import plan_notes
from sweeper.planning.plan import Plan, PlannedTrial, Reference, make_plan, with_all_seeds
from sweeper.spec.study import Resources, Study
from sweeper.store.packings import known_packings
from sweeper.store.pilots import known_pilots
from sweeper.store.reading import reader
from sweeper.store.reading.history import past_runs

if TYPE_CHECKING:
    from sweeper.evidence.planned.decisions import PlannedDecisions
    from sweeper.evidence.planned.power import PlannedPower
    from sweeper.evidence.planned.spread import Spreads

ORDERS: Final[tuple[Order, ...]] = get_args(Order)


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What a study's plan will take on this machine.

    Attributes:
        predictions: the predicted device-seconds of each trial for which they are known.
        device: where the trials would run.
        slots: number of trials that would run in parallel.
        slots_note: where that number comes from.
        store: where earlier runs are looked up.
        packings: how many trials share a GPU, as pilots chose.
    """

    study: Study
    plan: Plan
    pilots: Pilots = field(repr=False)
    predictions: dict[Reference, Prediction] = field(repr=False)
    device: TrialDevice
    slots: int
    slots_note: str
    store: str = ""
    packings: tuple[Packing, ...] = ()

    @property
    def as_packed(self) -> Study:
        """The study with the share of a GPU that its trials get, as far as pilots have chosen it."""
        return _as_packed(self.study, self.packings)

    @property
    def whole(self) -> Prediction | None:
        """The device-seconds of all trials for which they are known; None if there are none."""
        return total(list(self.predictions.values()))

    def footprint(self) -> Footprint | None:
        """Return the memory of the largest trial and the disk space of all trials; None if unknown."""
        return study_footprint(self.plan, self.study, self.pilots, slots=self.slots)

    def forecast(self) -> Forecast:
        """Return the forecast of the plan."""
        found = forecast(
            self.plan,
            self.as_packed,
            self.predictions,
            slots=self.slots,
            slots_note=self.slots_note,
            device=self.device,
            pilots=self.pilots,
            notes=plan_notes(self.study, Path.cwd()),
        )
        return replace(found, packings=self.packings, packing_note=self._packing_note())

    def _packing_note(self) -> str:
        if self.study.resources.gpus_per_trial != "auto":
            return ""
        if self.device == "cpu":
            return "resources.gpus_per_trial: auto: without a GPU here, there is none to share; trials run on the CPU."
        if self.packings:
            return ""
        return "resources.gpus_per_trial: auto: the launch first measures how many trials per GPU run fastest."

    def watts(self) -> float | None:
        """Return the mean power of a device in the study's earlier attempts; None if no counter showed it.

        Raises:
            StoreError: the store exists, but cannot be read.
        """
        with reader.connect_if_there(self.store) as connection:
            studies = [] if connection is None else list(reader.studies(connection))
            known = [row for row in studies if row.name == self.study.name]
            if connection is None or not known:
                return None
            attempts = reader.attempts(connection, known[0].id)
        if all(row.cpu_joules is None and row.gpu_joules is None for row in attempts):
            return None
        from sweeper.evidence.data.energy import mean_watts  # noqa: PLC0415 - pandas is slow to load

        return mean_watts(attempts, device=self.device)

    def spreads(self) -> "Spreads":
        """Return how much runs vary, as far as the study file, the store and pilots say; each is read once."""
        from sweeper.evidence.planned.spread import Spreads  # noqa: PLC0415 - pandas and scipy are slow to load

        return Spreads(self.study, self.store, self.pilots.runs)

    def power(self, testable: Sequence[ClaimPower], spreads: "Spreads") -> "PlannedPower":
        """Return what the study's claims can detect with its plan; with the most seeds that they may get.

        Args:
            testable: for each claim, whether its trials can test it; the forecast has it.

        Raises:
            StoreError: the store exists, but cannot be read.
        """
        from sweeper.evidence.planned.power import planned_power  # noqa: PLC0415 - pandas and scipy are slow to load

        if self.study.adds_seeds:
            study = with_all_seeds(self.study)
            plan = make_plan(study)
            return planned_power(study, plan, claim_power(plan, study), spreads, self._seconds(plan))
        return planned_power(self.study, self.plan, testable, spreads, self._seconds(self.plan))

    def decisions(self, spreads: "Spreads") -> "PlannedDecisions | None":
        """Return what the study takes until its claims are decided; None if its seeds are fixed.

        Raises:
            StoreError: the store exists, but cannot be read.
        """
        from sweeper.evidence.planned.decisions import planned_decisions  # noqa: PLC0415 - slow to load

        if not self.study.adds_seeds:
            return None
        return planned_decisions(self.study, self.plan, spreads, self._seconds(self.plan))

    def _seconds(self, plan: Plan) -> dict[Reference, float]:
        """Return the predicted device-seconds of a plan's trials; further seeds take as long as the first ones."""
        if plan is self.plan:
            return {reference: prediction.seconds for reference, prediction in self.predictions.items()}
        known = {
            _cost_key(self.plan.by_reference[reference]): prediction.seconds
            for reference, prediction in self.predictions.items()
        }
        return {
            reference: known[_cost_key(trial)]
            for reference, trial in plan.by_reference.items()
            if _cost_key(trial) in known
        }

    def schedules(self, default_s: float | None = None) -> tuple[Schedule, ...]:
        """Simulate the schedule in every order.

        Args:
            default_s: the run time of trials without a prediction.

        Raises:
            UsageError: there is a trial without a prediction, and no default.
        """
        seconds = slot_seconds(self.as_packed, self.predictions, self.device)
        if default_s is not None:
            seconds = {(trial.phase, trial.number): default_s for trial in self.plan.trials} | seconds
        return tuple(schedule(self.plan, seconds, self.slots, order=order) for order in ORDERS)

    def device_hours(self, default_s: float | None = None) -> float:
        """Return the expected device-hours; a trial without a prediction counts as `default_s` seconds, or not."""
        known = sum(prediction.seconds for prediction in self.predictions.values())
        return (known + (default_s or 0.0) * (len(self.plan.trials) - len(self.predictions))) / 3600


def _cost_key(trial: PlannedTrial) -> tuple[str, str | None, str]:
    """Return what trials have in common that differ only in their seed."""
    return trial.phase, trial.configuration_hash, trial.budget.key


def estimate(study: Study, plan: Plan, *, store: str, slots: int | None) -> Estimate:
    """Estimate what a plan will take on this machine.

    Args:
        store: where past runs and pilots are looked up; it need not exist.
        slots: number of trials to run in parallel; None for the study's.

    Raises:
        StoreError: the store exists, but cannot be read.
    """
    device = _device(study)
    packings = known_packings(store, study.name) if study.resources.gpus_per_trial == "auto" else ()
    packed = _as_packed(study, packings)
    pilots = known_pilots(
        store,
        study.trial.program,
        device=device,
        device_share=packed.resources.device_share(device),
        threads=study.resources.threads_per_trial,
    )
    history = past_runs(store, study.trial.program)
    number, note = _slots(packed, slots)
    return Estimate(
        study=study,
        plan=plan,
        pilots=pilots,
        predictions=trial_seconds(plan, study, history, device=device, pilots=pilots),
        device=device,
        slots=number,
        slots_note=note,
        store=store,
        packings=packings,
    )


def _as_packed(study: Study, packings: Sequence[Packing]) -> Study:
    """Return a study with the share of a GPU that pilots have chosen; the newest counts if GPUs differ."""
    number = next((packing.number for packing in packings if packing.number is not None), None)
    if study.resources.gpus_per_trial != "auto" or number is None:
        return study
    return replace(study, resources=replace(study.resources, gpus_per_trial=1 / number))


def _device(study: Study) -> TrialDevice:
    wanted = study.resources.device
    if wanted == "auto":
        return "cuda" if find_gpus() else "cpu"
    return wanted


def _slots(study: Study, slots: int | None) -> tuple[int, str]:
    """Return the number of trials to run in parallel, and where it comes from."""
    if slots is not None:
        return slots, "--slots"
    resources = study.resources
    if resources.slots != "auto":
        return resources.slots, "resources.slots"
    try:
        if resources.nodes_per_trial > 1:
            return len(node_slots(resources, None, os.environ)), "this SLURM job's"
        found = find_slots(
            resources.device,
            None,
            gpus_per_trial=resources.gpus,
            threads_per_trial=resources.threads_per_trial,
        )
    except UsageError:  # the study is planned here, but will run elsewhere
        return 1, f"assumed, because this machine has no suitable {_wanted(resources)}"
    return len(found), "this machine's"


def _wanted(resources: Resources) -> str:
    return f"{resources.device} device" if resources.nodes_per_trial == 1 else "SLURM job"
