"""A phase as the study file writes it. A field's description ends what its error messages say."""

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from sweeper.spec.entries.designs import DesignEntry
from sweeper.spec.entries.values import Count, LevelValue, Name, NumberValue, Section, Seed
from sweeper.spec.phase import PrunerName


class BudgetEntry(Section):
    """How long a phase's trials run: one of the four."""

    steps: Count | None = Field(None, description="Optimizer steps, e.g. 3000.")
    tokens: Count | None = Field(None, description="Training tokens, e.g. 1500000.")
    epochs: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Passes over the training data, above 0, e.g. 2."
    )
    reference_hours: Annotated[float, Field(gt=0)] | None = Field(
        None, description="Hours on the reference device, above 0, e.g. 0.25; trial.calibration turns them into steps."
    )


class RangeEntry(Section):
    """A range that a sampler searches in one phase."""

    low: NumberValue = Field(description="The lower end, e.g. 1e-4.")
    high: NumberValue = Field(description="The upper end, e.g. 1e-2.")
    log: bool = Field(False, description="Whether the range is searched on a logarithmic scale.")
    step: NumberValue | None = Field(None, description="The distance between two values, e.g. 0.1.")


PhaseLevels = Annotated[
    Annotated[list[LevelValue], Field(min_length=1), Tag("<list>")] | Annotated[RangeEntry, Tag("<range>")],
    Discriminator(lambda value: "<range>" if isinstance(value, dict | RangeEntry) else "<list>"),
]


class PrunerEntry(Section):
    """A pruner with its settings."""

    name: PrunerName = Field(description="Which pruner, e.g. asha.")
    reduction: Annotated[int, Field(ge=2, le=1000)] | None = Field(
        None,
        description="Of the trials that come to a rung, one in so many goes on, and rungs are so far apart; at least "
        "2, for asha (4) and hyperband (3).",
    )
    min_resource: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None,
        description="The share of the budget before which no trial is ended, and the lowest rung, above 0 and below 1; "
        "by default 0.0625 for asha, 0.037 (1/27) for hyperband, nothing for others.",
    )


class PhaseEntry(Section):
    """One design over some factors, at one budget."""

    name: Name = Field(description="The phase's name, unique in the study, e.g. screen.")
    design: DesignEntry = Field(
        description="Which configurations run: grid, one_at_a_time, leave_one_out, ladder, plackett_burman, "
        "{list: [...]}, {fractional: 4}, {sampler: tpe, trials: 20} or {promote: PHASE, top: 4}."
    )
    factors: list[str] | None = Field(
        None, description="The factors that the phase varies, e.g. [dropout, depth]; by default all."
    )
    levels: dict[str, PhaseLevels] = Field(
        default_factory=dict,
        description="Other levels of factors in this phase alone, e.g. {depth: [2, 8]}, or a range for a sampler, "
        "e.g. {dropout: {low: 0.1, high: 0.4}}; the baseline stays.",
    )
    blocks: list[str] = Field(
        default_factory=list,
        description="Factors at each of whose levels the whole design is repeated, e.g. [corpus]; comparisons are made "
        "within each.",
    )
    seeds: Annotated[
        Annotated[Count, Tag("<number>")] | Annotated[list[Seed], Field(min_length=1), Tag("<list>")],
        Discriminator(lambda value: "<list>" if isinstance(value, list) else "<number>"),
    ] = Field(1, description="How many seeds each configuration runs with, e.g. 3, or which, e.g. [0, 1, 2].")
    budget: BudgetEntry = Field(
        description="How long each trial runs: one of steps, tokens, epochs and reference_hours, e.g. {steps: 300}."
    )
    pruner: Annotated[
        Annotated[PrunerName, Tag("<name>")] | Annotated[PrunerEntry, Tag("<mapping>")],
        Discriminator(lambda value: "<mapping>" if isinstance(value, dict | PrunerEntry) else "<name>"),
    ] = Field(
        "none",
        description="What stops trials early that do badly; for the designs sampler, grid and list.",
    )
    config: dict[str, object] = Field(
        default_factory=dict, description="Changes to the baseline configuration in this phase, nested as trial.config."
    )
    exclude: list[dict[str, LevelValue]] = Field(
        default_factory=list,
        description="Combinations of levels that are left out, e.g. [{depth: 4, dropout: 0.0}].",
    )
    repeats: Annotated[int, Field(ge=1, le=10_000)] = Field(
        1, description="Exact repeats of each configuration, seed and budget, from 1, to measure non-determinism."
    )
