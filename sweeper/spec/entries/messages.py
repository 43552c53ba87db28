"""Pydantic's errors about a study file as problems: the value, what is wrong with it, what to do."""

from collections.abc import Callable, Mapping
from typing import Final

from pydantic import BaseModel, ValidationError

from sweeper.spec.entries.designs import unknown_design
from sweeper.spec.entries.factors import FactorEntry
from sweeper.spec.entries.metric import MetricEntry
from sweeper.spec.entries.metric_sources import unknown_source
from sweeper.spec.entries.phases import PhaseEntry, RangeEntry
from sweeper.spec.entries.study import RetryEntry, StudyFile, TrialEntry, unknown_program
from trainer.config.wording import Problem, problems_of, shown, suggestion
from trainer.config.wording import unknown_key as plain_unknown_key

FINAL_REASONS: Final = ("completed", "pruned", "cancelled", "budget_exhausted")
FREE_REASONS: Final = ("preempted",)
_RANGE: Final = {
    **dict.fromkeys(("min", "minimum", "lower", "lower_bound", "start"), "low"),
    **dict.fromkeys(("max", "maximum", "upper", "upper_bound", "end", "stop"), "high"),
    **dict.fromkeys(("distribution", "prior", "scale", "log_uniform", "log_scale"), "log: true"),
    **dict.fromkeys(("q", "quantization", "increment", "resolution"), "step"),
}
# What other tools call the keys of a section: W&B, Optuna, Ray Tune, Hydra, Ax, NNI.
_OTHER_WORDS: Final[Mapping[type[BaseModel], Mapping[str, str]]] = {
    FactorEntry: {
        **_RANGE,
        **dict.fromkeys(("values", "choices", "options", "candidates", "categories", "grid", "value"), "levels"),
        **dict.fromkeys(("default", "reference", "control"), "baseline"),
        **dict.fromkeys(("key", "parameter", "param", "name"), "path"),
        **dict.fromkeys(("condition", "conditions", "if"), "when"),
    },
    RangeEntry: _RANGE,
    MetricEntry: {
        **dict.fromkeys(("goal", "mode", "objective", "optimize", "optimization", "maximize", "minimize"), "direction"),
        **dict.fromkeys(("metric", "key"), "name"),
        **dict.fromkeys(("aggregate", "summary", "reduction", "point"), "value"),
    },
    PhaseEntry: {
        **dict.fromkeys(("seed", "num_seeds", "replicates"), "seeds"),
        **dict.fromkeys(("steps", "epochs", "tokens", "max_steps", "iterations", "length"), "budget"),
        **dict.fromkeys(("method", "algorithm", "sampler", "search", "strategy"), "design"),
        **dict.fromkeys(("scheduler", "early_terminate", "pruning"), "pruner"),
        **dict.fromkeys(("parameters", "params"), "factors"),
    },
    TrialEntry: {
        **dict.fromkeys(("command", "script", "entrypoint", "python"), "program"),
        **dict.fromkeys(("parameters", "params", "args", "configuration", "defaults"), "config"),
        **dict.fromkeys(("env", "variables"), "environment"),
        **dict.fromkeys(("timeout", "timeout_s", "time_limit"), "timeout_minutes"),
    },
    StudyFile: {
        **dict.fromkeys(("name", "project", "experiment"), "study"),
        **dict.fromkeys(("parameters", "params", "search_space", "space", "sweep"), "factors"),
        **dict.fromkeys(("objective", "direction"), "metric"),
        **dict.fromkeys(("program", "command", "run"), "trial"),
        **dict.fromkeys(("hypotheses", "tests"), "claims"),
        **dict.fromkeys(("retries", "max_retries"), "retry"),
    },
}
_UNIONS: Final[Mapping[str, Callable[[object], str]]] = {
    "unknown_design": unknown_design,
    "unknown_program": unknown_program,
    "unknown_source": unknown_source,
}


def problems_in(error: ValidationError, model: type[BaseModel]) -> tuple[Problem, ...]:
    """Return the problems of an error about a study file."""
    return problems_of(error, model, unknown_key=unknown_key, custom=_UNIONS)


def unknown_key(word: str, owner: type[BaseModel] | None) -> str:
    """Return what is wrong with a key that its section does not have."""
    if owner is RetryEntry:
        return unknown_reason(word)
    meant = _OTHER_WORDS.get(owner, {}).get(word.lower()) if owner is not None else None
    if meant is None:
        return plain_unknown_key(word, owner)
    return f"{shown(word)} is an unknown key. Did you mean {meant!r}?"


def unknown_reason(word: str) -> str:
    """Return what is wrong with a key of `retry` that is not an exit reason with retries."""
    keys = sorted(RetryEntry.model_fields)
    allowed = f"Reasons: {', '.join(keys)}."
    if word in FINAL_REASONS:
        return f"{shown(word)} ends a trial for good, so it has no retries. Remove it. {allowed}"
    if word in FREE_REASONS:
        return f"{shown(word)} attempts always resume and are not counted. Remove it. {allowed}"
    return f"{shown(word)} is not an exit reason.{suggestion(word, keys)} {allowed}"
