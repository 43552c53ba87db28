"""A factor as the study file writes it, in any of its forms."""

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from sweeper.spec.entries.values import LevelValue, NumberValue, Section

Group = dict[str, object]  # values by dotted path


class FactorEntry(Section):
    """A named knob: a dotted path into the trial's config and its levels; or a range; or groups of values."""

    path: str | None = Field(
        None, min_length=1, description="Where the factor's value goes in the trial's config, e.g. model.layers."
    )
    levels: (
        Annotated[
            Annotated[list[LevelValue], Tag("<list>")] | Annotated[dict[str, Group], Tag("<mapping>")],
            Discriminator(lambda value: "<mapping>" if isinstance(value, dict) else "<list>"),
        ]
        | None
    ) = Field(
        None,
        description="The levels, e.g. [0.0, 0.1], or named levels that set several values each, "
        "e.g. {small: {model.layers: 2, model.d_model: 64}, large: {model.layers: 4, model.d_model: 128}}.",
    )
    baseline: LevelValue = Field(
        None,
        description="The level of the baseline configuration; by default the value that trial.config has at the path, "
        "else the first level; off for an on/off factor.",
    )
    low: NumberValue | None = Field(None, description="The lower end of a range that a sampler searches, e.g. 1e-4.")
    high: NumberValue | None = Field(None, description="The upper end of a range that a sampler searches, e.g. 1e-2.")
    log: bool = Field(False, description="Whether a sampler searches the range on a logarithmic scale.")
    step: NumberValue | None = Field(None, description="The distance between the values of a range, e.g. 0.1.")
    on: Group | None = Field(
        None, description="What a component sets when it is on, e.g. {regularization.dropout: 0.1}, by dotted path."
    )
    off: Group | None = Field(
        None, description="What the same paths are when it is off, e.g. {regularization.dropout: 0.0}."
    )
    groups: dict[str, Group] | None = Field(
        None, description="The values of each named level by dotted path; a longer form of on and off, or of levels."
    )
    when: dict[str, list[LevelValue]] | None = Field(
        None,
        description="Vary this factor only while another has one of these levels, e.g. {depth: [4]}; "
        "elsewhere it stays at its baseline.",
    )
