"""Mistakes in the statements of claims about a frame, and the factors that statements name."""

from collections.abc import Iterator, Mapping

from sweeper.designs.levels import level_key, same_level
from sweeper.importing.frame import RunFrame
from sweeper.spec.entries.claims import (
    ArmContrastEntry,
    ArmEntry,
    ArmInteractionEntry,
    ArmTrendEntry,
    ConstantEntry,
    ContrastEntry,
    InteractionEntry,
    LevelsEntry,
    OrderingEntry,
    OtherFactorEntry,
    StatementEntry,
    TrendEntry,
)
from trainer.config.wording import Path, shown, suggestion


def unknown_factor(name: str, runs: RunFrame) -> str:
    """Return what is wrong with the name of a factor that a frame does not have."""
    near, known = suggestion(name, list(runs.factors)), ", ".join(runs.factors) or "none"
    return f"{shown(name)} is not a factor.{near} Factors: {known}."


def repeats(statement: StatementEntry, runs: RunFrame) -> Iterator[tuple[Path, str]]:
    """Yield where a statement compares a level or a factor with itself."""
    match statement:
        case ContrastEntry() | InteractionEntry():
            if statement.factor in getattr(statement, "where", ()):
                yield ("where", statement.factor), "is the factor that is compared. Remove it here."
            if same_level(statement.start, statement.to):
                yield ("to",), f"{shown(statement.to)} is the same level as from. Name another one."
            other = statement.other if isinstance(statement, InteractionEntry) else None
            if isinstance(other, OtherFactorEntry) and same_level(other.start, other.to):
                yield ("with", "to"), f"{shown(other.to)} is the same level as from. Name another one."
            if isinstance(other, OtherFactorEntry) and other.factor == statement.factor:
                yield ("with", "factor"), f"{shown(other.factor)} is the factor itself. Name another one."
        case ArmContrastEntry():
            start, to = _arms_of(statement)
            if _configuration(start.levels, runs) == _configuration(to.levels, runs):
                yield ("to", "levels"), "are the same as those of from. Name another configuration."
            if isinstance(statement, ArmInteractionEntry) and isinstance(statement.other, ArmContrastEntry):
                yield from ((("with", *path), message) for path, message in repeats(statement.other, runs))
        case TrendEntry() | ArmTrendEntry():
            yield from _trend_faults(statement, runs)
        case OrderingEntry():
            yield from _ordering_faults(statement)


def _arms_of(statement: ArmContrastEntry) -> tuple[ArmEntry, ArmEntry]:
    """Return both ends of a statement whose arms have their levels."""
    start, to = statement.start, statement.to
    assert isinstance(start, ArmEntry)
    assert isinstance(to, ArmEntry)
    return start, to


def _configuration(levels: Mapping[str, object], runs: RunFrame) -> str:
    """Return the key of a configuration: factors that it does not name are at their baselines, strata at all levels."""
    baseline = {name: factor.baseline for name, factor in runs.factors.items() if name not in runs.strata}
    return level_key({**baseline, **levels})


def _trend_faults(statement: TrendEntry | ArmTrendEntry, runs: RunFrame) -> Iterator[tuple[Path, str]]:
    if statement.phases is not None:
        yield ("phases",), "a frame has no phases. Use over, with the name of a column."
        return
    if statement.over is None:
        yield ("over",), "is missing. Name the column of numbers over which the gain changes."
        return
    fixed: set[str] = set(statement.where)
    if isinstance(statement, TrendEntry):
        fixed.add(statement.factor)
        if same_level(statement.start, statement.to):
            yield ("to",), f"{shown(statement.to)} is the same level as from. Name another one."
    else:
        start, to = _levels_of(statement)
        fixed |= {*start, *to}
        if _configuration(start, runs) == _configuration(to, runs):
            yield ("to",), "is the same configuration as from. Name another one."
    if statement.over in fixed:
        yield ("over",), f"{shown(statement.over)} is fixed by what is compared. Name another factor."


def _levels_of(statement: ArmTrendEntry) -> list[Mapping[str, object]]:
    """Return the levels of both ends of a statement whose arms have their levels."""
    return [end.levels for end in (statement.start, statement.to) if isinstance(end, LevelsEntry)]


def _ordering_faults(statement: OrderingEntry) -> Iterator[tuple[Path, str]]:
    by_largest = statement.largest is not None and statement.among is not None and statement.order is None
    if not by_largest and (statement.order is None or statement.largest is not None or statement.among is not None):
        yield (), "needs either largest and among, or order. Use e.g. {'order': ['dropout', 'depth']}."
        return
    names = (statement.among if by_largest else statement.order) or []
    key = "among" if by_largest else "order"
    if len({*names, statement.largest or next(iter(names), "")}) < 2:
        yield (key,), f"{shown(names)} leaves nothing to compare: an ordering needs two factors. Add another one."
    elif not by_largest and len(set(names)) < len(names):
        yield (key,), f"{shown(names)} has a duplicate. Name each factor once."
    for name in statement.levels:
        if name not in {*names, statement.largest}:
            yield ("levels", name), f"{shown(name)} is not in the ordering. Remove it, or add it to {key}."


def factors_of(statement: StatementEntry) -> Iterator[tuple[Path, str]]:
    """Yield the factors that a statement names, with the position of each."""
    match statement:
        case ContrastEntry():
            yield ("factor",), statement.factor
            yield from ((("where", name), name) for name in statement.where)
        case InteractionEntry():
            yield ("factor",), statement.factor
            if isinstance(statement.other, OtherFactorEntry):
                yield ("with", "factor"), statement.other.factor
        case ArmContrastEntry():
            for end, arm in zip(("from", "to"), _arms_of(statement), strict=True):
                yield from (((end, "levels", name), name) for name in arm.levels)
            if isinstance(statement, ArmInteractionEntry) and isinstance(statement.other, ArmContrastEntry):
                yield from ((("with", *path), name) for path, name in factors_of(statement.other))
        case TrendEntry() | ArmTrendEntry():
            yield from _factors_of_trend(statement)
        case ConstantEntry():
            yield from ((("levels", name), name) for name in statement.levels)
        case OrderingEntry():
            yield from ((("largest",), name) for name in [statement.largest] if name is not None)
            for key, names in (("among", statement.among), ("order", statement.order)):
                yield from (((key, index), name) for index, name in enumerate(names or ()))
            yield from ((("levels", name), name) for name in statement.levels)


def _factors_of_trend(statement: TrendEntry | ArmTrendEntry) -> Iterator[tuple[Path, str]]:
    yield from ((("over",), name) for name in [statement.over] if name is not None)
    yield from ((("where", name), name) for name in statement.where)
    if isinstance(statement, TrendEntry):
        yield ("factor",), statement.factor
        return
    for key, levels in zip(("from", "to"), _levels_of(statement), strict=True):
        yield from (((key, "levels", name), name) for name in levels)
