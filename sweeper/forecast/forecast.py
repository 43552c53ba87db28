"""What a plan will take: trials, device-hours, finish time, memory and disk; and which claims it can test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.designs.fractional import Aliasing, aliasing
from sweeper.designs.kinds import DesignKind, FractionalDesign, PromoteDesign
from sweeper.forecast.claim_power import ClaimPower, claim_power
from sweeper.forecast.footprint import BEST_BYTES, CHECKPOINT_BYTES, Footprint, cost_class, footprint
from sweeper.forecast.packing import Packing
from sweeper.forecast.pilot_throughput import Pilots
from sweeper.forecast.schedule import schedule
from sweeper.forecast.trial_seconds import Basis, Prediction, TrialDevice, total
from sweeper.planning.plan import Plan, PlannedPhase, Reference
from sweeper.quantities import counted
from sweeper.spec.configurations import resolve_baseline, varied_factors
from sweeper.spec.phase import OWN_LENGTH
from sweeper.spec.price import Price
from sweeper.spec.study import Study

AT_ONCE: Final = 2  # trials per slot whose checkpoints are there: one that runs, and one that has just ended


@dataclass(frozen=True, slots=True)
class PhaseForecast:
    """The forecast of one phase.

    Attributes:
        trials: number of trials that the phase owns.
        shared: number of trials that it shares with earlier phases, which are counted there.
        configurations: number of configurations; None if they are not known yet.
        whole: predicted device-seconds of its own trials together; None if one of them is unknown.
        bases: what the predictions are based on.
        aliasing: of a fractional design.
    """

    name: str
    design: DesignKind
    trials: int
    shared: int
    configurations: int | None
    seeds: int
    budget: str
    whole: Prediction | None
    bases: tuple[Basis, ...]
    aliasing: Aliasing | None

    @property
    def device_hours(self) -> float:
        """The expected device-hours; 0 if unknown."""
        return self.whole.seconds / 3600 if self.whole is not None else 0.0

    @property
    def is_known(self) -> bool:
        """Whether the run time of every trial is predicted."""
        return self.whole is not None or self.trials == 0


@dataclass(frozen=True, slots=True)
class Forecast:
    """The forecast of a plan.

    Attributes:
        slots_note: where the number of slots comes from.
        finish_s: seconds from the start of the first trial to the end of the last on these slots; None if unknown.
        footprint: memory of the largest trial and disk space of all trials; None for other programs than the trainer
            without a pilot.
        notes: warnings about the study, e.g. seeds that its command does not use.
        price: of a device-hour; None if the study does not name one.
        watts: the mean power of a device in the study's earlier attempts; None if no counter showed it.
        packings: how many trials share a GPU, as pilots chose.
        packing_note: what is to be said where trials share GPUs; empty for nothing.
    """

    study: str
    phases: tuple[PhaseForecast, ...]
    whole: Prediction | None
    slots: int
    slots_note: str
    finish_s: float | None
    cap_device_hours: float | None
    footprint: Footprint | None
    claims: tuple[ClaimPower, ...]
    notes: tuple[str, ...] = ()
    price: Price | None = None
    watts: float | None = None
    packings: tuple[Packing, ...] = ()
    packing_note: str = ""

    @property
    def kwh(self) -> float | None:
        """The energy of all trials; None if it is not known."""
        return None if self.watts is None or not self.is_known else self.watts * self.device_hours / 1000

    @property
    def trials(self) -> int:
        """The number of trials, each counted once."""
        return sum(phase.trials for phase in self.phases)

    @property
    def is_known(self) -> bool:
        """Whether the run time of every trial is predicted."""
        return all(phase.is_known for phase in self.phases)

    @property
    def device_hours(self) -> float:
        """The expected device-hours of all phases for which they are known."""
        return sum(phase.device_hours for phase in self.phases)


def forecast(
    plan: Plan,
    study: Study,
    predictions: Mapping[Reference, Prediction],
    *,
    slots: int,
    slots_note: str = "",
    device: TrialDevice = "cpu",
    pilots: Pilots | None = None,
    notes: tuple[str, ...] = (),
) -> Forecast:
    """Return everything that `sweeper plan` shows.

    Args:
        predictions: the predicted device-seconds of the trials (`trial_seconds`).
        device: where the trials will run.
        notes: warnings about the study.
    """
    is_complete = len(predictions) == len(plan.trials)
    return Forecast(
        study=plan.study,
        phases=tuple(_phase(plan, phase, study, predictions) for phase in plan.phases),
        whole=total([predictions[trial.phase, trial.number] for trial in plan.trials]) if is_complete else None,
        slots=slots,
        slots_note=slots_note,
        finish_s=schedule(plan, slot_seconds(study, predictions, device), slots).finish_s if is_complete else None,
        cap_device_hours=study.device_hours,
        footprint=study_footprint(plan, study, pilots or Pilots(study.trial.program), slots=slots),
        claims=claim_power(plan, study),
        notes=notes,
        price=study.price,
    )


def slot_seconds(
    study: Study, predictions: Mapping[Reference, Prediction], device: TrialDevice
) -> dict[Reference, float]:
    """Return how long each trial occupies its slot: half a device takes two seconds for one device-second."""
    share = study.resources.device_share(device)
    return {reference: prediction.seconds / share for reference, prediction in predictions.items()}


def forecast_json(found: Forecast) -> dict[str, object]:
    """Return what `sweeper plan STUDY --json` prints."""
    return {
        "study": found.study,
        "trials": found.trials,
        "device_hours": found.device_hours,
        "phases": [_phase_json(phase) for phase in found.phases],
        "device_hours_known": found.is_known,
        **_bounds_json(found.whole),
        **({} if found.watts is None else {"kwh": found.kwh, "watts_per_device": found.watts}),
        **({"packing": [packing.row() for packing in found.packings]} if found.packings else {}),
        **({} if found.price is None else {"cost": _cost_json(found, found.price)}),
        "slots": found.slots,
        "finish_seconds": found.finish_s,
        "memory_bytes": None if found.footprint is None else round(found.footprint.memory) or None,
        "disk_bytes": None if found.footprint is None else round(found.footprint.disk),
        "footprint_measured": found.footprint is not None and found.footprint.measured,
        "claims": [
            {"id": claim.claim, "testable": claim.is_testable, "pairs": claim.pairs, "reason": claim.reason or None}
            for claim in found.claims
        ],
        "notes": list(found.notes),
    }


def _cost_json(found: Forecast, price: Price) -> dict[str, object]:
    """Return what a plan costs, and what its budget caps that at; null where it is not known."""
    cap = found.cap_device_hours
    most = {} if cap is None else {"most": price.of(cap)}
    return {**price.row(found.device_hours if found.is_known else None), **most}


def _phase_json(phase: PhaseForecast) -> dict[str, object]:
    return {
        "name": phase.name,
        "design": phase.design,
        "trials": phase.trials,
        "device_hours": phase.device_hours,
        "device_hours_known": phase.is_known,
        **_bounds_json(phase.whole),
        "from": list(phase.bases),
        "shared": phase.shared,
        "aliasing": None if phase.aliasing is None else _aliasing_json(phase.aliasing),
    }


def _aliasing_json(found: Aliasing) -> dict[str, object]:
    return {
        "runs": found.runs,
        "resolution": found.resolution,
        "defining_relation": list(found.relation),
        "aliases": list(found.chains),
    }


def _bounds_json(prediction: Prediction | None) -> dict[str, float | None]:
    """Return the bounds in device-hours."""
    if prediction is None:
        return {"low": None, "high": None}
    return {"low": prediction.low / 3600, "high": prediction.high / 3600}


def _phase(plan: Plan, phase: PlannedPhase, study: Study, predictions: Mapping[Reference, Prediction]) -> PhaseForecast:
    known = [
        predictions[trial.phase, trial.number] for trial in phase.trials if (trial.phase, trial.number) in predictions
    ]
    members = plan.wanted(phase)
    configurations = {trial.configuration_hash for trial in members}
    return PhaseForecast(
        name=phase.name,
        design=phase.kind,
        trials=len(phase.trials),
        shared=len(phase.members) - len(phase.trials),
        configurations=None if None in configurations else len(configurations),
        seeds=len({trial.seed for trial in members}),
        budget=_budget_text(phase),
        whole=total(known) if len(known) == len(phase.trials) else None,
        bases=tuple(sorted({each.basis for each in known})),
        aliasing=_aliasing(study, phase),
    )


def _aliasing(study: Study, phase: PlannedPhase) -> Aliasing | None:
    design = phase.phase.design
    return aliasing(list(varied_factors(study, phase.phase)), design) if isinstance(design, FractionalDesign) else None


def _budget_text(phase: PlannedPhase) -> str:
    budget = phase.phase.budget
    if budget.unit == "reference_hours":
        return f"{budget.amount:g} h"
    if budget == OWN_LENGTH:
        return "its own length"
    amount = int(budget.amount) if float(budget.amount).is_integer() else budget.amount
    return counted(amount, budget.unit.removesuffix("s"))


def study_footprint(plan: Plan, study: Study, pilots: Pilots, *, slots: int) -> Footprint | None:
    """Return the memory of the largest trial and the disk space of all trials.

    Trials without a configuration yet count as the largest one. None for other programs than the trainer without a
    pilot.
    """
    classes: dict[str | None, str] = {None: ""}
    by_class: dict[str, Footprint] = {}
    for trial in plan.trials:
        if trial.config is not None and trial.configuration_hash not in classes:
            key = classes[trial.configuration_hash] = cost_class(study.trial.program, trial.config)
            if key not in by_class:
                found = pilots.footprint(trial.config) or (footprint(trial.config) if study.trial.is_trainer else None)
                if found is None:
                    return None
                by_class[key] = found
    largest = _largest(list(by_class.values())) or _baseline_footprint(study, pilots)
    if largest is None:
        return None
    disks = [(trial.phase, by_class.get(classes[trial.configuration_hash], largest).disk) for trial in plan.trials]
    return Footprint(largest.memory, _kept_disk(study, disks, slots), largest.measured)


def _kept_disk(study: Study, disks: Sequence[tuple[str, float]], slots: int) -> float:
    """Return the disk space of all trials at once, given that of each, in its phase."""
    rule = study.keep.checkpoints
    if rule in ("all", "last"):
        share = CHECKPOINT_BYTES / (CHECKPOINT_BYTES + BEST_BYTES) if rule == "last" and study.trial.is_trainer else 1.0
        return share * sum(disk for _, disk in disks)
    # Checkpoints of trials that run, or have just ended, and of phases that others start from, are still there.
    designs = [phase.design for phase in study.phases]
    sources = {each.phase for each in designs if isinstance(each, PromoteDesign) and each.start == "checkpoint"}
    others = sorted((disk for phase, disk in disks if phase not in sources), reverse=True)
    number = AT_ONCE * slots + (len(study.phases) if rule == "best" else 0)
    return sum(disk for phase, disk in disks if phase in sources) + sum(others[:number])


def _largest(footprints: Sequence[Footprint]) -> Footprint | None:
    if not footprints:
        return None
    measured = all(each.measured for each in footprints)
    return Footprint(max(each.memory for each in footprints), max(each.disk for each in footprints), measured)


def _baseline_footprint(study: Study, pilots: Pilots) -> Footprint | None:
    """Return what pilots measured, else the estimate for the trainer's baseline; for plans without configurations."""
    measured = _largest([found for run in pilots.runs if (found := pilots.footprint(run.config)) is not None])
    if measured is not None or not study.trial.is_trainer:
        return measured
    return footprint(resolve_baseline(study))
