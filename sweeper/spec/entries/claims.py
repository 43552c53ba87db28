"""Claims as the study file writes them."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from sweeper.spec.claim import FORMS, At, ClaimForm, Expectation
from sweeper.spec.entries.metric import MetricEntry
from sweeper.spec.entries.values import LevelValue, MarginValue, Name, NumberValue, Section


class ArmEntry(Section):
    """The trials of one configuration in a phase."""

    phase: str = Field(description="Phase of the trials.")
    arm: str | None = Field(None, description="Name of one of the study's arms, e.g. recipe.")
    levels: dict[str, LevelValue] = Field(
        default_factory=dict, description="Levels by factor, beside those of the arm; others are at their baselines."
    )


class ContrastEntry(Section):
    """The effect of a factor. Trials are paired that agree in every other factor and in the seed."""

    phase: str = Field(description="Phase of the trials.")
    factor: str = Field(description="Factor whose levels are compared.")
    start: LevelValue = Field(alias="from", description="Reference level, e.g. 0.0.")
    to: LevelValue = Field(description="Level to compare with the reference, e.g. 0.2.")
    where: dict[str, LevelValue] = Field(
        default_factory=dict, description="Use only trials with these levels of other factors, e.g. {depth: 4}."
    )


End = Annotated[
    Annotated[str, Tag("<name>")] | Annotated[ArmEntry, Tag("<mapping>")],
    Discriminator(lambda value: "<name>" if isinstance(value, str) else "<mapping>"),
]


class ArmContrastEntry(Section):
    """The difference between two configurations, paired by seed."""

    phase: str | None = Field(None, description="Phase of the trials of arms that are given by their names.")
    start: End = Field(alias="from", description="Reference configuration: the name of an arm, or {phase, levels}.")
    to: End = Field(description="Configuration to compare with the reference: the name of an arm, or {phase, levels}.")
    where: dict[str, LevelValue] = Field(
        default_factory=dict, description="Levels of other factors that both configurations have, e.g. {corpus: ptb}."
    )


def _arms(value: object) -> str:
    if isinstance(value, ArmContrastEntry | ArmInteractionEntry):
        return "<arms>"
    ends = [value.get(end) for end in ("from", "to")] if isinstance(value, Mapping) else []
    is_of_a_factor = isinstance(value, Mapping) and "factor" in value
    are_arms = any(isinstance(end, Mapping) for end in ends) or all(isinstance(end, str) for end in ends[:2] or [0])
    return "<arms>" if are_arms and not is_of_a_factor else "<factor>"


AnyContrast = Annotated[
    Annotated[ContrastEntry, Tag("<factor>")] | Annotated[ArmContrastEntry, Tag("<arms>")], Discriminator(_arms)
]


class DivergenceEntry(ContrastEntry):
    """The share of runs that diverge or fail at one level of a factor, compared with another one."""


class OrderingEntry(Section):
    """A ranking of gains. The gain of a factor is that of its best level, or of a named one, over the baseline."""

    phase: str = Field(description="Phase of the trials.")
    largest: str | None = Field(None, description="Factor with the largest gain.")
    among: list[str] | None = Field(None, description="Factors to compare it with.")
    order: list[str] | None = Field(None, description="Factors in the order of their gains, largest first.")
    levels: dict[str, LevelValue] = Field(
        default_factory=dict,
        description="Levels whose gains are compared, by factor, e.g. {dropout: 0.2}. Default: the best of each "
        "factor, and its p-values are multiplied by the number of levels to choose from.",
    )


class OtherFactorEntry(Section):
    """The second factor of an interaction."""

    factor: str = Field(description="Factor that modifies the effect.")
    start: LevelValue = Field(alias="from", description="Its level for the first effect.")
    to: LevelValue = Field(description="Its level for the second effect.")


class OtherPhasesEntry(Section):
    """Two phases whose effects are compared, e.g. with different budgets."""

    phases: list[str] = Field(min_length=2, max_length=2, description="Two phases, e.g. [short, long].")


def _other(value: object) -> str:
    by_phases = "phases" in value if isinstance(value, Mapping) else isinstance(value, OtherPhasesEntry)
    return "<phases>" if by_phases else "<factor>"


def _second(value: object) -> str:
    return "<phases>" if _other(value) == "<phases>" else "<arms>"


class ArmInteractionEntry(ArmContrastEntry):
    """How two differences between configurations differ: the second minus the first."""

    other: Annotated[
        Annotated[ArmContrastEntry, Tag("<arms>")] | Annotated[OtherPhasesEntry, Tag("<phases>")],
        Discriminator(_second),
    ] = Field(
        alias="with",
        description="Second difference, written like the first, e.g. {phase: long, from: bare, to: recipe}; or two "
        "phases in which the first is compared, {phases: [short, long]}.",
    )


class InteractionEntry(Section):
    """How an effect differs between two levels of another factor or two phases: the second minus the first."""

    phase: str | None = Field(None, description="Phase of the trials; leave it out for an interaction with two phases.")
    factor: str = Field(description="Factor whose effect is compared.")
    start: LevelValue = Field(alias="from", description="Reference level of the effect.")
    to: LevelValue = Field(description="Level to compare with the reference.")
    other: Annotated[
        Annotated[OtherFactorEntry, Tag("<factor>")] | Annotated[OtherPhasesEntry, Tag("<phases>")],
        Discriminator(_other),
    ] = Field(alias="with", description="Another factor, {factor, from, to}, or two phases, {phases: [short, long]}.")


class LevelsEntry(Section):
    """A configuration in the phases that its claim names."""

    arm: str | None = Field(None, description="Name of one of the study's arms, e.g. recipe.")
    levels: dict[str, LevelValue] = Field(
        default_factory=dict, description="Levels by factor, beside those of the arm; others are at their baselines."
    )


class _OverEntry(Section):
    phase: str | None = Field(None, description="Phase of the trials, if the gain changes with another factor.")
    over: str | None = Field(
        None, description="Factor with numeric levels, such as a size or a share of the data, e.g. train_fraction."
    )
    phases: list[str] | None = Field(
        None, min_length=2, description="Phases whose budgets differ, e.g. [short, long], instead of phase and over."
    )
    where: dict[str, LevelValue] = Field(
        default_factory=dict, description="Use only trials with these levels of other factors, e.g. {corpus: ptb}."
    )


class TrendEntry(_OverEntry):
    """How the gain of one level of a factor over another changes with a number."""

    factor: str = Field(description="Factor whose levels are compared.")
    start: LevelValue = Field(alias="from", description="Reference level, e.g. 0.0.")
    to: LevelValue = Field(description="Level to compare with the reference, e.g. 0.2.")


TrendEnd = Annotated[
    Annotated[str, Tag("<name>")] | Annotated[LevelsEntry, Tag("<mapping>")],
    Discriminator(lambda value: "<name>" if isinstance(value, str) else "<mapping>"),
]


class ArmTrendEntry(_OverEntry):
    """How the gain of one configuration over another changes with a number."""

    start: TrendEnd = Field(alias="from", description="Reference configuration: the name of an arm, or {levels}.")
    to: TrendEnd = Field(
        description="Configuration to compare with the reference: the name of an arm, or {levels: {dropout: 0.2}}."
    )


def _trend(value: object) -> str:
    if isinstance(value, TrendEntry | ArmTrendEntry):
        return "<factor>" if isinstance(value, TrendEntry) else "<arms>"
    ends = [value.get(end) for end in ("from", "to")] if isinstance(value, Mapping) else []
    are_arms = bool(ends) and all(isinstance(end, str | Mapping) for end in ends)
    return "<arms>" if are_arms and isinstance(value, Mapping) and "factor" not in value else "<factor>"


class ConstantEntry(Section):
    """The mean of one configuration compared with a published figure."""

    phase: str = Field(description="Phase of the trials.")
    arm: str | None = Field(None, description="Name of one of the study's arms, e.g. recipe.")
    levels: dict[str, LevelValue] = Field(
        default_factory=dict, description="Levels by factor, beside those of the arm; others are at their baselines."
    )
    value: NumberValue = Field(description="Published figure, in the unit of the metric, e.g. 63.358.")


class ClaimEntry(Section):
    """A claim: what is compared, what is expected, and by how much."""

    id: Name = Field(description="Short name, unique in the study, e.g. dropout-helps.")
    text: str = Field(min_length=1, description="The claim in a sentence, for the report.")
    metric: (
        Annotated[
            Annotated[Annotated[str, Field(min_length=1)], Tag("<name>")] | Annotated[MetricEntry, Tag("<mapping>")],
            Discriminator(lambda value: "<mapping>" if isinstance(value, dict | MetricEntry) else "<name>"),
        ]
        | None
    ) = Field(
        None,
        description="Metric of the claim: the name of one that the trainer or another claim declares, or {name: "
        "accuracy, direction: maximize}. Default: the metric of the study.",
    )
    contrast: AnyContrast | None = Field(
        None,
        description="Comparison of two levels, {phase, factor, from, to}, or of two configurations, "
        "{phase, from: bare, to: recipe} by the names of arms or {from: {phase, levels}, to: {phase, levels}}.",
    )
    ordering: OrderingEntry | None = Field(
        None, description="Ranking of gains: {phase, largest, among: [...]} or {phase, order: [...]}."
    )
    interaction: (
        Annotated[
            Annotated[InteractionEntry, Tag("<factor>")] | Annotated[ArmInteractionEntry, Tag("<arms>")],
            Discriminator(_arms),
        ]
        | None
    ) = Field(
        None,
        description="Comparison of two effects: {phase, factor, from, to, with: {...}}, or of two differences between "
        "configurations: {phase, from: bare, to: recipe, with: {...}}.",
    )
    constant: ConstantEntry | None = Field(
        None, description="Comparison with a published figure: {phase, arm, value} or {phase, levels, value}."
    )
    equivalence: AnyContrast | None = Field(
        None, description="Test that a difference is smaller than within: two one-sided tests, written like a contrast."
    )
    divergence: DivergenceEntry | None = Field(
        None, description="Comparison of the shares of runs that diverge or fail, written like a contrast of levels."
    )
    trend: (
        Annotated[
            Annotated[TrendEntry, Tag("<factor>")] | Annotated[ArmTrendEntry, Tag("<arms>")], Discriminator(_trend)
        ]
        | None
    ) = Field(
        None,
        description="How the gain of to over from changes with a numeric factor, {phase, factor, from, to, over: "
        "train_fraction}, or with the budget, {phases: [short, long], from: bare, to: recipe}.",
    )
    expect: Expectation | None = Field(
        None,
        description="Expected result: decrease, increase or no_worse for a contrast; decrease or increase for an "
        "interaction or a divergence; below, above or equal for a constant; grows, shrinks or persists for a trend.",
    )
    at_least: MarginValue = Field(
        0,
        description="Smallest effect that supports the claim: a percentage, e.g. 1%, or a number in the metric's unit "
        "(nats for perplexities), e.g. 0.005; for a trend, the smallest change of the gain per doubling.",
    )
    within: MarginValue | None = Field(
        None,
        description="Margin for no_worse, equal and equivalence, e.g. 1% or 0.005; for persists, by how much the gain "
        "may shrink per doubling.",
    )

    at: At | None = Field(
        None,
        description="Length at which configurations are compared: best_length for each at its own best one, over the "
        "budgets of all phases and the evaluations of their runs, or same_length for the ends of the phase's runs. "
        "Default: best_length if metric.value is best_length, else the value of each trial.",
    )

    @property
    def forms(self) -> list[ClaimForm]:
        """The forms of its statements; a valid claim has one."""
        return [form for form in FORMS if getattr(self, form) is not None]

    @property
    def metric_name(self) -> str | None:
        """The name of its metric; None for the study's."""
        return self.metric.name if isinstance(self.metric, MetricEntry) else self.metric

    @property
    def statement(self) -> "StatementEntry":
        """The statement of a valid claim."""
        found: StatementEntry = next(each for form in FORMS if (each := getattr(self, form)) is not None)
        return found


StatementEntry = (
    ContrastEntry
    | ArmContrastEntry
    | OrderingEntry
    | InteractionEntry
    | ArmInteractionEntry
    | ConstantEntry
    | DivergenceEntry
    | TrendEntry
    | ArmTrendEntry
)
