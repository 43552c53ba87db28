"""Claims: statements about the study that its statistics support, refute or leave undecided."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import Discriminator, Field, Tag

from sweeper.spec.values import Level, Margin, Name, Number, Section

FORMS: Final = ("contrast", "ordering", "interaction", "constant", "equivalence")
Expectation = Literal["decrease", "increase", "no_worse", "below", "above", "equal"]


class Arm(Section):
    """The trials of one configuration in a phase."""

    phase: str = Field(description="The phase whose trials are meant.")
    levels: dict[str, Level] = Field(
        default_factory=dict, description="Levels by factor; the other factors are at the baseline."
    )


class FactorContrast(Section):
    """A factor's effect: trials that agree in everything else, and in the seed, are compared."""

    phase: str = Field(description="The phase whose trials are compared.")
    factor: str = Field(description="The factor whose levels are compared.")
    start: Level = Field(alias="from", description="The level that is compared with, e.g. 0.0.")
    to: Level = Field(description="The level that is compared, e.g. 0.2.")
    where: dict[str, Level] = Field(
        default_factory=dict, description="Only trials with these levels of other factors, e.g. {depth: 4}."
    )


class ArmContrast(Section):
    """The difference between two configurations, paired by seed."""

    start: Arm = Field(alias="from", description="The trials that are compared with: {phase, levels}.")
    to: Arm = Field(description="The trials that are compared: {phase, levels}.")


def _arms(value: object) -> str:
    if isinstance(value, ArmContrast | ArmInteraction):
        return "<arms>"
    ends = [value.get(end) for end in ("from", "to")] if isinstance(value, Mapping) else []
    return "<arms>" if any(isinstance(end, Mapping) for end in ends) else "<factor>"


Contrast = Annotated[
    Annotated[FactorContrast, Tag("<factor>")] | Annotated[ArmContrast, Tag("<arms>")], Discriminator(_arms)
]


class Ordering(Section):
    """Which gains are larger than others; a factor's gain is that of its best level against the baseline."""

    phase: str = Field(description="The phase whose gains are compared.")
    largest: str | None = Field(None, description="The factor with the largest gain.")
    among: list[str] | None = Field(None, description="The factors that it is compared with.")
    order: list[str] | None = Field(None, description="Factors in the order of their gains, the largest first.")


class OtherFactor(Section):
    """The second factor of an interaction."""

    factor: str = Field(description="The factor that changes the effect.")
    start: Level = Field(alias="from", description="Its level for the first effect.")
    to: Level = Field(description="Its level for the second effect.")


class OtherPhases(Section):
    """Two phases, of two budgets say, whose effects are compared."""

    phases: list[str] = Field(min_length=2, max_length=2, description="Two phases, e.g. [short, long].")


def _other(value: object) -> str:
    by_phases = "phases" in value if isinstance(value, Mapping) else isinstance(value, OtherPhases)
    return "<phases>" if by_phases else "<factor>"


class ArmInteraction(Section):
    """How the difference between two configurations differs from that between two others: the second less the first."""

    start: Arm = Field(alias="from", description="The trials that are compared with: {phase, levels}.")
    to: Arm = Field(description="The trials that are compared: {phase, levels}.")
    other: ArmContrast = Field(
        alias="with",
        description="The second difference, e.g. at another budget: {from: {phase, levels}, to: {phase, levels}}.",
    )


class Interaction(Section):
    """How an effect differs between two levels of another factor, or between two phases: the second less the first."""

    phase: str | None = Field(None, description="The phase; none if the effect is compared between two phases.")
    factor: str = Field(description="The factor whose effect is meant.")
    start: Level = Field(alias="from", description="The level that is compared with.")
    to: Level = Field(description="The level that is compared.")
    other: Annotated[
        Annotated[OtherFactor, Tag("<factor>")] | Annotated[OtherPhases, Tag("<phases>")],
        Discriminator(_other),
    ] = Field(alias="with", description="Another factor, {factor, from, to}, or two phases, {phases: [short, long]}.")


class Constant(Section):
    """A configuration's mean against a published figure."""

    phase: str = Field(description="The phase whose trials are meant.")
    levels: dict[str, Level] = Field(
        default_factory=dict, description="Levels by factor; the other factors are at the baseline."
    )
    value: Number = Field(description="The published figure, in the metric's own unit, e.g. 63.358.")


class Claim(Section):
    """A claim: what is compared, what is expected, and by how much."""

    id: Name = Field(description="A short name, unique in the study, e.g. dropout-helps.")
    text: str = Field(min_length=1, description="The claim in words, for the report.")
    metric: str | None = Field(None, min_length=1, description="The metric; by default the study's.")
    contrast: Contrast | None = Field(
        None, description="A comparison: {phase, factor, from, to}, or {from: {phase, levels}, to: {phase, levels}}."
    )
    ordering: Ordering | None = Field(
        None, description="A ranking of gains: {phase, largest, among: [...]} or {phase, order: [...]}."
    )
    interaction: (
        Annotated[
            Annotated[Interaction, Tag("<factor>")] | Annotated[ArmInteraction, Tag("<arms>")], Discriminator(_arms)
        ]
        | None
    ) = Field(
        None,
        description="An effect's dependence on another factor or phase: {phase, factor, from, to, with: {...}}, or two "
        "differences between configurations: {from: {phase, levels}, to: {...}, with: {from: {...}, to: {...}}}.",
    )
    constant: Constant | None = Field(None, description="A comparison with a figure: {phase, levels, value}.")
    equivalence: Contrast | None = Field(
        None, description="Two one-sided tests that a difference is small: as a contrast, with within."
    )
    expect: Expectation | None = Field(
        None,
        description="decrease, increase or no_worse of a contrast; decrease or increase of an interaction; "
        "below, above or equal to a constant.",
    )
    at_least: Margin = Field(
        0, description="The least size of the effect that counts, e.g. 1%, or in the metric's unit (nats), e.g. 0.005."
    )
    within: Margin | None = Field(
        None, description="The margin of no_worse, of equal and of equivalence, e.g. 1% or 0.005."
    )

    @property
    def form(self) -> str:
        """Which of the five kinds of claims it is."""
        return next(form for form in FORMS if getattr(self, form) is not None)
