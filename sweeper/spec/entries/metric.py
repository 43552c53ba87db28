"""The metric of a study or of a claim, as the study file writes it."""

from typing import Annotated, Final, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag

from sweeper.spec.entries.values import Section
from sweeper.spec.metric import Direction, Scale
from trainer.config.wording import shown, suggestion

VALUES: Final = ("best", "last", "best_length")
MOST_POINTS: Final = 10_000


def _checked_value(value: object) -> object:
    """Return the name of a point of a curve.

    Raises:
        ValueError: it is not one.
    """
    if value in VALUES:
        return value
    near = suggestion(value, VALUES) if isinstance(value, str) else ""
    raise ValueError(
        f"{shown(value)} is not a point of a curve.{near} Use best, last, best_length or {{mean_of_last: 3}}."
    )


class MeanOfLastEntry(Section):
    """The mean of the last points of a curve."""

    mean_of_last: Annotated[int, Field(ge=1, le=MOST_POINTS)] = Field(
        description="Number of last points to average, e.g. 3."
    )


PointEntry = Annotated[
    Annotated[Literal["best", "last", "best_length"], BeforeValidator(_checked_value), Tag("<name>")]
    | Annotated[MeanOfLastEntry, Tag("<mapping>")],
    Discriminator(lambda value: "<mapping>" if isinstance(value, dict | MeanOfLastEntry) else "<name>"),
]


class MetricEntry(Section):
    """The metric by which trials are compared."""

    name: str = Field(min_length=1, max_length=200, description="Name of the metric, e.g. valid_perplexity.")
    direction: Direction = Field(description="Whether lower values are better (minimize) or higher ones (maximize).")
    scale: Scale | None = Field(
        None,
        description="Whether effects are ratios (log) or differences (linear). Default: log for perplexities, else "
        "linear.",
    )
    value: PointEntry | None = Field(
        None,
        description="Which point of a trial's curve is its value: best, last, or {mean_of_last: 3} for a mean. The "
        "best point favors trials that are evaluated more often or more noisily. With best_length, claims compare "
        "configurations, each at its own best length. Default: last if every trial ends at "
        "its phase's budget, best if something else chooses the point: a pruner, patience or early stopping, a test "
        "of the best weights, or a command without its budget.",
    )
