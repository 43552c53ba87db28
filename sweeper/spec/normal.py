"""Factors in one form: levels, a range, or named groups of values."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sweeper.designs.configuration import get_path
from sweeper.designs.levels import distinct_levels, same_level
from sweeper.spec.factors import Factor

MISSING = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class NormalFactor:
    """A factor whatever its form in the file.

    Attributes:
        path: the dotted path of its value; None for groups.
        levels: its levels; None for a range.
        baseline: the level of the baseline configuration.
        low, high, log, step: a range that samplers search.
        groups: values by dotted path of each named level.
        when: levels of other factors under which this one is varied.
    """

    name: str
    path: str | None
    levels: tuple[Any, ...] | None
    baseline: Any
    low: int | float | None = None
    high: int | float | None = None
    log: bool = False
    step: int | float | None = None
    groups: Mapping[str, Mapping[str, Any]] | None = None
    when: Mapping[str, tuple[Any, ...]] | None = None

    @property
    def full(self) -> Any:
        """The level of the full configuration: the last one."""
        return self.levels[-1] if self.levels else self.high

    @property
    def all_levels(self) -> tuple[Any, ...]:
        """The baseline and the levels, each once."""
        return distinct_levels((self.baseline, *(self.levels or ())))

    @property
    def paths(self) -> tuple[str, ...]:
        """The dotted paths that it sets."""
        if self.groups is not None:
            return tuple(dict.fromkeys(path for group in self.groups.values() for path in group))
        return (self.path,) if self.path is not None else ()

    def allows(self, level: object) -> bool:
        """Whether a level is one of its levels, its baseline, or within its range."""
        if any(same_level(level, each) for each in self.all_levels):
            return True
        number = isinstance(level, int | float) and not isinstance(level, bool)
        return self.low is not None and self.high is not None and number and self.low <= level <= self.high  # type: ignore[operator]

    def canonical(self, level: Any) -> Any:
        """A level as the factor writes it: 0 is its 0.0."""
        return next((each for each in self.all_levels if same_level(each, level)), level)

    def with_baseline(self, level: Any) -> "NormalFactor":
        """The factor with another baseline, written as the level that equals it."""
        return replace(self, baseline=next((each for each in self.levels or () if same_level(each, level)), level))

    def values(self, level: Any) -> Mapping[str, Any]:
        """What a level sets, by dotted path."""
        if self.groups is not None:
            return self.groups[level]
        assert self.path is not None
        return {self.path: level}

    def as_document(self) -> dict[str, Any]:
        """The factor in the study's document."""
        return {
            "path": self.path,
            "levels": None if self.levels is None else list(self.levels),
            "baseline": self.baseline,
            "low": self.low,
            "high": self.high,
            "log": self.log,
            "step": self.step,
            "groups": None if self.groups is None else {level: dict(group) for level, group in self.groups.items()},
            "when": None if self.when is None else {name: list(levels) for name, levels in self.when.items()},
        }


def levels_of(factor: Factor) -> tuple[tuple[Any, ...] | None, dict[str, dict[str, Any]] | None]:
    """A factor's levels and, where they have names, what each sets."""
    if factor.on is not None and factor.off is not None:
        return ("off", "on"), {"off": factor.off, "on": factor.on}
    if isinstance(factor.levels, dict):
        return tuple(factor.levels), dict(factor.levels)
    if factor.groups is not None:
        return tuple(factor.levels if factor.levels is not None else factor.groups), dict(factor.groups)
    return (None if factor.levels is None else tuple(factor.levels)), None


def normal_factor(name: str, factor: Factor, config: Mapping[str, Any]) -> NormalFactor:
    """A checked factor in its one form.

    Args:
        config: the baseline configuration, defaults included as far as they are known.
    """
    levels, groups = levels_of(factor)
    path = None if groups is not None else factor.path or name
    of_config = get_path(config, path, MISSING) if path is not None else MISSING
    number = float if isinstance(of_config, float) else _as_it_is  # whole numbers would make a range of whole numbers
    found = NormalFactor(
        name=name,
        path=path,
        levels=levels,
        baseline=None,
        low=None if factor.low is None else number(factor.low),
        high=None if factor.high is None else number(factor.high),
        log=factor.log,
        step=None if factor.step is None else number(factor.step),
        groups=groups,
        when=None if not factor.when else {other: tuple(wanted) for other, wanted in factor.when.items()},
    )
    baseline = factor.baseline if "baseline" in factor.model_fields_set else _baseline(factor, found, config)
    return found.with_baseline(baseline)


def _as_it_is(number: int | float) -> int | float:
    return number


def _baseline(factor: Factor, found: NormalFactor, config: Mapping[str, Any]) -> Any:
    """The level that the file does not name: the config's, else the first."""
    first = found.levels[0] if found.levels else None
    if factor.on is not None:
        return "off"
    if found.groups is not None:
        for level, values in found.groups.items():
            if all(same_level(get_path(config, path, MISSING), value) for path, value in values.items()):
                return level
        return first
    value = get_path(config, found.path or "", MISSING)
    return value if value is None or isinstance(value, bool | int | float | str) else first
