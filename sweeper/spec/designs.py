"""The designs of a phase, as the study file writes them."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BeforeValidator, Discriminator, Field, Tag

from sweeper.spec.values import Count, Level, Section
from trainer.config.wording import shown, suggestion

SimpleName = Literal["grid", "one_at_a_time", "leave_one_out", "ladder", "plackett_burman"]
SamplerName = Literal["tpe", "random", "gp", "cmaes", "qmc", "nsgaii", "nsgaiii"]
SIMPLE: Final[tuple[str, ...]] = get_args(SimpleName)
SAMPLERS: Final[tuple[str, ...]] = get_args(SamplerName)
KINDS: Final = ("list", "ladder", "fractional", "sampler", "promote")  # of mappings
EXAMPLES: Final[Mapping[str, str]] = {
    "list": "{list: [{FACTOR: LEVEL}, ...]}",
    "fractional": "{fractional: {resolution: 4}}",
    "sampler": "{sampler: tpe, trials: 20}",
    "promote": "{promote: EARLIER_PHASE, top: 4}",
}


def _checked_simple(value: object) -> object:
    """A design's name, or words on what to write.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, str) and value in SIMPLE:
        return value
    if isinstance(value, str) and value in EXAMPLES:
        raise ValueError(f"{shown(value)} needs more than its name. Write design: {EXAMPLES[value]}.")
    if isinstance(value, str) and value in SAMPLERS:
        raise ValueError(f"{shown(value)} is a sampler. Write design: {{sampler: {value}, trials: 20}}.")
    near = suggestion(value, [*SIMPLE, *EXAMPLES]) if isinstance(value, str) else ""
    others = ", ".join(EXAMPLES.values())
    raise ValueError(f"{shown(value)} is not a design.{near} Designs: {', '.join(SIMPLE)}, {others}.")


class ListDesign(Section):
    """Exactly these configurations."""

    rows: list[dict[str, Level]] = Field(
        alias="list",
        min_length=1,
        description="The configurations, one row each: a level for every factor that is not at its baseline, "
        "e.g. [{dropout: 0.1}, {dropout: 0.1, depth: 4}]; {} is the baseline.",
    )


class LadderDesign(Section):
    """The baseline, then one component after the other."""

    ladder: list[str] = Field(
        min_length=1, description="Factors in the order in which they are added, e.g. [dropout, depth]."
    )


class Fraction(Section):
    """Which fraction of all combinations."""

    resolution: Annotated[int, Field(ge=3)] = Field(
        description="The resolution, at least 3: then main effects are mixed up with two-factor interactions; "
        "with 4 they are not; with 5 two-factor interactions are not mixed up with each other either."
    )
    generators: str | None = Field(
        None,
        description="A word of letters for each factor of the phase, in order: single letters vary freely, "
        "e.g. 'a b c d abcd'; by default chosen for the resolution.",
    )


class FractionalDesign(Section):
    """A fraction of all combinations of two levels."""

    fractional: Annotated[
        Annotated[Annotated[int, Field(ge=3)], Tag("<number>")] | Annotated[Fraction, Tag("<mapping>")],
        Discriminator(lambda value: "<mapping>" if isinstance(value, dict) else "<number>"),
    ] = Field(description="The resolution, at least 3, e.g. 4, or {resolution: 5, generators: 'a b c d abcd'}.")

    @property
    def fraction(self) -> Fraction:
        """The fraction in its long form."""
        if isinstance(self.fractional, Fraction):
            return self.fractional
        return Fraction(resolution=self.fractional)


class SamplerDesign(Section):
    """Configurations that one of Optuna's samplers draws, each knowing those before."""

    sampler: SamplerName = Field(description="An Optuna sampler, e.g. tpe.")
    trials: Count = Field(description="How many trials are drawn, e.g. 20.")
    options: dict[str, Any] = Field(
        default_factory=dict, description="Options of the sampler as Optuna names them, e.g. {n_startup_trials: 10}."
    )


class PromoteDesign(Section):
    """The best configurations of an earlier phase, at this phase's budget."""

    promote: str = Field(description="The name of an earlier phase.")
    top: Count = Field(description="How many of its best configurations go on, e.g. 4.")
    start: Literal["scratch", "checkpoint"] = Field(
        "scratch", alias="from", description="Where they start: scratch trains anew, checkpoint goes on training."
    )


def _kind(value: object) -> str | None:
    if not isinstance(value, dict):
        return "<name>"
    return next((f"<{key}>" for key in value if key in KINDS), None)


Design = Annotated[
    Annotated[SimpleName, BeforeValidator(_checked_simple), Tag("<name>")]
    | Annotated[ListDesign, Tag("<list>")]
    | Annotated[LadderDesign, Tag("<ladder>")]
    | Annotated[FractionalDesign, Tag("<fractional>")]
    | Annotated[SamplerDesign, Tag("<sampler>")]
    | Annotated[PromoteDesign, Tag("<promote>")],
    Discriminator(_kind, custom_error_type="unknown_design", custom_error_message="unknown design"),
]


def unknown_design(value: object) -> str:
    """What to say of a mapping that is no design."""
    keys = [str(key) for key in value] if isinstance(value, Mapping) else []
    near = next(filter(None, (suggestion(key, [*KINDS, *SIMPLE]) for key in keys)), "")
    simple = next((key for key in keys if key in SIMPLE), None)
    if simple is not None:
        return f"{shown(value)}: this design takes no more than its name. Write design: {simple}."
    return (
        f"{shown(value)} is not a design.{near} Designs: {', '.join(SIMPLE)}, {', '.join(EXAMPLES.values())}, "
        "{ladder: [FACTOR, ...]}."
    )


def design_kind(design: Any) -> str:
    """The kind of a checked design, as plans and reports name it."""
    match design:
        case str():
            return design
        case ListDesign():
            return "list"
        case LadderDesign():
            return "ladder"
        case FractionalDesign():
            return "fractional"
        case SamplerDesign():
            return "sampler"
        case _:
            return "promote"
