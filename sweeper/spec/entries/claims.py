"""Claims: statements about the study that its statistics support, refute or leave undecided."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Discriminator, Field, Tag

from sweeper.spec.claim import FORMS, ClaimForm, Expectation
from sweeper.spec.entries.values import LevelValue, MarginValue, Name, NumberValue, Section


class ArmEntry(Section):
    """The trials of one configuration in a phase."""

    phase: str = Field(description="The phase whose trials are meant.")
    levels: dict[str, LevelValue] = Field(
        default_factory=dict, description="Levels by factor; the other factors are at the baseline."
    )


class ContrastEntry(Section):
    """A factor's effect: trials that agree in everything else, and in the seed, are compared."""

    phase: str = Field(description="The phase whose trials are compared.")
    factor: str = Field(description="The factor whose levels are compared.")
    start: LevelValue = Field(alias="from", description="The level that is compared with, e.g. 0.0.")
    to: LevelValue = Field(description="The level that is compared, e.g. 0.2.")
    where: dict[str, LevelValue] = Field(
        default_factory=dict, description="Only trials with these levels of other factors, e.g. {depth: 4}."
    )


class ArmContrastEntry(Section):
    """The difference between two configurations, paired by seed."""

    start: ArmEntry = Field(alias="from", description="The trials that are compared with: {phase, levels}.")
    to: ArmEntry = Field(description="The trials that are compared: {phase, levels}.")


def _arms(value: object) -> str:
    if isinstance(value, ArmContrastEntry | ArmInteractionEntry):
        return "<arms>"
    ends = [value.get(end) for end in ("from", "to")] if isinstance(value, Mapping) else []
    return "<arms>" if any(isinstance(end, Mapping) for end in ends) else "<factor>"


AnyContrast = Annotated[
    Annotated[ContrastEntry, Tag("<factor>")] | Annotated[ArmContrastEntry, Tag("<arms>")], Discriminator(_arms)
]


class OrderingEntry(Section):
    """Which gains are larger than others; a factor's gain is that of its best level against the baseline."""

    phase: str = Field(description="The phase whose gains are compared.")
    largest: str | None = Field(None, description="The factor with the largest gain.")
    among: list[str] | None = Field(None, description="The factors that it is compared with.")
    order: list[str] | None = Field(None, description="Factors in the order of their gains, the largest first.")


class OtherFactorEntry(Section):
    """The second factor of an interaction."""

    factor: str = Field(description="The factor that changes the effect.")
    start: LevelValue = Field(alias="from", description="Its level for the first effect.")
    to: LevelValue = Field(description="Its level for the second effect.")


class OtherPhasesEntry(Section):
    """Two phases, of two budgets say, whose effects are compared."""

    phases: list[str] = Field(min_length=2, max_length=2, description="Two phases, e.g. [short, long].")


def _other(value: object) -> str:
    by_phases = "phases" in value if isinstance(value, Mapping) else isinstance(value, OtherPhasesEntry)
    return "<phases>" if by_phases else "<factor>"


class ArmInteractionEntry(Section):
    """How the difference between two configurations differs from that between two others: the second less the first."""

    start: ArmEntry = Field(alias="from", description="The trials that are compared with: {phase, levels}.")
    to: ArmEntry = Field(description="The trials that are compared: {phase, levels}.")
    other: ArmContrastEntry = Field(
        alias="with",
        description="The second difference, e.g. at another budget: {from: {phase, levels}, to: {phase, levels}}.",
    )


class InteractionEntry(Section):
    """How an effect differs between two levels of another factor, or between two phases: the second less the first."""

    phase: str | None = Field(None, description="The phase; none if the effect is compared between two phases.")
    factor: str = Field(description="The factor whose effect is meant.")
    start: LevelValue = Field(alias="from", description="The level that is compared with.")
    to: LevelValue = Field(description="The level that is compared.")
    other: Annotated[
        Annotated[OtherFactorEntry, Tag("<factor>")] | Annotated[OtherPhasesEntry, Tag("<phases>")],
        Discriminator(_other),
    ] = Field(alias="with", description="Another factor, {factor, from, to}, or two phases, {phases: [short, long]}.")


class ConstantEntry(Section):
    """A configuration's mean against a published figure."""

    phase: str = Field(description="The phase whose trials are meant.")
    levels: dict[str, LevelValue] = Field(
        default_factory=dict, description="Levels by factor; the other factors are at the baseline."
    )
    value: NumberValue = Field(description="The published figure, in the metric's own unit, e.g. 63.358.")


class ClaimEntry(Section):
    """A claim: what is compared, what is expected, and by how much."""

    id: Name = Field(description="A short name, unique in the study, e.g. dropout-helps.")
    text: str = Field(min_length=1, description="The claim in words, for the report.")
    metric: str | None = Field(None, min_length=1, description="The metric; by default the study's.")
    contrast: AnyContrast | None = Field(
        None, description="A comparison: {phase, factor, from, to}, or {from: {phase, levels}, to: {phase, levels}}."
    )
    ordering: OrderingEntry | None = Field(
        None, description="A ranking of gains: {phase, largest, among: [...]} or {phase, order: [...]}."
    )
    interaction: (
        Annotated[
            Annotated[InteractionEntry, Tag("<factor>")] | Annotated[ArmInteractionEntry, Tag("<arms>")],
            Discriminator(_arms),
        ]
        | None
    ) = Field(
        None,
        description="An effect's dependence on another factor or phase: {phase, factor, from, to, with: {...}}, or two "
        "differences between configurations: {from: {phase, levels}, to: {...}, with: {from: {...}, to: {...}}}.",
    )
    constant: ConstantEntry | None = Field(None, description="A comparison with a figure: {phase, levels, value}.")
    equivalence: AnyContrast | None = Field(
        None, description="Two one-sided tests that a difference is small: as a contrast, with within."
    )
    expect: Expectation | None = Field(
        None,
        description="decrease, increase or no_worse of a contrast; decrease or increase of an interaction; "
        "below, above or equal to a constant.",
    )
    at_least: MarginValue = Field(
        0, description="The least size of the effect that counts, e.g. 1%, or in the metric's unit (nats), e.g. 0.005."
    )
    within: MarginValue | None = Field(
        None, description="The margin of no_worse, of equal and of equivalence, e.g. 1% or 0.005."
    )

    @property
    def forms(self) -> list[ClaimForm]:
        """The kinds of statements that it has; one, if the claim is in order."""
        return [form for form in FORMS if getattr(self, form) is not None]

    @property
    def statement(self) -> "StatementEntry":
        """The statement of a claim that is in order."""
        given = (self.contrast, self.ordering, self.interaction, self.constant, self.equivalence)
        return next(statement for statement in given if statement is not None)


StatementEntry = (
    ContrastEntry | ArmContrastEntry | OrderingEntry | InteractionEntry | ArmInteractionEntry | ConstantEntry
)
