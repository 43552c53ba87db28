"""A phase as JSON, and back."""

from collections.abc import Mapping
from typing import Any

from sweeper.designs.factor import Range
from sweeper.designs.kinds import (
    SIMPLE_KINDS,
    Design,
    FractionalDesign,
    LadderDesign,
    ListDesign,
    PromoteDesign,
    SamplerDesign,
    SimpleDesign,
)
from sweeper.designs.levels import Level
from sweeper.spec.phase import BUDGET_UNITS, OWN_LENGTH, AdaptiveSeeds, Budget, Phase, Pruner

JsonObject = Mapping[str, Any]
Json = dict[str, Any]


def phase_to_json(phase: Phase) -> Json:
    """Return a phase's document; blocks and levels are in it only where the phase has some."""
    found: Json = {
        "name": phase.name,
        "design": design_to_json(phase.design),
        "factors": None if phase.factors is None else list(phase.factors),
        "seeds": _seeds_to_json(phase),
        "budget": {phase.budget.unit: phase.budget.amount},
        "pruner": pruner_to_json(phase.pruner),
        "config": phase.config,
        "exclude": [dict(row) for row in phase.exclude],
        "repeats": phase.repeats,
    }
    if phase.blocks:
        found["blocks"] = list(phase.blocks)
    if phase.levels:
        found["levels"] = {name: _levels_to_json(levels) for name, levels in phase.levels.items()}
    return found


def phase_from_json(document: JsonObject) -> Phase:
    """Return the phase of a document; a key that is absent has its default, a budget that of one step."""
    factors = document.get("factors")
    return Phase(
        name=document["name"],
        design=design_from_json(document.get("design") or "grid"),
        budget=_budget_from_json(document.get("budget") or {}),
        factors=None if factors is None else tuple(factors),
        seeds=_seeds_from_json(document.get("seeds")),
        adaptive=_adaptive_from_json(document.get("seeds")),
        pruner=pruner_from_json(document.get("pruner")),
        config=document.get("config") or {},
        exclude=tuple(document.get("exclude") or ()),
        repeats=document.get("repeats") or 1,
        blocks=tuple(document.get("blocks") or ()),
        levels={name: _levels_from_json(levels) for name, levels in (document.get("levels") or {}).items()},
    )


def _seeds_to_json(phase: Phase) -> list[int] | Json:
    adaptive = phase.adaptive
    return list(phase.seeds) if adaptive is None else {"first": adaptive.first, "most": adaptive.most}


def _seeds_from_json(document: list[int] | JsonObject | None) -> tuple[int, ...]:
    return tuple(range(document["first"]) if isinstance(document, Mapping) else document or (0,))


def _adaptive_from_json(document: list[int] | JsonObject | None) -> AdaptiveSeeds | None:
    return AdaptiveSeeds(**document) if isinstance(document, Mapping) else None


def design_to_json(design: Design) -> str | Json:
    """Return a design's document: its name, or a mapping."""
    match design:
        case SimpleDesign():
            return design.kind
        case LadderDesign():
            return {"ladder": list(design.factors)}
        case FractionalDesign():
            rule = {"resolution": design.resolution, "generators": design.generators}
            return {"fractional": {key: value for key, value in rule.items() if value is not None}}
        case ListDesign():
            return {"list": [dict(row) for row in design.rows]}
        case SamplerDesign():
            found: Json = {"sampler": design.sampler, "trials": design.trials, "options": dict(design.options)}
            return found if design.duplicates == "reseed" else {**found, "duplicates": design.duplicates}
        case PromoteDesign():
            return {"promote": design.phase, "top": design.top, "from": design.start}


def design_from_json(document: str | JsonObject) -> Design:
    """Return the design of a document.

    Raises:
        ValueError: there is no such design.
    """
    if not isinstance(document, str):
        return _design_with_settings(document)
    for kind in SIMPLE_KINDS:
        if document == kind:
            return SimpleDesign(kind)
    raise ValueError(f"{document!r} is not a design")


def _design_with_settings(document: JsonObject) -> Design:
    match document:
        case {"ladder": factors}:
            return LadderDesign(tuple(factors))
        case {"fractional": int(resolution)}:
            return FractionalDesign(resolution)
        case {"fractional": rule}:
            return FractionalDesign(rule.get("resolution"), rule.get("generators"))
        case {"list": rows}:
            return ListDesign(tuple(rows))
        case {"sampler": sampler, "trials": trials}:
            return SamplerDesign(sampler, trials, document.get("options") or {}, document.get("duplicates") or "reseed")
        case {"promote": phase, "top": top}:
            return PromoteDesign(phase, top, document.get("from") or "scratch")
        case _:
            raise ValueError(f"{document!r} is not a design")


def _budget_from_json(document: JsonObject) -> Budget:
    given = {unit: amount for unit, amount in document.items() if amount is not None}
    if OWN_LENGTH.unit in given:
        return OWN_LENGTH
    return next((Budget(unit, given[unit]) for unit in BUDGET_UNITS if unit in given), Budget("steps", 1))


def pruner_to_json(pruner: Pruner) -> str | Json:
    """Return a pruner's document: its name, with its settings where there are any."""
    settings = {"reduction": pruner.reduction, "min_resource": pruner.min_resource}
    given = {key: value for key, value in settings.items() if value is not None}
    return {"name": pruner.name, **given} if given else pruner.name


def pruner_from_json(document: str | JsonObject | None) -> Pruner:
    """Return the pruner of a document."""
    if document is None:
        return Pruner()
    return Pruner(name=document) if isinstance(document, str) else Pruner(**document)  # type: ignore[arg-type] # checked


def _levels_to_json(levels: tuple[Level, ...] | Range) -> list[Level] | Json:
    if isinstance(levels, Range):
        return {"low": levels.low, "high": levels.high, "log": levels.log, "step": levels.step}
    return list(levels)


def _levels_from_json(document: list[Level] | JsonObject) -> tuple[Level, ...] | Range:
    return Range(**document) if isinstance(document, Mapping) else tuple(document)
