"""Arms in claims: the levels behind the names that they use, and what is wrong with how they use them."""

from collections.abc import Iterator, Mapping
from typing import TypeVar

from sweeper.designs.levels import Level
from sweeper.spec.arm_names import Arms
from sweeper.spec.entries.claims import (
    ArmContrastEntry,
    ArmEntry,
    ArmInteractionEntry,
    ArmTrendEntry,
    ConstantEntry,
    LevelsEntry,
    OtherPhasesEntry,
    StatementEntry,
)
from sweeper.spec.names import unknown
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown

_Pair = TypeVar("_Pair", bound=ArmContrastEntry)


def with_levels(statement: StatementEntry, arms: Arms) -> StatementEntry:
    """Return a statement without mistakes of `arm_faults`, with the levels of the arms that it names."""
    match statement:
        case ArmInteractionEntry(other=OtherPhasesEntry(phases=[first, second])):
            names: dict[str, object] = {"from": statement.start, "to": statement.to, "where": statement.where}
            other = ArmContrastEntry.model_validate({"phase": second, **names})
            here = statement.model_copy(update={"phase": first})
            return _resolved(here, arms).model_copy(update={"other": _resolved(other, arms)})
        case ArmInteractionEntry(other=ArmContrastEntry() as other):
            return _resolved(statement, arms).model_copy(update={"other": _resolved(other, arms)})
        case ArmContrastEntry():
            return _resolved(statement, arms)
        case ArmTrendEntry():
            ends = {end: _levels(getattr(statement, end), arms) for end in ("start", "to")}
            return statement.model_copy(update=ends)
        case ConstantEntry(arm=str(name)):
            return statement.model_copy(update={"levels": {**arms[name], **statement.levels}})
        case _:
            return statement


def _resolved(statement: _Pair, arms: Arms) -> _Pair:
    ends = {end: _arm(getattr(statement, end), statement, arms) for end in ("start", "to")}
    return statement.model_copy(update=ends)


def _arm(end: ArmEntry | str, statement: ArmContrastEntry, arms: Arms) -> ArmEntry:
    if isinstance(end, str):
        end = ArmEntry(phase=statement.phase or "", arm=end)
    named = arms[end.arm] if end.arm is not None else {}
    return end.model_copy(update={"levels": {**named, **end.levels, **statement.where}})


def _levels(end: LevelsEntry | str, arms: Arms) -> LevelsEntry:
    found = LevelsEntry(arm=end) if isinstance(end, str) else end
    named = arms[found.arm] if found.arm is not None else {}
    return found.model_copy(update={"levels": {**named, **found.levels}})


def arms_in(statement: StatementEntry) -> Iterator[str]:
    """Yield the names of the arms that a statement is about."""
    if isinstance(statement, ConstantEntry | ArmContrastEntry | ArmTrendEntry):
        ends = (statement,) if isinstance(statement, ConstantEntry) else (statement.start, statement.to)
        names = (end if isinstance(end, str) else end.arm for end in ends)
        yield from (name for name in names if name is not None)
    if isinstance(statement, ArmInteractionEntry) and isinstance(statement.other, ArmContrastEntry):
        yield from arms_in(statement.other)


def arm_faults(statement: StatementEntry, arms: Arms) -> Iterator[tuple[KeyPath, str]]:
    """Yield what is wrong with how a statement names arms and their phases."""
    match statement:
        case ArmInteractionEntry(other=other):
            yield from _pair_faults(statement, arms, has_phases=isinstance(other, OtherPhasesEntry))
            if isinstance(other, ArmContrastEntry):
                yield from ((("with", *path), message) for path, message in _pair_faults(other, arms))
            elif other.phases[0] == other.phases[1]:
                yield ("with", "phases", 1), f"{shown(other.phases[1])} is a duplicate. Name two different phases."
        case ArmContrastEntry():
            yield from _pair_faults(statement, arms)
        case ArmTrendEntry():
            for key, end in (("from", statement.start), ("to", statement.to)):
                yield from _end_faults(end, key, statement.where, arms)
        case ConstantEntry():
            yield from _end_faults(statement, "", {}, arms)


def _pair_faults(statement: ArmContrastEntry, arms: Arms, *, has_phases: bool = False) -> Iterator[tuple[KeyPath, str]]:
    ends = {"from": statement.start, "to": statement.to}
    is_named = any(isinstance(end, str) for end in ends.values())
    if has_phases and not all(isinstance(end, str) for end in ends.values()):
        yield ("with",), "phases need two names of arms in from and to. Use e.g. {from: bare, to: recipe}."
    elif has_phases and statement.phase is not None:
        yield ("phase",), f"{shown(statement.phase)} is not allowed with with.phases. Remove one of the two."
    elif is_named and statement.phase is None and not has_phases:
        yield ("phase",), "is missing. Name the phase in which the arms are compared."
    elif not is_named and statement.phase is not None:
        yield ("phase",), f"{shown(statement.phase)} has no effect, since from and to name their own. Remove it."
    for key, end in ends.items():
        yield from _end_faults(end, key, statement.where, arms)


def _end_faults(
    end: ArmEntry | ConstantEntry | LevelsEntry | str, key: str, where: Mapping[str, Level], arms: Arms
) -> Iterator[tuple[KeyPath, str]]:
    here: KeyPath = () if isinstance(end, ConstantEntry) else (key,)
    name, at = (end, here) if isinstance(end, str) else (end.arm, (*here, "arm"))
    own: Mapping[str, Level] = {} if isinstance(end, str) else end.levels
    if name is not None and name not in arms:
        remedy = "" if arms else " Define it in arms."
        of_levels = " To compare levels of a factor, name it in factor." if isinstance(end, str) else ""
        yield at, f"{unknown(name, 'arm', arms)}{remedy}{of_levels}"
        return
    named = arms[name] if name is not None else {}
    for factor in own.keys() & named.keys():
        yield (*here, "levels", factor), f"the arm {name} has a level of {factor} already. Remove it here."
    for factor in where.keys() & {**named, **own}.keys():
        yield ("where", factor), f"the configuration in {key} has a level of {factor} already. Remove it here."
