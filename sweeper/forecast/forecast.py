"""What a plan will take: trials, device-hours and finish time, memory, disk, and which claims it can test."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.designs.fractional import Aliasing, aliasing
from sweeper.designs.kinds import FractionalDesign
from sweeper.forecast.claim_power import ClaimSupport, claim_support
from sweeper.forecast.footprint import Footprint, cost_class, footprint
from sweeper.forecast.pilot_throughput import Pilots
from sweeper.forecast.schedule import simulate
from sweeper.forecast.trial_seconds import Basis, Prediction, total
from sweeper.planning.plan import Plan, PlannedPhase, Reference
from sweeper.spec.configurations import resolve_baseline, varied_factors
from sweeper.spec.study import Study


@dataclass(frozen=True, slots=True)
class PhaseForecast:
    """One phase.

    Attributes:
        trials: those that it owns.
        shared: those that it has in common with earlier phases, which are counted there.
        whole: predicted device-seconds of its own trials together; None if one of them is unknown.
        bases: what the prediction follows from.
        aliasing: of a fractional design.
    """

    name: str
    design: str
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
        """The expected device-hours; 0 where nothing is known."""
        return self.whole.seconds / 3600 if self.whole is not None else 0.0


@dataclass(frozen=True, slots=True)
class Forecast:
    """A plan's cost.

    Attributes:
        finish_s: from the first trial's start to the last one's end on these slots; None if unknown.
        footprint: memory of the largest trial and disk of all together, in bytes; None for other programs without a
            pilot.
    """

    study: str
    phases: tuple[PhaseForecast, ...]
    whole: Prediction | None
    slots: int
    slots_note: str
    finish_s: float | None
    cap_device_hours: float | None
    footprint: Footprint | None
    claims: tuple[ClaimSupport, ...]

    @property
    def trials(self) -> int:
        """All trials, each once."""
        return sum(phase.trials for phase in self.phases)

    @property
    def is_known(self) -> bool:
        """Whether every trial's duration is predicted."""
        return all(phase.whole is not None or phase.trials == 0 for phase in self.phases)

    @property
    def device_hours(self) -> float:
        """Of all phases of which something is known."""
        return sum(phase.device_hours for phase in self.phases)


def forecast(
    plan: Plan,
    study: Study,
    predicted: Mapping[Reference, Prediction],
    *,
    slots: int,
    slots_note: str = "",
    device: str = "cpu",
    pilots: Pilots | None = None,
) -> Forecast:
    """All that `sweeper plan` shows; `device` is cpu or cuda, where the trials will run."""
    phases = tuple(_phase(plan, phase, study, predicted) for phase in plan.phases)
    complete = len(predicted) == len(plan.trials)
    return Forecast(
        study=plan.study,
        phases=phases,
        whole=total([predicted[trial.phase, trial.number] for trial in plan.trials]) if complete else None,
        slots=slots,
        slots_note=slots_note,
        finish_s=simulate(plan, slot_seconds(study, predicted, device), slots).finish_s if complete else None,
        cap_device_hours=study.device_hours,
        footprint=study_footprint(plan, study, pilots or Pilots(study.trial.program)),
        claims=claim_support(plan, study),
    )


def slot_seconds(study: Study, predicted: Mapping[Reference, Prediction], device: str) -> dict[Reference, float]:
    """How long trials hold their slots: a slot that is half a device takes two seconds for a device-second."""
    share = study.resources.device_share(device)
    return {place: prediction.seconds / share for place, prediction in predicted.items()}


def forecast_json(found: Forecast) -> dict[str, Any]:
    """What `sweeper plan STUDY --json` prints."""
    return {
        "study": found.study,
        "trials": found.trials,
        "device_hours": found.device_hours,
        "phases": [_phase_json(phase) for phase in found.phases],
        "device_hours_known": found.is_known,
        "low": _hours(found.whole, "low"),
        "high": _hours(found.whole, "high"),
        "slots": found.slots,
        "finish_seconds": found.finish_s,
        "memory_bytes": None if found.footprint is None else round(found.footprint.memory) or None,
        "disk_bytes": None if found.footprint is None else round(found.footprint.disk),
        "footprint_measured": found.footprint is not None and found.footprint.measured,
        "claims": [
            {"id": claim.claim, "testable": claim.testable, "pairs": claim.pairs, "reason": claim.reason or None}
            for claim in found.claims
        ],
    }


def _phase_json(phase: PhaseForecast) -> dict[str, Any]:
    mixed = None
    if phase.aliasing is not None:
        mixed = {
            "runs": phase.aliasing.runs,
            "resolution": phase.aliasing.resolution,
            "defining_relation": list(phase.aliasing.relation),
            "aliases": list(phase.aliasing.chains),
        }
    return {
        "name": phase.name,
        "design": phase.design,
        "trials": phase.trials,
        "device_hours": phase.device_hours,
        "device_hours_known": phase.whole is not None or phase.trials == 0,
        "low": _hours(phase.whole, "low"),
        "high": _hours(phase.whole, "high"),
        "from": list(phase.bases),
        "shared": phase.shared,
        "aliasing": mixed,
    }


def _hours(prediction: Prediction | None, end: str) -> float | None:
    return None if prediction is None else getattr(prediction, end) / 3600


def _phase(plan: Plan, phase: PlannedPhase, study: Study, predicted: Mapping[Reference, Prediction]) -> PhaseForecast:
    known = [predicted.get((trial.phase, trial.number)) for trial in phase.trials]
    sure = [each for each in known if each is not None]
    wanted = plan.wanted(phase)
    configurations = {trial.configuration_hash for trial in wanted}
    return PhaseForecast(
        name=phase.name,
        design=phase.kind,
        trials=len(phase.trials),
        shared=len(phase.members) - len(phase.trials),
        configurations=None if None in configurations else len(configurations),
        seeds=len({trial.seed for trial in wanted}),
        budget=_budget_text(phase),
        whole=total(sure) if len(sure) == len(known) else None,
        bases=tuple(sorted({each.basis for each in sure})),
        aliasing=_aliasing(study, phase),
    )


def _aliasing(study: Study, phase: PlannedPhase) -> Aliasing | None:
    design = phase.phase.design
    return aliasing(list(varied_factors(study, phase.phase)), design) if isinstance(design, FractionalDesign) else None


def _budget_text(phase: PlannedPhase) -> str:
    unit, amount = phase.phase.budget.unit, phase.phase.budget.amount
    if unit == "reference_hours":
        return f"{amount:g} h"
    return f"{amount:,} {unit}"


def study_footprint(plan: Plan, study: Study, pilots: Pilots) -> Footprint | None:
    """Memory of the largest run and disk of all; trials without a configuration yet are taken for the largest."""
    classes: dict[str | None, str] = {None: ""}
    each: dict[str, Footprint] = {}
    for trial in plan.trials:
        if trial.config is not None and trial.configuration_hash not in classes:
            key = classes[trial.configuration_hash] = cost_class(study.trial.program, trial.config)
            if key not in each:
                found = pilots.footprint(trial.config) or (footprint(trial.config) if study.trial.is_trainer else None)
                if found is None:
                    return None
                each[key] = found
    largest = _largest(list(each.values())) or _baseline_footprint(study, pilots)
    if largest is None:
        return None
    disk = sum(each.get(classes[trial.configuration_hash], largest).disk for trial in plan.trials)
    return Footprint(largest.memory, disk, largest.measured)


def _largest(each: Sequence[Footprint]) -> Footprint | None:
    if not each:
        return None
    measured = all(one.measured for one in each)
    return Footprint(max(one.memory for one in each), max(one.disk for one in each), measured)


def _baseline_footprint(study: Study, pilots: Pilots) -> Footprint | None:
    """Where no trial has a configuration yet: what pilots took, else what the trainer's baseline is estimated to."""
    measured = _largest([found for run in pilots.runs if (found := pilots.footprint(run.config)) is not None])
    if measured is not None or not study.trial.is_trainer:
        return measured
    return footprint(resolve_baseline(study))
