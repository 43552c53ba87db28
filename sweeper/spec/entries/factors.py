"""A factor as the study file writes it, in any of its forms."""

from typing import Annotated

from pydantic import Discriminator, Field, Tag

from sweeper.spec.entries.values import LevelValue, NumberValue, Section

Group = dict[str, object]  # values by dotted path


class BetweenEntry(Section):
    """The numbers of another factor at which a factor is varied."""

    low: NumberValue | None = Field(None, description="Lowest number, e.g. 4. Default: no lower end.")
    high: NumberValue | None = Field(None, description="Highest number, e.g. 8. Default: no upper end.")


class FactorEntry(Section):
    """A setting of the program: a dotted path and its levels, a range, or named levels that set several values."""

    path: str | None = Field(
        None,
        min_length=1,
        description="Dotted path of the factor's value in trial.config, e.g. model.layers. Default: its name.",
    )
    levels: (
        Annotated[
            Annotated[list[LevelValue], Tag("<list>")] | Annotated[dict[str, Group], Tag("<mapping>")],
            Discriminator(lambda value: "<mapping>" if isinstance(value, dict) else "<list>"),
        ]
        | None
    ) = Field(
        None,
        description="Levels, e.g. [0.0, 0.1], [null, 1.0] or [[8], [8, 16]], or named levels that set several values "
        "each, e.g. {small: {model.layers: 2, model.d_model: 64}, large: {model.layers: 4, model.d_model: 128}}.",
    )
    baseline: LevelValue = Field(
        None,
        description="Level of the baseline configuration. Default: the value in trial.config, else the first level; "
        "off for a factor with on and off.",
    )
    low: NumberValue | None = Field(None, description="Lowest value of a range for samplers, e.g. 1e-4.")
    high: NumberValue | None = Field(None, description="Highest value of a range for samplers, e.g. 1e-2.")
    log: bool = Field(False, description="Whether to search the range on a logarithmic scale.")
    step: NumberValue | None = Field(None, description="Distance between neighboring values of the range, e.g. 0.1.")
    on: Group | None = Field(
        None,
        description="Values that the component sets when it is on, by dotted path, e.g. {regularization.dropout: 0.1}.",
    )
    off: Group | None = Field(
        None, description="Values of the same paths when it is off, e.g. {regularization.dropout: 0.0}."
    )
    groups: dict[str, Group] | None = Field(
        None, description="Values of each named level, by dotted path; the long form of on and off, or of named levels."
    )
    when: (
        dict[
            str,
            Annotated[
                Annotated[list[LevelValue], Tag("<list>")] | Annotated[BetweenEntry, Tag("<mapping>")],
                Discriminator(lambda value: "<mapping>" if isinstance(value, dict | BetweenEntry) else "<list>"),
            ],
        ]
        | None
    ) = Field(
        None,
        description="Vary this factor only if others have these levels, e.g. {depth: [4]}, or these numbers, e.g. "
        "{depth: {low: 4}}; elsewhere it stays at its baseline.",
    )
