"""The designs of a phase, as the study file writes them."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from sweeper.designs.kinds import SAMPLERS, Duplicates, SamplerName, SimpleKind, Start
from sweeper.spec.entries.values import Count, LevelValue, Section
from trainer.config.wording import shown, suggestion

DesignName = SimpleKind | Literal["ladder"]
NAMES: Final[tuple[DesignName, ...]] = ("grid", "one_at_a_time", "leave_one_out", "ladder", "plackett_burman")
MAPPINGS: Final = ("list", "ladder", "fractional", "sampler", "promote")  # the keys of designs that are mappings
EXAMPLES: Final[Mapping[str, str]] = {
    "list": "{list: [{FACTOR: LEVEL}, ...]}",
    "fractional": "{fractional: {resolution: 4}}",
    "sampler": "{sampler: tpe, trials: 20}",
    "promote": "{promote: EARLIER_PHASE, top: 4}",
}


def _checked_simple(value: object) -> object:
    """Return the name of a design that needs nothing else.

    Raises:
        ValueError: it is not one.
    """
    if isinstance(value, str) and value in NAMES:
        return value
    if isinstance(value, str) and value in EXAMPLES:
        raise ValueError(f"{shown(value)} is not a complete design. Use design: {EXAMPLES[value]}.")
    if isinstance(value, str) and value in SAMPLERS:
        raise ValueError(f"{shown(value)} is a sampler. Use design: {{sampler: {value}, trials: 20}}.")
    near = suggestion(value, [*NAMES, *EXAMPLES]) if isinstance(value, str) else ""
    others = ", ".join(EXAMPLES.values())
    raise ValueError(f"{shown(value)} is not a design.{near} Designs: {', '.join(NAMES)}, {others}.")


class ListDesignEntry(Section):
    """An explicit list of configurations."""

    rows: list[dict[str, LevelValue]] = Field(
        alias="list",
        min_length=1,
        description="The configurations, one row each, with the levels of all factors that are not at their baselines, "
        "e.g. [{dropout: 0.1}, {dropout: 0.1, depth: 4}]; {} is the baseline.",
    )


class LadderDesignEntry(Section):
    """The baseline, then one more component at a time."""

    ladder: list[str] = Field(
        min_length=1, description="Factors in the order in which they are added, e.g. [dropout, depth]."
    )


class FractionEntry(Section):
    """The fraction of all combinations."""

    resolution: Annotated[int, Field(ge=3)] = Field(
        description="The resolution, at least 3. With 3, main effects are aliased with two-factor interactions; with "
        "4, they are not; with 5, two-factor interactions are not aliased with each other either."
    )
    generators: str | None = Field(
        None,
        description="One word per factor of the phase, in order; single letters vary freely, e.g. 'a b c d abcd'. "
        "Default: the generators of the smallest fraction of the resolution.",
    )


class FractionalDesignEntry(Section):
    """A regular fraction of all combinations of two levels."""

    fractional: Annotated[
        Annotated[Annotated[int, Field(ge=3)], Tag("<number>")] | Annotated[FractionEntry, Tag("<mapping>")],
        Discriminator(lambda value: "<mapping>" if isinstance(value, dict) else "<number>"),
    ] = Field(description="The resolution, at least 3, e.g. 4, or {resolution: 5, generators: 'a b c d abcd'}.")


class SamplerDesignEntry(Section):
    """Configurations that one of Optuna's samplers draws, each based on the results so far."""

    sampler: SamplerName = Field(description="Name of an Optuna sampler, e.g. tpe.")
    trials: Count = Field(description="Number of trials to draw, e.g. 20.")
    options: dict[str, object] = Field(
        default_factory=dict, description="Options of the sampler as Optuna names them, e.g. {n_startup_trials: 10}."
    )
    duplicates: Duplicates = Field(
        "reseed",
        description="What to do with a configuration that the phase already has: reseed runs it with another seed, "
        "redraw draws another one.",
    )


class PromoteDesignEntry(Section):
    """The best configurations of an earlier phase, at this phase's budget."""

    promote: str = Field(description="Name of an earlier phase.")
    top: Count = Field(description="Number of its best configurations to promote, e.g. 4.")
    start: Start = Field(
        "scratch", alias="from", description="Whether to train from scratch or to resume from the checkpoint."
    )


def _kind(value: object) -> str | None:
    if not isinstance(value, dict):
        return "<name>"
    return next((f"<{key}>" for key in value if key in MAPPINGS), None)


DesignEntry = Annotated[
    Annotated[DesignName, BeforeValidator(_checked_simple), Tag("<name>")]
    | Annotated[ListDesignEntry, Tag("<list>")]
    | Annotated[LadderDesignEntry, Tag("<ladder>")]
    | Annotated[FractionalDesignEntry, Tag("<fractional>")]
    | Annotated[SamplerDesignEntry, Tag("<sampler>")]
    | Annotated[PromoteDesignEntry, Tag("<promote>")],
    Discriminator(_kind, custom_error_type="unknown_design", custom_error_message="unknown design"),
]


def unknown_design(value: object) -> str:
    """Return what is wrong with a mapping that is not a design."""
    keys = [str(key) for key in value] if isinstance(value, Mapping) else []
    near = next(filter(None, (suggestion(key, [*MAPPINGS, *NAMES]) for key in keys)), "")
    simple = next((key for key in keys if key in NAMES), None)
    if simple is not None:
        return f"{shown(value)} has settings, but this design has none. Use design: {simple}."
    return (
        f"{shown(value)} is not a design.{near} Designs: {', '.join(NAMES)}, {', '.join(EXAMPLES.values())}, "
        "{ladder: [FACTOR, ...]}."
    )


# From the signatures of optuna.samplers (5.0), which a test compares; sweeper sets the seed.
OPTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "tpe": ("consider_endpoints", "prior_weight", "n_startup_trials", "n_ei_candidates", "multivariate", "group",
            "constant_liar"),
    "random": (),
    "gp": ("n_startup_trials", "deterministic_objective"),
    "cmaes": ("x0", "sigma0", "n_startup_trials", "popsize", "use_separable_cma", "with_margin", "lr_adapt",
              "consider_pruned_trials"),
    "qmc": (),
    "nsgaii": ("population_size", "mutation_prob", "crossover_prob", "swapping_prob"),
    "nsgaiii": ("population_size", "mutation_prob", "crossover_prob", "swapping_prob", "dividing_parameter"),
}  # fmt: skip


def option_fault(sampler: str, option: str) -> str:
    """Return what is wrong with the name of an option; empty if the sampler has it."""
    known = OPTIONS[sampler]
    if option in known:
        return ""
    if not known:
        return f"{shown(option)} is unknown: sampler {sampler} has no options. Remove it."
    near = suggestion(option, known)
    return f"{shown(option)} is not an option of sampler {sampler}.{near} Options: {', '.join(known)}."
