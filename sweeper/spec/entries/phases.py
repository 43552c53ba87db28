"""A phase as the study file writes it. A field's description is the advice in error messages about it."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, WithJsonSchema

from sweeper.spec.entries.designs import DesignEntry
from sweeper.spec.entries.values import (
    LARGEST_INTEGER,
    Count,
    LevelValue,
    Name,
    NumberValue,
    Section,
    Seed,
    checked_most_seeds,
)
from sweeper.spec.phase import PrunerName


class BudgetEntry(Section):
    """How long each trial of a phase trains, in one of four units."""

    steps: Count | None = Field(None, description="Number of optimizer steps, e.g. 3000.")
    tokens: Count | None = Field(None, description="Number of training tokens, e.g. 1500000.")
    epochs: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Number of passes over the training data, greater than 0, e.g. 2."
    )
    reference_hours: Annotated[float, Field(gt=0)] | None = Field(
        None,
        description="Hours on the reference device, greater than 0, e.g. 0.25; they need trial.calibration.",
    )


class RangeEntry(Section):
    """A range for a sampler in one phase."""

    low: NumberValue = Field(description="The lowest value, e.g. 1e-4.")
    high: NumberValue = Field(description="The highest value, e.g. 1e-2.")
    log: bool = Field(False, description="Whether to search on a logarithmic scale.")
    step: NumberValue | None = Field(None, description="Distance between neighboring values, e.g. 0.1.")


def _seeds_form(value: object) -> str:
    if isinstance(value, dict | SeedsEntry):
        return "<mapping>"
    return "<list>" if isinstance(value, list) else "<number>"


PhaseLevels = Annotated[
    Annotated[list[LevelValue], Field(min_length=1), Tag("<list>")] | Annotated[RangeEntry, Tag("<range>")],
    Discriminator(lambda value: "<range>" if isinstance(value, dict | RangeEntry) else "<list>"),
]


class PrunerEntry(Section):
    """A pruner with its settings."""

    name: PrunerName = Field(description="Name of the pruner, e.g. asha.")
    reduction: Annotated[int, Field(ge=2, le=1000)] | None = Field(
        None,
        description="Reduction factor of asha (4) and hyperband (3), at least 2: 1 / reduction of the trials at a rung "
        "continue, and each rung has reduction times the budget of the one before.",
    )
    min_resource: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="Share of the budget before which no trial is pruned, between 0 and 1; also the lowest rung. "
        "Default: 0.0625 for asha, 0.037 (1/27) for hyperband, none for others.",
    )


class SeedsEntry(Section):
    """Seeds that are added until the claims are decided."""

    first: Annotated[int, Field(ge=2, le=LARGEST_INTEGER)] = Field(
        description="Number of seeds that every configuration gets, at least 2, e.g. 2: one shows no variation."
    )
    most: Annotated[
        int | Literal["none"] | None,
        BeforeValidator(checked_most_seeds),
        WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 3}, {"const": "none"}, {"type": "null"}]}),
    ] = Field(
        description="Number of seeds that a configuration gets at most, e.g. 12, or none for no maximum, which needs "
        "budget.device_hours."
    )


class PhaseEntry(Section):
    """One design over some factors, at one budget."""

    name: Name = Field(description="Name of the phase, unique in the study, e.g. screen.")
    design: DesignEntry = Field(
        description="Which configurations to run: grid, one_at_a_time, leave_one_out, ladder, plackett_burman, "
        "{list: [...]}, {fractional: 4}, {sampler: tpe, trials: 20} or {promote: PHASE, top: 4}."
    )
    factors: list[str] | None = Field(
        None, description="Factors that the phase varies, e.g. [dropout, depth]. Default: all."
    )
    levels: dict[str, PhaseLevels] = Field(
        default_factory=dict,
        description="Levels of factors in this phase only, e.g. {depth: [2, 8]}, or a range for a sampler, e.g. "
        "{dropout: {low: 0.1, high: 0.4}}. Baselines stay as they are.",
    )
    blocks: list[str] = Field(
        default_factory=list,
        description="Factors to block by, e.g. [corpus]: the whole design is repeated at each of their levels, and "
        "comparisons are made within each.",
    )
    seeds: Annotated[
        Annotated[Count, Tag("<number>")]
        | Annotated[list[Seed], Field(min_length=1), Tag("<list>")]
        | Annotated[SeedsEntry, Tag("<mapping>")],
        Discriminator(_seeds_form),
    ] = Field(
        1,
        description="Number of seeds for each configuration, e.g. 3, or the seeds, e.g. [0, 1, 2], or "
        "{first: 2, most: 12} to add seeds until the claims are decided.",
    )
    budget: BudgetEntry | None = Field(
        None,
        description="How long each trial trains: one of steps, tokens, epochs and reference_hours, e.g. {steps: 300}. "
        "Leave it out for a program that ends by itself; the trainer, pruners and promotions need it.",
    )
    pruner: Annotated[
        Annotated[PrunerName, Tag("<name>")] | Annotated[PrunerEntry, Tag("<mapping>")],
        Discriminator(lambda value: "<mapping>" if isinstance(value, dict | PrunerEntry) else "<name>"),
    ] = Field(
        "none",
        description="Stops unpromising trials early, in the designs sampler, grid and list.",
    )
    config: dict[str, object] = Field(
        default_factory=dict,
        description="Changes to the baseline configuration in this phase, nested like trial.config.",
    )
    exclude: list[dict[str, LevelValue]] = Field(
        default_factory=list,
        description="Combinations of levels to leave out, e.g. [{depth: 4, dropout: 0.0}].",
    )
    repeats: Annotated[int, Field(ge=1, le=10_000)] = Field(
        1, description="Number of exact repeats of each configuration, seed and budget, to measure nondeterminism."
    )
