"""A study as the JSON document that stores and archives hold, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from sweeper.designs.factor import Between, Condition, Factor, Range
from sweeper.spec.json_claims import claim_from_json, claim_to_json
from sweeper.spec.json_metric import metric_from_json, metric_to_json
from sweeper.spec.json_phases import Json, JsonObject, phase_from_json, phase_to_json
from sweeper.spec.metric_source import source_from_json, source_to_json
from sweeper.spec.price import Price
from sweeper.spec.program import (
    IMPORTED,
    TRAINER,
    CommandProgram,
    ImportedProgram,
    Program,
    PythonProgram,
    TrainerProgram,
    Trial,
)
from sweeper.spec.study import USUAL_SPENDING, Assumed, Decide, Keep, Resources, Retry, Study


def to_json(study: Study) -> Json:
    """Return a study's document; the same study always gives the same text."""
    return {
        "study": study.name,
        "description": study.description,
        "seed": study.seed,
        **({"published": list(study.published)} if study.published else {}),
        "metric": metric_to_json(study.metric),
        "trial": _trial_to_json(study.trial),
        "resources": _resources(study.resources),
        "budget": {"device_hours": study.device_hours},
        **({} if study.price is None else {"price_per_device_hour": asdict(study.price)}),
        "retry": _fields(study.retry, ("crashed", "killed", "out_of_memory", "diverged", "timeout")),
        **({"keep": {"checkpoints": study.keep.checkpoints}} if study.keep != Keep() else {}),
        "on_finish": [list(command) for command in study.on_finish],
        **({"decide": _decide_to_json(study.decide)} if study.adds_seeds or study.decide != Decide() else {}),
        **_assumed_to_json(study.assume),
        "factors": {name: factor_to_json(factor) for name, factor in study.factors.items()},
        **({} if study.own_strata is None else {"strata": list(study.own_strata)}),
        **({"arms": {name: dict(levels) for name, levels in study.arms.items()}} if study.arms else {}),
        "phases": [phase_to_json(phase) for phase in study.phases],
        "claims": [claim_to_json(claim, study.metric, is_trainer=study.trial.is_trainer) for claim in study.claims],
    }


def _resources(resources: Resources) -> Json:
    """Return the document of resources; what most studies leave at its default is not in it."""
    known = _fields(resources, ("device", "slots", "gpus_per_trial", "threads_per_trial"))
    return known if resources.nodes_per_trial == 1 else {**known, "nodes_per_trial": resources.nodes_per_trial}


def from_json(document: JsonObject, *, source: str = "", path: Path | None = None) -> Study:
    """Return the study of a document; keys that an older version did not write have their defaults.

    Args:
        source: the study file's text.
        path: the study file.
    """
    metric, trial = metric_from_json(document["metric"]), _trial_from_json(document.get("trial") or {})
    phases = tuple(phase_from_json(phase) for phase in document["phases"])
    adds_seeds = any(phase.adaptive is not None for phase in phases)
    return Study(
        name=document["study"],
        description=document.get("description") or "",
        seed=document.get("seed") or 0,
        published=tuple(document.get("published") or ()),
        metric=metric,
        trial=trial,
        resources=Resources(**(document.get("resources") or {})),
        device_hours=(document.get("budget") or {}).get("device_hours"),
        price=Price(**document["price_per_device_hour"]) if document.get("price_per_device_hour") else None,
        retry=Retry(**(document.get("retry") or {})),
        keep=Keep(**(document.get("keep") or {})),
        on_finish=tuple(tuple(command) for command in document.get("on_finish") or ()),
        decide=_decide_from_json(document.get("decide") or {}, adds_seeds=adds_seeds),
        assume=Assumed(**(document.get("assume") or {})),
        factors={name: factor_from_json(name, factor) for name, factor in document["factors"].items()},
        phases=phases,
        claims=tuple(
            claim_from_json(claim, metric, is_trainer=trial.is_trainer) for claim in document.get("claims") or ()
        ),
        own_strata=None if document.get("strata") is None else tuple(document["strata"]),
        arms=document.get("arms") or {},
        source=source,
        path=path,
    )


def _assumed_to_json(assume: Assumed) -> Json:
    """Return the part of a study's document that has what it assumes; empty if that is nothing."""
    found: Json = {} if assume.sd is None else {"sd": assume.sd}
    if assume.effects:
        found["effects"] = dict(assume.effects)
    return {"assume": found} if found else {}


def program_to_json(program: Program) -> str | Json:
    """Return a program's document, which is part of the identity of its configurations."""
    match program:
        case TrainerProgram():
            return "trainer"
        case ImportedProgram():
            return "imported"
        case PythonProgram():
            return {"python": program.function}
        case CommandProgram():
            return {
                "command": list(program.command),
                "metrics": _metrics_to_json(program),
                "checkpoint": program.checkpoint,
            }


def program_from_json(document: str | JsonObject) -> Program:
    """Return the program of a document."""
    if isinstance(document, str):
        return IMPORTED if document == "imported" else TRAINER
    if document.get("python") is not None:
        return PythonProgram(document["python"])
    given = document.get("metrics") or {}
    items = given if isinstance(given, list) else [given]
    return CommandProgram(
        tuple(document["command"]),
        {name: pattern for item in items if "from" not in item for name, pattern in item.items()},
        checkpoint=document.get("checkpoint"),
        sources=tuple(source_from_json(item) for item in items if "from" in item),
    )


def _metrics_to_json(program: CommandProgram) -> Json | list[Json] | None:
    if not program.sources:
        return dict(program.metrics) or None
    patterns: list[Json] = [dict(program.metrics)] if program.metrics else []
    return [*patterns, *map(source_to_json, program.sources)]


def factor_to_json(factor: Factor) -> Json:
    """Return a factor's document."""
    of_range = factor.range
    return {
        "path": factor.path,
        "levels": None if factor.levels is None else list(factor.levels),
        "baseline": factor.baseline,
        "low": None if of_range is None else of_range.low,
        "high": None if of_range is None else of_range.high,
        "log": of_range is not None and of_range.log,
        "step": None if of_range is None else of_range.step,
        "groups": None if factor.groups is None else {level: dict(group) for level, group in factor.groups.items()},
        "when": {name: _condition_to_json(condition) for name, condition in factor.when.items()} or None,
    }


def factor_from_json(name: str, document: JsonObject) -> Factor:
    """Return the factor of a document."""
    levels, groups = document.get("levels"), document.get("groups") or None
    has_range = levels is None and document.get("low") is not None
    return Factor(
        name=name,
        path=None if groups else document.get("path") or name,
        levels=None if levels is None else tuple(levels),
        baseline=document.get("baseline"),
        range=Range(**_given(document, ("low", "high", "log", "step"))) if has_range else None,
        groups=groups,
        when={
            other: Between(**wanted) if isinstance(wanted, Mapping) else tuple(wanted)
            for other, wanted in (document.get("when") or {}).items()
        },
    )


def _condition_to_json(condition: Condition) -> Json | list[object]:
    if isinstance(condition, Between):
        return {"low": condition.low, "high": condition.high}
    return list(condition)


def _trial_to_json(trial: Trial) -> Json:
    speed = trial.steps_per_hour
    return {
        "program": program_to_json(trial.program),
        "config": trial.config,
        "environment": dict(trial.environment),
        "timeout_minutes": trial.timeout_minutes,
        **({"cwd": trial.cwd} if trial.cwd is not None else {}),
        "calibration": None if speed is None else {"steps_per_hour": speed},
    }


def _trial_from_json(document: JsonObject) -> Trial:
    return Trial(
        program=program_from_json(document.get("program") or "trainer"),
        config=document.get("config") or {},
        environment=document.get("environment") or {},
        timeout_minutes=document.get("timeout_minutes"),
        cwd=document.get("cwd"),
        steps_per_hour=(document.get("calibration") or {}).get("steps_per_hour"),
    )


def _decide_to_json(decide: Decide) -> Json:
    return {"spending": decide.spending, "futility": decide.futility or False, "order": decide.order}


def _decide_from_json(document: JsonObject, *, adds_seeds: bool) -> Decide:
    """Return the rule of looks; a study that adds seeds and names none is from when the default was another one."""
    if document:
        return Decide(**{**document, "futility": document["futility"] or None})
    return Decide(spending=USUAL_SPENDING[0]) if adds_seeds else Decide()


def _fields(section: object, names: tuple[str, ...]) -> Json:
    return {name: getattr(section, name) for name in names}


def _given(document: JsonObject, names: tuple[str, ...]) -> Json:
    """Return those values of a document that are not null."""
    return {name: document[name] for name in names if document.get(name) is not None}
