"""A study's document → its trials, before anything runs: which configurations, seeds and budgets, in which order.

The order is that of early stopping: within a phase the first seed of all configurations comes first, so that whenever
the study ends, what it has is whole replicates.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Protocol

from sweeper import designs
from sweeper.designs.configuration import (
    apply_levels,
    baseline,
    baseline_level,
    complete,
    configuration_hash,
    has_baseline,
    resolve_config,
    with_own_levels,
)
from sweeper.designs.levels import DesignError, distinct, is_excluded, levels_of, settled
from sweeper.errors import UsageError

MOST_TRIALS: Final = 200_000
SHOWN_REFUSALS: Final = 5  # of one phase; more of the same help nobody

Reference = tuple[str, int]  # phase and number


class HasDocument(Protocol):
    """What planning needs of a study."""

    @property
    def document(self) -> dict[str, Any]:
        """The study's document, as ``sweeper.spec`` makes it."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How long a trial trains.

    Attributes:
        amount: ``{"steps": 300}``, or tokens or epochs.
        repeat: which exact repeat of its configuration, seed and budget the trial is; 0 for the first.
        reference_hours: what the phase says in hours on the reference device.
    """

    amount: Mapping[str, int | float]
    repeat: int = 0
    reference_hours: float | None = field(default=None, compare=False)

    def as_dict(self) -> dict[str, object]:
        """What the program is told."""
        return dict(self.amount)

    @property
    def key(self) -> str:
        """Text that equal budgets share; an exact repeat has its own."""
        text = json.dumps(dict(self.amount), sort_keys=True, separators=(",", ":"))
        return f"{text}#{self.repeat}" if self.repeat else text


@dataclass(frozen=True, slots=True)
class PlannedTrial:
    """A trial as its phase wants it; one whose configuration is None gets it while the study runs."""

    phase: str
    number: int
    configuration: Mapping[str, object] | None
    config: Mapping[str, object] | None
    configuration_hash: str | None
    seed: int
    budget: Budget


@dataclass(frozen=True)
class PlannedPhase:
    """A phase.

    Attributes:
        design: the design's kind.
        spec: the phase of the document.
        trials: those that the phase owns: no earlier phase wants them.
        members: all trials that the phase wants, in its order, those of earlier phases by reference.
    """

    name: str
    design: str
    spec: dict[str, Any]
    trials: tuple[PlannedTrial, ...]
    members: tuple[Reference, ...]


@dataclass(frozen=True)
class Plan:
    """All trials of a study, each once."""

    study: str
    phases: tuple[PlannedPhase, ...]

    @cached_property
    def trials(self) -> tuple[PlannedTrial, ...]:
        """The trials of all phases in their order."""
        return tuple(trial for phase in self.phases for trial in phase.trials)

    @cached_property
    def by_reference(self) -> Mapping[Reference, PlannedTrial]:
        """The trials by phase and number."""
        return {(trial.phase, trial.number): trial for trial in self.trials}

    def wanted(self, phase: PlannedPhase) -> tuple[PlannedTrial, ...]:
        """The trials that a phase wants, those of earlier phases included."""
        return tuple(self.by_reference[member] for member in phase.members)


def make_plan(study: HasDocument) -> Plan:
    """The plan of a study; the same document gives the same plan.

    Raises:
        UsageError: a design cannot be made of its factors, or the built-in trainer refuses a combination; all of
            them are in the message.
    """
    document = study.document
    known: dict[tuple[str, int, str], Reference] = {}
    phases: list[PlannedPhase] = []
    mistakes: list[str] = []
    for phase in document["phases"]:
        try:
            phases.append(_plan_phase(document, phase, known))
        except UsageError as error:
            mistakes.append(str(error))
    if mistakes:
        raise UsageError("\n".join(mistakes))
    return Plan(document["study"], tuple(phases))


def phase_factors(document: Mapping[str, Any], phase: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The factors that a phase's design varies, in its order, with their levels and baselines in this phase.

    Those at whose levels the whole design is repeated (``blocks``) are not among them.
    """
    names, blocks = phase.get("factors"), phase.get("blocks") or ()
    every = _factors(document, phase)
    return {name: every[name] for name in (every if names is None else names) if name not in blocks}


def phase_budget(document: Mapping[str, Any], phase: Mapping[str, Any]) -> Budget:
    """The budget of a phase's trials; reference hours become steps by the study's calibration."""
    given = {name: value for name, value in phase["budget"].items() if value is not None}
    hours = given.get("reference_hours")
    if hours is None:
        return Budget(given)
    calibration = document["trial"].get("calibration")
    if not calibration:
        raise UsageError(
            f"phases.{phase['name']}.budget: reference_hours need trial.calibration: {{steps_per_hour: ..}}"
        )
    steps = max(1, round(float(hours) * float(calibration["steps_per_hour"])))
    return Budget({"steps": steps}, reference_hours=float(hours))


@dataclass(frozen=True, slots=True)
class _Arm:
    """A configuration, resolved."""

    configuration: dict[str, Any]
    config: dict[str, Any]
    configuration_hash: str


def _plan_phase(
    document: Mapping[str, Any], phase: dict[str, Any], known: dict[tuple[str, int, str], Reference]
) -> PlannedPhase:
    """One phase; adds its own trials to those that are known by configuration, seed and budget."""
    name, design, seeds = phase["name"], phase["design"], list(phase["seeds"])
    try:
        kind = designs.kind_of(design)
        factors = phase_factors(document, phase)
        budget = phase_budget(document, phase)
        repeats = [Budget(budget.amount, k, budget.reference_hours) for k in range(int(phase.get("repeats") or 1))]
        if kind == "sampler" and len(repeats) > 1:
            raise DesignError("repeats: a sampler draws every trial anew. Repeat its best: {promote: .., top: ..}")
        cells: list[tuple[_Arm | None, int, Budget]]
        if kind in designs.UNDRAWN:
            if phase.get("blocks"):
                raise DesignError(f"blocks: a {kind} design has none. Write a phase for each level")
            of_design = designs.sampler_seeds if kind == "sampler" else designs.promoted_seeds
            cells = [(None, seed, each) for each in repeats for seed in of_design(design, seeds)]
        else:
            arms = _arms(document, phase, factors)
            _check_size(len(arms) * len(seeds) * len(repeats))
            cells = [(arm, seed, each) for each in repeats for seed in seeds for arm in arms]
    except DesignError as error:
        raise UsageError(f"phases.{name}.design: {error}") from error
    return _number(name, kind, phase, cells, known)


def _number(
    name: str,
    kind: str,
    phase: dict[str, Any],
    cells: Iterable[tuple[_Arm | None, int, Budget]],
    known: dict[tuple[str, int, str], Reference],
) -> PlannedPhase:
    own: list[PlannedTrial] = []
    members: dict[Reference, None] = {}
    keys: dict[int, str] = {}
    for arm, seed, budget in cells:
        if id(budget) not in keys:
            keys[id(budget)] = budget.key
        place = (name, len(own))
        if arm is not None:
            place = known.setdefault((arm.configuration_hash, seed, keys[id(budget)]), place)
        members[place] = None
        if place == (name, len(own)):
            levels, config, identity = (
                (None, None, None) if arm is None else (arm.configuration, arm.config, arm.configuration_hash)
            )
            own.append(PlannedTrial(name, len(own), levels, config, identity, seed, budget))
    return PlannedPhase(name, kind, phase, tuple(own), tuple(members))


def _arms(
    document: Mapping[str, Any], phase: Mapping[str, Any], factors: Mapping[str, Mapping[str, Any]]
) -> list[_Arm]:
    """The design's configurations, each with a level for every factor of the study, resolved."""
    every = _factors(document, phase)
    exclude: Sequence[Mapping[str, Any]] = phase.get("exclude") or []
    rows = designs.rows(phase["design"], factors, exclude=bool(exclude), every=every)
    blocks = {name: levels_of(name, every[name]) for name in phase.get("blocks") or ()}
    crossed = designs.crossed(rows, blocks)
    full = distinct(settled(complete(document, phase, row), every) for row in crossed)
    kept = [row for row in full if not is_excluded(row, exclude)]
    if not kept:
        raise DesignError("exclude: leaves no configuration. Exclude less")
    return _resolved(document, phase, kept)


def _resolved(document: Mapping[str, Any], phase: Mapping[str, Any], rows: Sequence[dict[str, Any]]) -> list[_Arm]:
    program, base = document["trial"]["program"], baseline(document, phase)
    arms: list[_Arm] = []
    refused: dict[str, dict[str, Any]] = {}
    for row in rows:
        try:
            config = resolve_config(program, apply_levels(document, base, row))
        except ValueError as error:  # the trainer's ConfigError
            refused.setdefault(str(error), row)
            continue
        arms.append(_Arm(row, config, configuration_hash(program, config)))
    if refused:
        raise UsageError("\n".join(_refusals(phase["name"], refused)))
    return arms


def _refusals(phase: str, refused: Mapping[str, Mapping[str, Any]]) -> list[str]:
    lines = [
        f"phases.{phase}: the trainer refuses {_levels_text(row)}: {message} Or leave it out: exclude: [{{..}}]"
        for message, row in list(refused.items())[:SHOWN_REFUSALS]
    ]
    more = len(refused) - SHOWN_REFUSALS
    return lines if more <= 0 else [*lines, f"phases.{phase}: … and {more} more like these"]


def _levels_text(row: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={level}" for name, level in row.items()) or "the baseline"


def _factors(document: Mapping[str, Any], phase: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """All factors of the study, with their levels and baselines in a phase."""
    return {
        name: {
            **with_own_levels(name, factor, phase),
            "baseline": baseline_level(name, factor, phase) if has_baseline(factor) else None,
        }
        for name, factor in document["factors"].items()
    }


def _check_size(trials: int) -> None:
    if trials > MOST_TRIALS:
        raise DesignError(
            f"asks for {trials:,} trials, more than {MOST_TRIALS:,}. Take fewer factors, levels, seeds or repeats"
        )
