"""Checks of phases: names, factors, seeds, budgets, pruners, exclusions, and the number of trials."""

from typing import Final

from sweeper.designs.factor import Between, meets
from sweeper.designs.kinds import FractionalDesign, PromoteDesign, SamplerDesign
from sweeper.quantities import counted
from sweeper.spec.checks.blocks import check_blocks
from sweeper.spec.checks.designs import check_design, check_levels
from sweeper.spec.checks.known_configurations import (
    configurations,
    is_whole,
    num_configurations,
    num_seeds,
    num_trials,
    varied_in,
)
from sweeper.spec.checks.seeds import check_seeds
from sweeper.spec.error_collector import ErrorCollector
from sweeper.spec.names import levels_text, unknown
from sweeper.spec.phase import BUDGET_UNITS, Phase
from sweeper.spec.sections import Sections
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown

MOST_TRIALS: Final = 100_000  # more are likelier a mistake than intended
PRUNABLE: Final = ("sampler", "grid", "list")
WITH_RUNGS: Final = ("asha", "hyperband")


def check_phases(sections: Sections, errors: ErrorCollector) -> None:
    """Report mistakes in phases."""
    _check_names(sections, errors)
    for index, phase in sections.phases.items():
        _check_factors(sections, index, phase, errors)
        _check_repeats(index, phase, errors)
        _check_budget(sections, index, errors)
        _check_pruner(index, phase, errors)
        check_blocks(sections, index, phase, errors)
        check_design(sections, index, phase, errors)
        _check_exclude(sections, index, phase, errors)
        _check_size(sections, index, phase, errors)
    check_seeds(sections, errors)
    _check_total(sections, errors)


def _check_names(sections: Sections, errors: ErrorCollector) -> None:
    first: dict[str, str] = {}
    phases = sections.data.get("phases")
    for index, item in enumerate(phases if isinstance(phases, list) else []):
        name = item.get("name") if isinstance(item, dict) else None
        if not isinstance(name, str):
            continue
        if (known := first.get(name.casefold())) is not None:
            other = "an earlier phase" if known == name else f"phase {shown(known)}, except for case"
            message = f"{shown(name)} is also the name of {other}. Give each phase its own name."
            errors.add(("phases", index, "name"), message)
        first.setdefault(name.casefold(), name)


def _check_factors(sections: Sections, index: int, phase: Phase, errors: ErrorCollector) -> None:
    for number, name in enumerate(phase.factors or ()):
        where = ("phases", index, "factors", number)
        if name not in sections.factor_names:
            errors.add(where, unknown(name, "factor", sections.factor_names))
        elif name in (phase.factors or ())[:number]:
            errors.add(where, f"{shown(name)} is a duplicate. Name each factor once.")
    for name, factor in varied_in(sections, phase).items():
        for other, wanted in factor.when.items():
            if phase.factors is None or other in phase.factors or other not in sections.factors:
                continue
            baseline = sections.factors[other].baseline
            if not meets(baseline, wanted):
                needed = str(wanted) if isinstance(wanted, Between) else levels_text(wanted)
                errors.add(
                    ("phases", index, "factors"),
                    f"{name} is varied only if {other} is {needed}, but in this phase {other} stays at "
                    f"{shown(baseline)}. Add {other} to the phase's factors, or remove {name}.",
                )


def _check_repeats(index: int, phase: Phase, errors: ErrorCollector) -> None:
    if phase.repeats > 1 and isinstance(phase.design, SamplerDesign):
        errors.add(
            ("phases", index, "repeats"),
            "a sampler cannot repeat trials exactly. Remove repeats, and repeat its best trials in another phase: "
            "{promote: PHASE, top: 4}.",
        )


def _check_budget(sections: Sections, index: int, errors: ErrorCollector) -> None:
    here: KeyPath = ("phases", index, "budget")
    budget = sections.phase_entries[index].budget
    if budget is None:
        _check_own_length(sections, index, errors)
        return
    given = list(budget.model_dump(exclude_none=True))
    if len(given) != 1:
        what = f"has {' and '.join(given)}" if given else "is empty"
        errors.add(here, f"{what}. Use exactly one of {', '.join(BUDGET_UNITS)}, e.g. {{steps: 300}}.")
        return
    hours = budget.reference_hours
    if hours is None or sections.trial is None:
        return
    speed = sections.trial.steps_per_hour
    if speed is None:
        errors.add(
            (*here, "reference_hours"),
            "the study cannot convert hours to steps. Add trial.calibration, e.g. {steps_per_hour: 17857}.",
        )
    elif hours * speed < 1:
        errors.add((*here, "reference_hours"), f"{hours} are {hours * speed:.2g} steps, less than one. Increase it.")


def _check_own_length(sections: Sections, index: int, errors: ErrorCollector) -> None:
    """Report what needs the budget that a phase leaves out."""
    phase = sections.phases[index]
    remedy = f"Add one of {', '.join(BUDGET_UNITS)}, e.g. budget: {{steps: 300}}."
    if sections.is_trainer:
        errors.add(("phases", index), f"budget is missing, so the trainer does not know how long to train. {remedy}")
    elif phase.pruner.name != "none":
        errors.add(
            ("phases", index, "pruner"),
            f"{shown(phase.pruner.name)} stops trials at shares of their budget, which is missing. {remedy}",
        )
    elif isinstance(phase.design, PromoteDesign):
        message = f"a promotion runs trials again at another budget, which is missing. {remedy}"
        errors.add(("phases", index, "design", "promote"), message)


def _check_pruner(index: int, phase: Phase, errors: ErrorCollector) -> None:
    kind, pruner = phase.design.kind, phase.pruner
    here: KeyPath = ("phases", index, "pruner")
    if pruner.name != "none" and kind not in PRUNABLE:
        errors.add(
            here,
            f"{pruner.name!r} would stop trials early, but {kind} needs all of them completed to compare them. "
            f"Use none; pruners are for the designs {', '.join(PRUNABLE)}.",
        )
    if pruner.reduction is not None and pruner.name not in WITH_RUNGS:
        message = (
            f"{pruner.name} has no rungs, so reduction has no effect. Remove it, or use {' or '.join(WITH_RUNGS)}."
        )
        errors.add((*here, "reduction"), message)
    if pruner.min_resource is not None and pruner.name == "none":
        errors.add((*here, "min_resource"), "has no effect without a pruner. Remove it, or choose a pruner, e.g. asha.")


def _check_exclude(sections: Sections, index: int, phase: Phase, errors: ErrorCollector) -> None:
    if not phase.exclude:
        return
    kind = phase.design.kind
    here: KeyPath = ("phases", index, "exclude")
    if kind == "list":
        errors.add(here, "has no effect in a list. Remove the rows themselves, and exclude.")
        return
    for number, row in enumerate(phase.exclude):
        if not row:
            errors.add((*here, number), "{} would exclude everything. Add levels, e.g. {depth: 4}.")
        check_levels(sections, row, (*here, number), errors, phase)
    if configurations(sections, phase) == [] and not errors.blames(here):
        errors.add(here, "leaves no configuration. Exclude less.")


def _check_size(sections: Sections, index: int, phase: Phase, errors: ErrorCollector) -> None:
    trials = num_trials(sections, index) if is_whole(sections, phase) else None
    if trials is None or trials <= MOST_TRIALS:
        return
    if isinstance(phase.design, FractionalDesign) and errors.blames(("phases", index, "design")):
        return  # the fraction itself is too large
    number = num_configurations(sections, phase)
    factors = varied_in(sections, phase).values()
    product = " x ".join(str(len(factor.levels or ())) for factor in factors)
    shown_number = f"{product} = {number:,}" if phase.design.kind == "grid" and len(factors) > 1 else f"{number:,}"
    times = f" x {counted(num_seeds(sections.phase_entries[index]), 'seed')}" + (
        f" x {phase.repeats:,} repeats" if phase.repeats > 1 else ""
    )
    errors.add(
        ("phases", index, "design"),
        f"{phase.design.kind} has {shown_number} configurations{times} = {trials:,} trials; "
        f"the maximum is {MOST_TRIALS:,}. Use fewer factors (factors: [...]), levels or seeds, or a sampler.",
    )


def _check_total(sections: Sections, errors: ErrorCollector) -> None:
    numbers = [num_trials(sections, index) for index, phase in sections.phases.items() if is_whole(sections, phase)]
    if sum(numbers) > MOST_TRIALS and all(number <= MOST_TRIALS for number in numbers):
        errors.add(
            ("phases",),
            f"{' + '.join(f'{number:,}' for number in numbers)} = {sum(numbers):,} trials; the maximum "
            f"is {MOST_TRIALS:,}. Split the study into several.",
            at_key=True,
        )
