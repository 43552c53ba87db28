"""A phase: one design over some factors, at one budget."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal, get_args

from sweeper.designs.factor import Factor, Range
from sweeper.designs.kinds import Design
from sweeper.designs.levels import Level
from sweeper.designs.paths import Config, get_path, merged

GivenUnit = Literal["steps", "tokens", "epochs", "reference_hours"]
BudgetUnit = GivenUnit | Literal["runs"]
PrunerName = Literal["none", "median", "asha", "hyperband", "wilcoxon"]

BUDGET_UNITS: Final[tuple[GivenUnit, ...]] = get_args(GivenUnit)  # those that a study file can name
PRUNERS: Final[tuple[PrunerName, ...]] = get_args(PrunerName)
MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Budget:
    """How long each trial of a phase trains.

    Attributes:
        unit: runs for a program that ends by itself: one run, however long that is.
    """

    unit: BudgetUnit
    amount: int | float


OWN_LENGTH: Final = Budget("runs", 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pruner:
    """What ends poor trials early.

    Attributes:
        reduction: the fraction of trials that continue at each rung is 1 / reduction; None for the pruner's default.
        min_resource: the share of the budget before which no trial is ended; None for the pruner's default.
    """

    name: PrunerName = "none"
    reduction: int | None = None
    min_resource: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AdaptiveSeeds:
    """Seeds that are added until the claims are decided: 0, 1, 2, …

    Attributes:
        first: the number that every configuration gets.
        most: the number that a configuration gets at most; None for no maximum.
    """

    first: int
    most: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """A phase of a study.

    Attributes:
        factors: the factors that the design varies; None for all.
        seeds: the seeds that each configuration runs with; with adaptive seeds, the first ones.
        adaptive: how many seeds are added until claims are decided; None for no others.
        config: changes to the baseline configuration in this phase.
        exclude: combinations of levels that are left out.
        repeats: exact repeats of each configuration, seed and budget.
        blocks: factors at each of whose levels the whole design is repeated.
        levels: levels or ranges that factors have in this phase only.
    """

    name: str
    design: Design
    budget: Budget
    factors: tuple[str, ...] | None = None
    seeds: tuple[int, ...] = (0,)
    adaptive: AdaptiveSeeds | None = None
    pruner: Pruner = field(default_factory=Pruner)
    config: Config = field(default_factory=dict)
    exclude: tuple[Mapping[str, Level], ...] = ()
    repeats: int = 1
    blocks: tuple[str, ...] = ()
    levels: Mapping[str, tuple[Level, ...] | Range] = field(default_factory=dict)

    def adapt(self, factor: Factor) -> Factor:
        """Return a factor with the levels and the baseline that it has in this phase."""
        baseline = self._baseline(factor) if factor.has_baseline else None
        adapted = factor.with_levels(self.levels.get(factor.name)).with_baseline(baseline)
        # Levels of its own in a phase give a range no baseline, and a phase's null takes none away.
        return replace(adapted, known_baseline=factor.has_baseline)

    def _baseline(self, factor: Factor) -> Level:
        """Return the level that the phase's own config sets, else the factor's baseline."""
        if factor.groups is None:
            (path,) = factor.paths
            level = get_path(self.config, path, MISSING)
            if isinstance(level, Mapping) and isinstance(factor.baseline, Mapping):
                return factor.canonical(merged(factor.baseline, level))  # as it changes the study's config
            return factor.baseline if level is MISSING else level
        for level in factor.levels or ():
            if all(get_path(self.config, path, MISSING) == value for path, value in factor.values(level).items()):
                return level
        return factor.baseline
