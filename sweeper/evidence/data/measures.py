"""The values that are compared: one metric of every completed trial, on the scale on which differences have a meaning.

Perplexities are compared by their logarithms: differences are nats per word, and a change by a percentage of the
perplexity is the same difference everywhere.
"""

import math
import sys
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from sweeper.evidence.formatting import number
from sweeper.evidence.statistics.resolution import resolution
from sweeper.spec.metric import Direction, Metric, Scale, mean_of
from sweeper.store.reading.reader import Curve

__all__ = ["Direction", "Measure", "Metric", "Scale", "best_value", "make_measure", "mean_of", "value_step"]


LARGEST_LOG: Final = math.log(sys.float_info.max)
# Squares of values outside these bounds, which the variance is made of, are no longer finite or no longer above 0.
LARGEST: Final = 1e150
SMALLEST: Final = 1e-150


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric of a study's completed trials.

    Attributes:
        metric: its name, its direction, and the scale of `values` and of all differences.
        raw: by trial id, as measured; only finite values.
        values: by trial id, on the scale; a trial whose value cannot be compared on it is left out.
        resolution: of the values as measured; NaN if unknown.
        diverged: the trials whose value is not finite.
    """

    metric: Metric
    raw: Mapping[int, float] = field(repr=False)
    values: Mapping[int, float] = field(repr=False)
    resolution: float = math.nan
    diverged: Collection[int] = frozenset()

    @property
    def is_log(self) -> bool:
        """Whether differences are differences of logarithms."""
        return self.metric.is_log

    @property
    def sign(self) -> float:
        """What turns a difference into a worsening: 1 where less is better, else -1."""
        return 1.0 if self.metric.minimizes else -1.0

    def on_scale(self, raw: float) -> float:
        """Return a measured value on the scale; NaN if it cannot be compared there."""
        if self.why_not(raw):
            return math.nan
        return math.log(raw) if self.is_log else raw

    def all_on_scale(self, values: Iterable[float]) -> list[float]:
        """Return the points of a curve on the scale; NaN for those that are not finite or cannot be compared there."""
        if self.is_log:
            return [math.log(value) if 0 < value < math.inf else math.nan for value in values]
        return [value if SMALLEST <= abs(value) <= LARGEST or value == 0 else math.nan for value in values]

    def why_not(self, raw: float) -> str:
        """Return why a finite value cannot be compared on the scale, e.g. ``0 has no logarithm``; empty if it can."""
        if self.is_log:
            return "" if raw > 0 else f"{number(raw)} has no logarithm"
        if abs(raw) > LARGEST:
            return f"{number(raw)} is too large to compute with"
        return f"{number(raw)} is too small to compute with" if 0 < abs(raw) < SMALLEST else ""

    def step_at(self, raw: float) -> float:
        """Return by how much the resolution can change a measured value, on the scale; 0 if unknown."""
        if not math.isfinite(raw) or not math.isfinite(self.resolution):
            return 0.0
        return self.resolution / abs(raw) if self.is_log else self.resolution

    def share_at(self, raw: float) -> float:
        """Return the resolution over a measured value; infinite if unknown."""
        known = math.isfinite(raw) and math.isfinite(self.resolution) and raw != 0
        return self.resolution / abs(raw) if known else math.inf

    def measured(self, value: float) -> float:
        """Return a value on the scale as it would be measured."""
        if not self.is_log:
            return value
        return math.exp(value) if value < LARGEST_LOG else sys.float_info.max


def make_measure(metric: Metric, raw: Mapping[int, float]) -> Measure:
    """Return the measure of a metric from its values by trial; runs whose value is not finite diverged."""
    finite = {trial: value for trial, value in raw.items() if math.isfinite(value)}
    empty = Measure(metric=metric, raw=finite, values={})
    values = {trial: empty.on_scale(value) for trial, value in finite.items()}
    values = {trial: value for trial, value in values.items() if math.isfinite(value)}
    return Measure(
        metric=metric,
        raw=finite,
        values=values,
        resolution=resolution([finite[trial] for trial in values]),
        diverged=frozenset(raw.keys() - finite.keys()),
    )


def best_value(values: Iterable[float], direction: Direction) -> float:
    """Return the best of some values; NaN if none is finite."""
    finite = [value for value in values if math.isfinite(value)]
    return math.nan if not finite else min(finite) if direction == "minimize" else max(finite)


def value_step(curve: Curve, metric: Metric) -> int | None:
    """Return the step of a curve's value: of the best the first of equals; of a mean the last; None if it has none."""
    value = metric.value.of(curve.values, metric.direction)
    if math.isnan(value):
        return None
    return curve.steps[curve.values.index(value) if metric.value.takes_best else -1]
