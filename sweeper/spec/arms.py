"""Arms: configurations with names, and the levels behind the names that claims and reports use."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from sweeper.designs.factor import Factors
from sweeper.designs.levels import Level, level_key, same_level
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
from sweeper.spec.phase import Phase
from sweeper.spec.study import Study
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import shown

Arms = Mapping[str, Mapping[str, Level]]
_Pair = TypeVar("_Pair", bound=ArmContrastEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmNames:
    """The arms of a study, by which configurations are called.

    Attributes:
        arms: by name the levels that are not at the baseline.
        factors: by whose baselines levels count.
        phases: by name those that may have baselines of their own.
        strata: factors whose levels do not make a configuration another one, unless its arm names them.
    """

    arms: Arms = field(default_factory=dict)
    factors: Factors = field(default_factory=dict)
    phases: Mapping[str, Phase] = field(default_factory=dict)
    strata: tuple[str, ...] = ()

    @classmethod
    def of(cls, study: Study) -> "ArmNames":
        """Return those of a study."""
        phases = {phase.name: phase for phase in study.phases} if study.arms else {}
        return cls(arms=study.arms, factors=study.factors, phases=phases, strata=study.strata)

    def name(self, levels: Mapping[str, Level], phase: str | None = None) -> str | None:
        """Return the name of a configuration, see `arm_name`."""
        if not self.arms:
            return None
        changed = self._changed(levels, phase)
        for name, wanted in self.arms.items():
            own = self._changed(wanted, phase)
            if own == {factor: key for factor, key in changed.items() if factor in own or factor not in self.strata}:
                return name
        return None

    def rest(self, levels: Mapping[str, Level], phase: str | None = None) -> dict[str, Level]:
        """Return the levels of a configuration that its name does not say: for an arm, those of strata."""
        name = self.name(levels, phase)
        said = {} if name is None else self.arms[name]
        return {
            factor: level
            for factor, level in levels.items()
            if factor not in said and (name is None or factor in self.strata)
        }

    def _changed(self, levels: Mapping[str, Level], phase: str | None) -> dict[str, str]:
        """Return the levels that are not the baseline, by their keys."""
        found, of_phase = {}, self.phases.get(phase) if phase is not None else None
        for name, level in levels.items():
            factor = self.factors.get(name)
            if factor is not None and of_phase is not None:
                factor = of_phase.adapt(factor)
            if factor is None or not same_level(level, factor.baseline):
                found[name] = level_key(level)
        return found


def arm_name(study: Study, levels: Mapping[str, Level], phase: str | None = None) -> str | None:
    """Return the name of the arm that a configuration is; None if the study does not name it.

    Args:
        levels: of all factors, or of those that are not at their baselines; a stratum does not count, unless the arm
            names it.
        phase: where the configuration runs, if the phase has baselines of its own.
    """
    return ArmNames.of(study).name(levels, phase)


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
