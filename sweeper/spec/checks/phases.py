"""Checks of phases: names, factors, seeds, budgets, pruners, exclusions, and how many trials they ask for."""

from typing import Final

from sweeper.spec.arms import configurations, factors_in, is_whole, num_configurations, num_seeds, num_trials
from sweeper.spec.checks.blocks import check_blocks
from sweeper.spec.checks.designs import check_design, check_levels
from sweeper.spec.complaints import Complaints
from sweeper.spec.designs import design_kind
from sweeper.spec.models import Budget, Phase
from sweeper.spec.names import levels_text, unknown
from sweeper.spec.parts import Parts
from sweeper.spec.yaml_source import KeyPath
from trainer.config.wording import shown

MOST_TRIALS: Final = 100_000  # beyond it a typing mistake is likelier than the wish to run them
PRUNABLE: Final = ("sampler", "grid", "list")
WITH_RUNGS: Final = ("asha", "hyperband")


def check_phases(parts: Parts, complaints: Complaints) -> None:
    """Note the mistakes of phases."""
    _check_names(parts, complaints)
    for place, phase in parts.phases.items():
        _check_factors(parts, place, phase, complaints)
        _check_seeds(place, phase, complaints)
        _check_budget(parts, place, phase, complaints)
        _check_pruner(place, phase, complaints)
        check_blocks(parts, place, phase, complaints)
        check_design(parts, place, phase, complaints)
        _check_exclude(parts, place, phase, complaints)
        _check_size(parts, place, phase, complaints)
    _check_total(parts, complaints)


def _check_names(parts: Parts, complaints: Complaints) -> None:
    first: dict[str, str] = {}
    phases = parts.data.get("phases")
    for place, item in enumerate(phases if isinstance(phases, list) else []):
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str):
            continue
        if (known := first.get(name.casefold())) is not None:
            other = "an earlier phase" if known == name else f"phase {shown(known)}, upper and lower case aside"
            message = f"{shown(name)} is the name of {other}. Give each phase its own."
            complaints.add(("phases", place, "name"), message)
        first.setdefault(name.casefold(), name)


def _check_factors(parts: Parts, place: int, phase: Phase, complaints: Complaints) -> None:
    for number, name in enumerate(phase.factors or ()):
        where = ("phases", place, "factors", number)
        if name not in parts.factor_names:
            complaints.add(where, unknown(name, "factor", parts.factor_names))
        elif name in (phase.factors or ())[:number]:
            complaints.add(where, f"{shown(name)} is named twice. Name each factor once.")
    for name, factor in factors_in(parts, phase).items():
        for other, wanted in (factor.when or {}).items():
            if phase.factors is None or other in phase.factors or other not in parts.factors:
                continue
            baseline = parts.factors[other].baseline
            if not any(parts.factors[other].canonical(level) == baseline for level in wanted):
                complaints.add(
                    ("phases", place, "factors"),
                    f"{name} is varied only when {other} is {levels_text(wanted)}, but in this phase {other} stays "
                    f"at {shown(baseline)}. Add {other} to the phase's factors, or take {name} out.",
                )


def _check_seeds(place: int, phase: Phase, complaints: Complaints) -> None:
    if isinstance(phase.seeds, int):
        return
    for number, seed in enumerate(phase.seeds):
        if seed in phase.seeds[:number]:
            complaints.add(
                ("phases", place, "seeds", number),
                f"the seed {seed} is given twice. Keep one; exact repeats are what `repeats` is for.",
            )


def _check_budget(parts: Parts, place: int, phase: Phase, complaints: Complaints) -> None:
    here: KeyPath = ("phases", place, "budget")
    given = list(phase.budget.model_dump(exclude_none=True))
    if len(given) != 1:
        what = f"has {' and '.join(given)}" if given else "is empty"
        complaints.add(here, f"{what}. Give one of {', '.join(Budget.model_fields)}, e.g. {{steps: 300}}.")
        return
    hours = phase.budget.reference_hours
    if hours is None or parts.trial is None:
        return
    if parts.trial.calibration is None:
        complaints.add(
            (*here, "reference_hours"),
            "the study does not say how many steps an hour has. Add trial.calibration, e.g. {steps_per_hour: 17857}.",
        )
    elif hours * parts.trial.calibration.steps_per_hour < 1:
        steps = hours * parts.trial.calibration.steps_per_hour
        complaints.add((*here, "reference_hours"), f"{hours} are {steps:.2g} steps, less than one. Give more time.")


def _check_pruner(place: int, phase: Phase, complaints: Complaints) -> None:
    kind, pruner = design_kind(phase.design), phase.pruner_settings
    here: KeyPath = ("phases", place, "pruner")
    if pruner.name != "none" and kind not in PRUNABLE:
        complaints.add(
            here,
            f"{pruner.name!r} would stop trials early that {kind} needs to the end, to compare them. "
            f"Write none; pruners are for the designs {', '.join(PRUNABLE)}.",
        )
    if pruner.reduction is not None and pruner.name not in WITH_RUNGS:
        message = (
            f"{pruner.name} has no rungs, so that nothing is reduced. Remove it, or take {' or '.join(WITH_RUNGS)}."
        )
        complaints.add((*here, "reduction"), message)
    if pruner.min_resource is not None and pruner.name == "none":
        complaints.add((*here, "min_resource"), "none ends no trial early. Remove it, or name a pruner, e.g. asha.")


def _check_exclude(parts: Parts, place: int, phase: Phase, complaints: Complaints) -> None:
    if not phase.exclude:
        return
    kind = design_kind(phase.design)
    here: KeyPath = ("phases", place, "exclude")
    if kind == "list":
        complaints.add(here, "a list has no more than its rows. Remove the rows themselves, and exclude.")
        return
    for number, row in enumerate(phase.exclude):
        if not row:
            complaints.add((*here, number), "{} would exclude everything. Name levels, e.g. {depth: 4}.")
        check_levels(parts, row, (*here, number), complaints, phase)
    if configurations(parts, phase) == [] and not complaints.blames(here):
        complaints.add(here, "leaves no configuration. Exclude less.")


def _check_size(parts: Parts, place: int, phase: Phase, complaints: Complaints) -> None:
    trials = num_trials(parts, phase) if is_whole(parts, phase) else None
    if trials is None or trials <= MOST_TRIALS:
        return
    number = num_configurations(parts, phase)
    factors = factors_in(parts, phase).values()
    product = " x ".join(str(len(factor.levels or ())) for factor in factors)
    shown_number = f"{product} = {number:,}" if phase.design == "grid" and len(factors) > 1 else f"{number:,}"
    times = f" x {num_seeds(phase):,} seeds" + (f" x {phase.repeats:,} repeats" if phase.repeats > 1 else "")
    complaints.add(
        ("phases", place, "design"),
        f"{design_kind(phase.design)} asks for {shown_number} configurations{times} = {trials:,} trials; "
        f"at most {MOST_TRIALS:,} can be planned. "
        "Take fewer factors (factors: [...]), levels or seeds, or a sampler.",
    )


def _check_total(parts: Parts, complaints: Complaints) -> None:
    numbers = [num_trials(parts, phase) for phase in parts.phases.values() if is_whole(parts, phase)]
    if sum(numbers) > MOST_TRIALS and all(number <= MOST_TRIALS for number in numbers):
        complaints.add(
            ("phases",),
            f"{' + '.join(f'{number:,}' for number in numbers)} = {sum(numbers):,} trials; at most "
            f"{MOST_TRIALS:,} can be planned. Split the study into several.",
            at_key=True,
        )
