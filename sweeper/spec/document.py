"""From a checked file to the document that plans, slots and reports read: plain JSON, every default filled in."""

from typing import Any

from sweeper.spec.arms import at_phase
from sweeper.spec.claims import ArmContrast, ArmInteraction, Claim, Constant, Interaction, OtherPhases
from sweeper.spec.designs import FractionalDesign, PromoteDesign, design_kind
from sweeper.spec.models import CommandProgram, Metric, Phase, StudyFile, Trial
from sweeper.spec.normal import NormalFactor
from sweeper.spec.parts import Parts

Factors = dict[str, NormalFactor]


def document_of(parts: Parts) -> dict[str, Any]:
    """The document of a study without mistakes."""
    file = parts.file
    assert file is not None
    factors = parts.factors
    return {
        "study": file.study,
        "description": file.description,
        "seed": file.seed,
        **({"published": list(file.published)} if file.published else {}),
        "metric": _metric(file.metric),
        "trial": _trial(file.trial),
        "resources": file.resources.model_dump(),
        "budget": file.budget.model_dump(),
        "retry": file.retry.model_dump(),
        "on_finish": [list(command) for command in file.on_finish],
        "factors": {name: factor.as_document() for name, factor in factors.items()},
        "phases": [_phase(phase, factors) for phase in file.phases],
        "claims": [_claim(claim, file, factors) for claim in file.claims],
    }


def _metric(metric: Metric) -> dict[str, Any]:
    return {"name": metric.name, "direction": metric.direction, "scale": metric.effective_scale}


def _trial(trial: Trial) -> dict[str, Any]:
    program: Any = trial.program
    if not isinstance(program, str):
        program = program.model_dump()
        if isinstance(trial.program, CommandProgram) and not trial.program.metrics:
            program["metrics"] = None
    return {"program": program, **trial.model_dump(exclude={"program"})}


def _phase(phase: Phase, factors: Factors) -> dict[str, Any]:
    return {
        "name": phase.name,
        "design": _design(phase, factors),
        "factors": None if phase.factors is None else list(phase.factors),
        "seeds": list(range(phase.seeds)) if isinstance(phase.seeds, int) else list(phase.seeds),
        "budget": phase.budget.model_dump(exclude_none=True),
        "pruner": _pruner(phase),
        "config": phase.config,
        "exclude": [_levels(row, factors) for row in phase.exclude],
        "repeats": phase.repeats,
        **_of_phase(phase, factors),
    }


def _pruner(phase: Phase) -> Any:
    """The pruner's name, with its settings where the file gives any."""
    given = phase.pruner_settings.model_dump(exclude_none=True)
    return given if len(given) > 1 else given["name"]


def _of_phase(phase: Phase, factors: Factors) -> dict[str, Any]:
    """Levels and blocks, where a phase has its own."""
    found: dict[str, Any] = {"blocks": list(phase.blocks)} if phase.blocks else {}
    if phase.levels:
        found["levels"] = {name: _own_levels(at_phase(factors[name], phase)) for name in phase.levels}
    return found


def _own_levels(factor: NormalFactor) -> Any:
    if factor.levels is not None:
        return list(factor.levels)
    return {key: getattr(factor, key) for key in ("low", "high", "log", "step")}


def _design(phase: Phase, factors: Factors) -> Any:
    """The design; a ladder names its factors, so that their order in the file is part of it."""
    design = phase.design
    if design == "ladder":
        return {"ladder": list(phase.factors if phase.factors is not None else factors)}
    if isinstance(design, str):
        return design
    if isinstance(design, FractionalDesign):
        return {"fractional": design.fraction.model_dump(exclude_none=True)}
    if isinstance(design, PromoteDesign):
        return {"promote": design.promote, "top": design.top, "from": design.start}
    if design_kind(design) == "list":
        return {"list": [_levels(row, factors) for row in design.rows]}  # type: ignore[union-attr]
    return design.model_dump()


def _levels(row: dict[str, Any], factors: Factors) -> dict[str, Any]:
    return {name: factors[name].canonical(level) for name, level in row.items()}


def _claim(claim: Claim, file: StudyFile, factors: Factors) -> dict[str, Any]:
    statement = getattr(claim, claim.form)
    return {
        "id": claim.id,
        "text": claim.text,
        "metric": claim.metric or file.metric.name,
        claim.form: _statement(statement, factors),
        "expect": claim.expect,
        "at_least": claim.at_least,
        "within": claim.within,
    }


def _statement(statement: Any, factors: Factors) -> dict[str, Any]:
    found: dict[str, Any] = statement.model_dump(by_alias=True)
    if isinstance(statement, ArmContrast | ArmInteraction):
        for pair in (found, found["with"]) if isinstance(statement, ArmInteraction) else (found,):
            for end in ("from", "to"):
                pair[end]["levels"] = _levels(pair[end]["levels"], factors)
        return found
    if isinstance(statement, Constant):
        return {**found, "levels": _levels(found["levels"], factors)}
    if "factor" in found:
        _ends(found, factors)
        if "where" in found:
            found["where"] = _levels(found["where"], factors)
    if isinstance(statement, Interaction) and not isinstance(statement.other, OtherPhases):
        _ends(found["with"], factors)
    return found


def _ends(found: dict[str, Any], factors: Factors) -> None:
    factor = factors[found["factor"]]
    found["from"], found["to"] = factor.canonical(found["from"]), factor.canonical(found["to"])
