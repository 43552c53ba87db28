"""A factor: a named setting of the program, with its levels or its range."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from sweeper.designs.levels import Configuration, Level, distinct_levels, level_key, same_level
from sweeper.errors import UsageError


class DesignError(UsageError):
    """A design cannot be made of its factors."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """The numbers that a sampler may draw.

    Attributes:
        low: the lower end, included.
        high: the upper end, included.
        log: whether the range is searched on a logarithmic scale.
        step: the distance between two values; None for no grid.
    """

    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None

    @property
    def highest(self) -> int | float:
        """The highest value that can be drawn: the last one on the grid of `step`, or the upper end without one."""
        if self.step is None or self.log:
            return self.high
        low, high, step = (Decimal(str(number)) for number in (self.low, self.high, self.step))
        found = low + (high - low) // step * step
        if found == high:
            return self.high
        return int(found) if found == int(found) and isinstance(self.high, int) else float(found)

    def __contains__(self, level: object) -> bool:
        is_number = isinstance(level, int | float) and not isinstance(level, bool)
        return is_number and self.low <= level <= self.high  # type: ignore[operator] # a number, as just checked


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """The numbers between two ends, both included; None for no end."""

    low: int | float | None = None
    high: int | float | None = None

    def __contains__(self, level: object) -> bool:
        if isinstance(level, bool) or not isinstance(level, int | float):
            return False
        return (self.low is None or level >= self.low) and (self.high is None or level <= self.high)

    def __str__(self) -> str:
        if self.low is not None and self.high is not None:
            return f"from {self.low} to {self.high}"
        return f"{self.low} or more" if self.low is not None else f"{self.high} or less"


Condition = tuple[Level, ...] | Between  # the levels of another factor at which a factor is varied


def meets(level: Level, condition: Condition) -> bool:
    """Return whether a level is one of those that a condition has."""
    if isinstance(condition, Between):
        return level in condition
    return any(same_level(level, wanted) for wanted in condition)


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor:
    """A factor, whatever its form in the study file.

    Attributes:
        path: the dotted path of its value in the program's configuration; None for groups.
        levels: its levels; None for a range.
        baseline: its level in the baseline configuration; None also for a range without a baseline.
        range: the range that samplers draw from; None for levels.
        groups: what each named level sets, by dotted path; None if the factor sets a single path.
        when: the levels of other factors at which this one is varied; elsewhere it stays at its baseline.
        known_baseline: whether it has a baseline, for a factor as a phase adapts it; None to tell by what it has.
    """

    name: str
    path: str | None = None
    levels: tuple[Level, ...] | None = None
    baseline: Level = None
    range: Range | None = None
    groups: Mapping[str, Mapping[str, Level]] | None = None
    when: Mapping[str, Condition] = field(default_factory=dict)
    known_baseline: bool | None = field(default=None, compare=False)
    _by_key: dict[str, Level] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def has_baseline(self) -> bool:
        """Whether there is a baseline level; a range that the configuration does not mention has none."""
        if self.known_baseline is not None:
            return self.known_baseline
        return self.levels is not None or self.baseline is not None

    @property
    def all_levels(self) -> tuple[Level, ...]:
        """The baseline and the levels, without duplicates."""
        return distinct_levels((self.baseline, *(self.levels or ())))

    @property
    def listed_levels(self) -> tuple[Level, ...]:
        """The levels, without duplicates.

        Raises:
            DesignError: the factor has a range.
        """
        if self.levels is not None:
            return distinct_levels(self.levels)
        ends = f" from {self.range.low} to {self.range.high}" if self.range is not None else ""
        raise DesignError(
            f"factor {self.name!r} has a range{ends}, which only samplers draw from. "
            "Give it levels, or limit the phase to other factors (factors: [...])"
        )

    @property
    def other_levels(self) -> tuple[Level, ...]:
        """The levels besides the baseline.

        Raises:
            DesignError: the factor has a range.
        """
        return tuple(level for level in self.listed_levels if not same_level(level, self.baseline))

    @property
    def full_level(self) -> Level:
        """The level with the component in: the last one, which is ``on`` of on and off.

        Raises:
            DesignError: the factor has a range.
        """
        return self.listed_levels[-1]

    @property
    def left_out_level(self) -> Level:
        """The level without the component: the baseline, or the first other level if the baseline is the full one.

        Raises:
            DesignError: there is no other level.
        """
        if not same_level(self.baseline, self.full_level):
            return self.baseline
        if not self.other_levels:
            raise DesignError(f"factor {self.name!r} has only one level, {self.full_level!r}. Add a second one")
        return self.other_levels[0]

    @property
    def two_levels(self) -> tuple[Level, Level]:
        """The baseline and the other level.

        Raises:
            DesignError: there is more than one other level or none, or the factor depends on another one.
        """
        others = self.other_levels
        if len(others) != 1:
            levels = ", ".join(map(str, (self.baseline, *others)))
            raise DesignError(
                f"a two-level design needs the baseline and one other level of each factor, but factor {self.name!r} "
                f"has {1 + len(others)} levels: {levels}. Keep one of them, or use grid"
            )
        if self.when:
            raise DesignError(
                f"factor {self.name!r} depends on another one (when), so a two-level design would not be balanced. "
                "Use grid, or limit the phase to other factors (factors: [...])"
            )
        return self.baseline, others[0]

    @property
    def paths(self) -> tuple[str, ...]:
        """The dotted paths that the factor sets."""
        if self.groups is not None:
            return tuple(dict.fromkeys(path for group in self.groups.values() for path in group))
        return (self.path or self.name,)

    def values(self, level: Level) -> Mapping[str, Level]:
        """Return what a level sets, by dotted path.

        Raises:
            KeyError: the factor has named levels, and this is not one of them.
        """
        if self.groups is not None:
            return self.groups[str(level)]
        return {self.path or self.name: level}

    def has_named(self, level: Level) -> bool:
        """Return whether a level is one of the named ones; true for every level if the factor has none."""
        return self.groups is None or (isinstance(level, str) and level in self.groups)

    def allows(self, level: Level) -> bool:
        """Return whether a level is the baseline, one of the levels, or in the range."""
        if level_key(level) in self._known():
            return True
        return self.range is not None and level in self.range

    def canonical(self, level: Level) -> Level:
        """Return a level as the factor writes it: 0 as its 0.0."""
        return self._known().get(level_key(level), level)

    def _known(self) -> Mapping[str, Level]:
        """Return the levels and the baseline by their keys, as the factor writes them first."""
        if not self._by_key:
            for level in (*(self.levels or ()), self.baseline):
                self._by_key.setdefault(level_key(level), level)
        return self._by_key

    def is_active(self, configuration: Mapping[str, Level]) -> bool:
        """Return whether the factors that this one depends on have levels at which it is varied."""
        return all(meets(configuration.get(other), condition) for other, condition in self.when.items())

    def with_baseline(self, level: Level) -> "Factor":
        """Return the factor with another baseline."""
        return replace(self, baseline=level)

    def with_levels(self, levels: "tuple[Level, ...] | Range | None") -> "Factor":
        """Return the factor with other levels or another range; unchanged for None."""
        if levels is None:
            return self
        if isinstance(levels, Range):
            return replace(self, levels=None, range=levels)
        return replace(self, levels=levels, range=None)


Factors = Mapping[str, Factor]


def complete(configuration: Mapping[str, Level], factors: Factors) -> Configuration:
    """Return a level for every factor, in the factors' order: the given one, else the baseline where there is one."""
    return {
        name: configuration.get(name, factor.baseline)
        for name, factor in factors.items()
        if name in configuration or factor.has_baseline
    }


def canonical_row(row: Mapping[str, Level], factors: Factors) -> Configuration:
    """Return levels as the factors write them; those of unknown factors as they are."""
    return {name: factors[name].canonical(level) if name in factors else level for name, level in row.items()}


def settled(configuration: Mapping[str, Level], factors: Factors) -> Configuration:
    """Return the configuration with every factor whose condition does not hold at its baseline.

    A factor may depend on one that depends on a third, so conditions are checked until nothing changes.
    """
    result = dict(configuration)
    conditional = [(name, factor) for name, factor in factors.items() if factor.when and name in result]
    for _ in conditional:
        changed = False
        for name, factor in conditional:
            if not factor.is_active(result) and not same_level(result[name], factor.baseline):
                result[name] = factor.baseline
                changed = True
        if not changed:
            break
    return result
