"""Metrics: what is measured, which direction is better, on which scale, and which point of a curve is a run's value.

The best point of a curve rewards noise: the more often a run is evaluated and the noisier its evaluations, the better
the best of them looks. Where runs differ in either, the last point or a mean of the last few compares them fairly.
"""

import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

PERPLEXITY: Final = re.compile(r"perplexity|(?<![a-zA-Z])ppl(?![a-zA-Z])", re.IGNORECASE)

Direction = Literal["minimize", "maximize"]
Scale = Literal["log", "linear"]
ValueKind = Literal["best", "last", "mean_of_last", "best_length"]


@dataclass(frozen=True, slots=True)
class CurveValue:
    """Which point of a curve is the value of a run; `last` is the number of last points of which the mean is taken.

    Of a single run, `best_length` is the best point. Claims then compare configurations, each at its own best length.
    """

    kind: ValueKind = "best"
    last: int = 1

    def __post_init__(self) -> None:
        """Refuse a mean of no points."""
        if self.last < 1:
            raise ValueError(f"`last >= 1` must hold for a mean of the last points, but last={self.last}")

    def __str__(self) -> str:
        return f"mean of the last {self.last}" if self.kind == "mean_of_last" else self.kind.replace("_", " ")

    @property
    def takes_best(self) -> bool:
        """Whether it is the best point of a run's curve."""
        return self.kind in ("best", "best_length")

    def of(self, values: Sequence[float], direction: Direction) -> float:
        """Return the value of a curve.

        Points that are not finite never count as the best, but a run that ends with one has no last value, nor a mean
        of its last few: it diverged.

        Args:
            values: the curve's points, in the order of steps.

        Returns:
            NaN where there is none, as for a curve with fewer points than the mean is of.
        """
        if self.takes_best:
            finite = [value for value in values if math.isfinite(value)]
            return math.nan if not finite else min(finite) if direction == "minimize" else max(finite)
        count = self.last if self.kind == "mean_of_last" else 1
        found = values[-count:]
        if len(found) < count or not all(map(math.isfinite, found)):
            return math.nan
        return mean_of(found)

    def so_far(self, values: Sequence[float], direction: Direction) -> float:
        """Return the value of a curve that has not ended: of a mean, that of the points that there are."""
        if self.kind == "mean_of_last" and 0 < len(values) < self.last:
            return CurveValue("mean_of_last", len(values)).of(values, direction)
        return self.of(values, direction)


def mean_of(values: Sequence[float]) -> float:
    """Return the mean of finite numbers, however large: their sum may be beyond the largest float."""
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        half = math.fsum(value / (2 * len(values)) for value in values)
        return 2.0 * max(-sys.float_info.max / 2, min(half, sys.float_info.max / 2))


BEST: Final = CurveValue("best")
LAST: Final = CurveValue("last")
BEST_LENGTH: Final = CurveValue("best_length")


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A metric by which trials are compared.

    Attributes:
        value: which point of its curve is the value of a run.
        is_usual_value: whether that is so because the study file names none (`sweeper.spec.usual_value`).
        declared: whether its direction is known. If not, `direction` is the study's, and nothing may rest on it.
    """

    name: str
    direction: Direction
    scale: Scale
    value: CurveValue = BEST
    declared: bool = True
    is_usual_value: bool = field(default=False, compare=False)

    @property
    def is_log(self) -> bool:
        """Whether values are compared by their logarithms."""
        return self.scale == "log"

    @property
    def minimizes(self) -> bool:
        """Whether less is better."""
        return self.direction == "minimize"


def default_scale(metric: str) -> Scale:
    """Return the scale of a metric for which the study names none: log for perplexities, else linear.

    >>> [default_scale(name) for name in ("valid_perplexity", "valid_ppl", "PPL", "suppl", "bpc")]
    ['log', 'log', 'log', 'linear', 'linear']
    """
    return "log" if PERPLEXITY.search(metric) else "linear"


def metric_named(name: str, own: Metric, *, is_trainer: bool) -> Metric:
    """Return the metric that a claim gives by its name alone: the study's own, or one that the trainer declares.

    Args:
        own: the study's.
        is_trainer: whether the program is the built-in trainer.
    """
    if name == own.name:
        return own
    direction = _trainers_direction(name) if is_trainer else None
    return Metric(
        name=name,
        direction=direction or own.direction,
        scale=default_scale(name),
        value=own.value,
        is_usual_value=own.is_usual_value,
        declared=direction is not None,
    )


def _trainers_direction(name: str) -> Direction | None:
    from trainer.config.metrics import DIRECTIONS  # noqa: PLC0415 - pydantic is slow to load

    return DIRECTIONS.get(name)
