"""From the entries of a study file to the typed study."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal

from sweeper.designs.factor import Between, Factor, Factors, Range, canonical_row
from sweeper.designs.kinds import (
    Design,
    FractionalDesign,
    LadderDesign,
    ListDesign,
    PromoteDesign,
    SamplerDesign,
    SimpleDesign,
)
from sweeper.designs.levels import Level, distinct_levels, same_level
from sweeper.designs.paths import Config, get_path
from sweeper.spec.entries.claims import ClaimEntry
from sweeper.spec.entries.designs import (
    FractionalDesignEntry,
    LadderDesignEntry,
    ListDesignEntry,
    PromoteDesignEntry,
    SamplerDesignEntry,
)
from sweeper.spec.entries.factors import BetweenEntry, FactorEntry
from sweeper.spec.entries.metric import MeanOfLastEntry, MetricEntry
from sweeper.spec.entries.metric_sources import JsonSourceEntry, SourceEntry, TensorBoardSourceEntry
from sweeper.spec.entries.phases import BudgetEntry, PhaseEntry, RangeEntry, SeedsEntry
from sweeper.spec.entries.study import CommandProgramEntry, DecideEntry, PythonProgramEntry, TrialEntry
from sweeper.spec.metric import BEST, CurveValue, Metric, default_scale, metric_named
from sweeper.spec.metric_source import MetricSource
from sweeper.spec.phase import BUDGET_UNITS, OWN_LENGTH, AdaptiveSeeds, Budget, Phase, Pruner
from sweeper.spec.program import IMPORTED, TRAINER, CommandProgram, Program, PythonProgram, Trial
from sweeper.spec.study import Decide

MISSING = object()


def metric_of(entry: MetricEntry, usual: CurveValue = BEST) -> Metric:
    """Return a metric, with the default of its scale.

    Args:
        usual: which point of a curve is its value, if the entry does not say.
    """
    point = entry.value
    return Metric(
        name=entry.name,
        direction=entry.direction,
        scale=entry.scale or default_scale(entry.name),
        value=usual if point is None else _curve_value(point),
        is_usual_value=point is None,
    )


def _curve_value(point: Literal["best", "last", "best_length"] | MeanOfLastEntry) -> CurveValue:
    if isinstance(point, MeanOfLastEntry):
        return CurveValue("mean_of_last", point.mean_of_last)
    return CurveValue(point)


def claim_metrics(claims: Iterable[ClaimEntry], own: Metric, *, is_trainer: bool) -> dict[str, Metric]:
    """Return the metrics that claims are about, by name: as the study declares them, a claim, or the trainer.

    Args:
        own: the study's metric.
        is_trainer: whether the program is the built-in trainer.
    """
    found = {own.name: own}
    entries = list(claims)
    for claim in entries:
        if isinstance(claim.metric, MetricEntry):
            found.setdefault(claim.metric.name, claimed_metric(claim.metric, own))
    for claim in entries:
        if isinstance(claim.metric, str):
            found.setdefault(claim.metric, metric_named(claim.metric, own, is_trainer=is_trainer))
    return found


def claimed_metric(entry: MetricEntry, own: Metric) -> Metric:
    """Return the metric that a claim declares; its value is at the study's point of the curve unless it says so."""
    metric = metric_of(entry, own.value)
    return replace(metric, is_usual_value=metric.is_usual_value and own.is_usual_value)


def trial_of(entry: TrialEntry) -> Trial:
    """Return what each trial runs."""
    return Trial(
        program=_program(entry.program),
        config=entry.config,
        environment=entry.environment,
        timeout_minutes=entry.timeout_minutes,
        cwd=entry.cwd,
        steps_per_hour=None if entry.calibration is None else entry.calibration.steps_per_hour,
    )


def _program(entry: str | PythonProgramEntry | CommandProgramEntry) -> Program:
    if isinstance(entry, PythonProgramEntry):
        return PythonProgram(entry.python)
    if isinstance(entry, CommandProgramEntry):
        return _command(entry)
    return IMPORTED if entry == "imported" else TRAINER


def _command(entry: CommandProgramEntry) -> CommandProgram:
    items = entry.metrics if isinstance(entry.metrics, list) else [entry.metrics or {}]
    return CommandProgram(
        tuple(entry.command),
        {name: pattern for item in items if isinstance(item, dict) for name, pattern in item.items()},
        entry.checkpoint,
        tuple(_source(item) for item in items if not isinstance(item, dict)),
    )


def _source(entry: SourceEntry) -> MetricSource:
    return MetricSource(
        kind=entry.kind,
        place=entry.place,
        names=entry.metrics,
        step=None if isinstance(entry, TensorBoardSourceEntry) else entry.step,
        path=entry.path if isinstance(entry, JsonSourceEntry) else None,
    )


def factor_of(name: str, entry: FactorEntry, config: Config) -> Factor:
    """Return a factor whose form is in order.

    Args:
        config: the baseline configuration, with defaults as far as they are known.
    """
    levels, groups = _levels_and_groups(entry)
    path = None if groups is not None else entry.path or name
    factor = Factor(
        name=name,
        path=path,
        levels=levels,
        range=_range(entry, get_path(config, path, MISSING) if path is not None else MISSING),
        groups=groups,
        when={
            other: Between(low=wanted.low, high=wanted.high) if isinstance(wanted, BetweenEntry) else tuple(wanted)
            for other, wanted in (entry.when or {}).items()
        },
    )
    baseline = entry.baseline if "baseline" in entry.model_fields_set else _baseline(entry, factor, config)
    return factor.with_baseline(factor.canonical(baseline))


def _levels_and_groups(entry: FactorEntry) -> tuple[tuple[Level, ...] | None, Mapping[str, Mapping[str, Level]] | None]:
    """Return a factor's levels and, if they have names, what each sets."""
    if entry.on is not None and entry.off is not None:
        return ("off", "on"), {"off": entry.off, "on": entry.on}
    if isinstance(entry.levels, dict):
        return tuple(entry.levels), entry.levels
    if entry.groups is not None:
        return tuple(entry.levels if entry.levels is not None else entry.groups), entry.groups
    return (None if entry.levels is None else tuple(entry.levels)), None


def _range(entry: FactorEntry | RangeEntry, like: object) -> Range | None:
    """Return a range of floats if `like` is one; otherwise, two integers would be a range of integers."""
    if entry.low is None or entry.high is None:
        return None
    low, high, step = entry.low, entry.high, entry.step
    if isinstance(like, float):
        low, high, step = float(low), float(high), None if step is None else float(step)
    return Range(low=low, high=high, log=entry.log, step=step)


def _baseline(entry: FactorEntry, factor: Factor, config: Config) -> Level:
    """Return the baseline that the file leaves out: the config's value, else the first level."""
    first = factor.levels[0] if factor.levels else None
    if entry.on is not None:
        return "off"
    if factor.groups is not None:
        for level, values in factor.groups.items():
            if all(same_level(get_path(config, path, MISSING), value) for path, value in values.items()):
                return level
        return first
    value = get_path(config, factor.path or factor.name, MISSING)
    if value is MISSING or (factor.range is not None and isinstance(value, bool | str | list | Mapping)):
        return first
    return value


def phase_of(entry: PhaseEntry, factors: Factors) -> Phase:
    """Return a phase, with levels as the factors write them.

    Args:
        factors: those without mistakes; levels of others stay as they are.
    """
    pruner = entry.pruner
    return Phase(
        name=entry.name,
        design=_design(entry, factors),
        budget=_budget(entry.budget),
        factors=None if entry.factors is None else tuple(entry.factors),
        seeds=seeds_of(entry),
        adaptive=_adaptive(entry),
        pruner=Pruner(name=pruner) if isinstance(pruner, str) else Pruner(**pruner.model_dump()),
        config=entry.config,
        exclude=tuple(canonical_row(row, factors) for row in entry.exclude),
        repeats=entry.repeats,
        blocks=tuple(entry.blocks),
        levels={name: _own_levels(own, factors[name]) for name, own in entry.levels.items() if name in factors},
    )


def seeds_of(entry: PhaseEntry, most: int = 100_001) -> tuple[int, ...]:
    """Return a phase's seeds, those that every configuration gets; of very many, the first."""
    if isinstance(entry.seeds, list):
        return tuple(entry.seeds)
    number = entry.seeds.first if isinstance(entry.seeds, SeedsEntry) else entry.seeds
    return tuple(range(min(number, most)))


def _adaptive(entry: PhaseEntry) -> AdaptiveSeeds | None:
    seeds = entry.seeds
    if not isinstance(seeds, SeedsEntry):
        return None
    return AdaptiveSeeds(first=seeds.first, most=seeds.most if isinstance(seeds.most, int) else None)


def decide_of(entry: DecideEntry) -> Decide:
    """Return how claims are decided."""
    return Decide(
        spending=entry.spending,
        futility=entry.futility or None,
        order=entry.order,
        is_usual_spending="spending" not in entry.model_fields_set,
    )


def _budget(entry: BudgetEntry | None) -> Budget:
    if entry is None:
        return OWN_LENGTH
    given = [(unit, getattr(entry, unit)) for unit in BUDGET_UNITS if getattr(entry, unit) is not None]
    return next((Budget(unit, amount) for unit, amount in given), Budget("steps", 1))


def _own_levels(own: list[Level] | RangeEntry, factor: Factor) -> tuple[Level, ...] | Range:
    """Return the levels that a factor has in one phase, or its range, of floats if its baseline is one."""
    if isinstance(own, RangeEntry):
        found = _range(own, factor.baseline)
        assert found is not None
        return found
    known = [level for level in own if factor.has_named(level)]
    return distinct_levels([factor.canonical(level) for level in known or factor.levels or ()])


def _design(entry: PhaseEntry, factors: Factors) -> Design:  # noqa: PLR0911 - a case per design
    """Return the design; a ladder by name gets its factors, whose order in the file is part of it."""
    match entry.design:
        case "ladder":
            return LadderDesign(tuple(entry.factors if entry.factors is not None else factors))
        case str(kind):
            return SimpleDesign(kind)
        case ListDesignEntry(rows=rows):
            return ListDesign(tuple(canonical_row(row, factors) for row in rows))
        case LadderDesignEntry(ladder=names):
            return LadderDesign(tuple(names))
        case FractionalDesignEntry(fractional=rule):
            return (
                FractionalDesign(rule) if isinstance(rule, int) else FractionalDesign(rule.resolution, rule.generators)
            )
        case SamplerDesignEntry() as design:
            return SamplerDesign(design.sampler, design.trials, design.options, design.duplicates)
        case PromoteDesignEntry() as design:
            return PromoteDesign(design.promote, design.top, design.start)
