"""Claims: statements about the study that its statistics support, refute or leave undecided."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from sweeper.designs.levels import Level
from sweeper.spec.metric import Metric

ClaimForm = Literal["contrast", "ordering", "interaction", "constant", "equivalence", "divergence", "trend"]
Expectation = Literal["decrease", "increase", "no_worse", "below", "above", "equal", "grows", "shrinks", "persists"]
At = Literal["best_length", "same_length"]
Margin = int | float | str  # in the metric's unit, nats for perplexities; or a percentage such as "1%"

ALPHA: Final = 0.05  # the probability of any false verdict in a study
FORMS: Final[tuple[ClaimForm, ...]] = get_args(ClaimForm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """The trials of one configuration in a phase; factors that `levels` leaves out are at their baselines."""

    phase: str
    levels: Mapping[str, Level] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contrast:
    """The effect of a factor: trials are compared that agree in everything else, and in the seed.

    Attributes:
        start: the level that is compared with.
        to: the level that is compared.
        where: only trials with these levels of other factors count.
    """

    phase: str
    factor: str
    start: Level
    to: Level
    where: Mapping[str, Level] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmContrast:
    """The difference between two configurations, paired by seed."""

    start: Arm
    to: Arm


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordering:
    """Which gains are larger than others; a factor's gain is that of its best level over the baseline.

    Attributes:
        largest: the factor with the largest gain, and `among`, those that it is compared with; or
        order: factors by their gains, the largest first.
        levels: by factor the level whose gain counts, instead of the best one.
    """

    phase: str
    largest: str | None = None
    among: tuple[str, ...] = ()
    order: tuple[str, ...] = ()
    levels: Mapping[str, Level] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """How the effect of a factor differs between two levels of another one.

    Attributes:
        other: the other factor.
        other_start: its level for the first effect.
        other_to: its level for the second effect, from which the first is subtracted.
    """

    phase: str
    factor: str
    start: Level
    to: Level
    other: str
    other_start: Level
    other_to: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseInteraction:
    """How the effect of a factor differs between two phases: the second phase's less the first's."""

    phases: tuple[str, str]
    factor: str
    start: Level
    to: Level


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmInteraction:
    """How the difference between two configurations differs from that between two others: the second less the first."""

    first: ArmContrast
    second: ArmContrast


@dataclass(frozen=True, slots=True, kw_only=True)
class Constant:
    """The mean of one configuration against a published figure.

    Attributes:
        value: the figure, in the metric's own unit.
    """

    arm: Arm
    value: int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The share of runs that diverge or fail, at one level of a factor against another one.

    Attributes:
        start: the level that is compared with.
        to: the level that is compared.
        where: only trials with these levels of other factors count.
    """

    phase: str
    factor: str
    start: Level
    to: Level
    where: Mapping[str, Level] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """How the gain of one level, or of one configuration, over another changes with a number.

    Attributes:
        phases: the phase in which another factor is that number; or several, in which it is the budget.
        over: the other factor; None for the budget.
        factor: the factor whose levels are compared; None for configurations.
        start: the level that is compared with, or the levels of that configuration.
        to: the level, or the levels, that are compared.
        where: only trials with these levels of other factors count.
    """

    phases: tuple[str, ...]
    over: str | None = None
    factor: str | None = None
    start: Level
    to: Level
    where: Mapping[str, Level] = field(default_factory=dict)

    def at(self, phase: str, level: Level = None) -> Contrast | ArmContrast:
        """Return the effect in one of the phases, or at one level of the other factor."""
        place = {**self.where, **({} if self.over is None else {self.over: level})}
        if self.factor is not None:
            return Contrast(phase=phase, factor=self.factor, start=self.start, to=self.to, where=place)
        start, to = (
            Arm(phase=phase, levels={**each, **place} if isinstance(each, Mapping) else place)
            for each in (self.start, self.to)
        )
        return ArmContrast(start=start, to=to)


Statement = (
    Contrast | ArmContrast | Ordering | Interaction | PhaseInteraction | ArmInteraction | Constant | Divergence | Trend
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A claim: what is compared, what is expected, and by how much.

    Attributes:
        text: the claim in a sentence.
        metric: the metric that it is about; for a divergence it is the study's, and does not matter.
        form: which key of the study file states it; a contrast and an equivalence hold the same kinds of statements.
        expect: the direction or the relation; None for an ordering and an equivalence.
        at_least: the smallest effect that counts.
        within: the margin of ``no_worse``, ``equal`` and equivalence.
        at: whether configurations are compared at their own best lengths, or at those of the phases; None if the study
            file does not say.
    """

    id: str
    text: str
    metric: Metric
    form: ClaimForm
    statement: Statement
    expect: Expectation | None = None
    at_least: Margin = 0
    within: Margin | None = None
    at: At | None = None

    @property
    def is_at_best_length(self) -> bool:
        """Whether configurations are compared at their own best lengths, which `metric.value` can make the usual."""
        usual = self.metric.value.kind == "best_length" and no_best_length(self.form, self.statement) is None
        return self.at == "best_length" or (self.at is None and usual)


def no_best_length(form: ClaimForm, statement: Statement) -> str | None:
    """Return why a claim cannot compare configurations at their own best lengths; None if it can."""
    if form == "divergence":
        return "counts failed runs, which have no best length"
    if isinstance(statement, PhaseInteraction) or (isinstance(statement, Trend) and statement.over is None):
        return "compares budgets, so runs must have the lengths of their phases"
    if isinstance(statement, ArmContrast) and _is_same(statement.start, statement.to):
        return "compares a configuration with itself at another length"
    if isinstance(statement, ArmInteraction):
        first, second = statement.first, statement.second
        if _is_same(first.start, second.start) and _is_same(first.to, second.to):
            return "compares budgets, so runs must have the lengths of their phases"
    return None


def _is_same(one: Arm, other: Arm) -> bool:
    return dict(one.levels) == dict(other.levels)


def needs_direction(claim: Claim) -> bool:
    """Return whether a claim rests on which direction of its metric is better, as what is worse or best does."""
    return claim.form in ("ordering", "trend") or claim.expect == "no_worse"


def phases_of(statement: Statement) -> set[str]:
    """Return the names of the phases that a statement is about."""
    match statement:
        case ArmContrast(start=start, to=to):
            return {start.phase, to.phase}
        case ArmInteraction(first=first, second=second):
            return phases_of(first) | phases_of(second)
        case PhaseInteraction(phases=phases) | Trend(phases=phases):
            return set(phases)
        case Constant(arm=arm):
            return {arm.phase}
        case _:
            return {statement.phase}
