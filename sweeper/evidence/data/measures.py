"""The values that are compared: one metric of every completed trial, on the scale on which differences have a meaning.

Perplexities are compared by their logarithms: differences are nats per word, and a change by a percentage of the
perplexity is the same difference everywhere.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sweeper.evidence.statistics.resolution import resolution
from sweeper.spec.metric import Direction, Metric, Scale
from sweeper.store.reading.reader import Curve

__all__ = ["Direction", "Measure", "Metric", "Scale", "best_value", "make_measure", "value_step"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric of a study's completed trials.

    Attributes:
        metric: its name, its direction, and the scale of `values` and of all differences.
        raw: by trial id, as measured; only finite values.
        values: by trial id, on the scale; a trial whose value has no logarithm is left out.
        resolution: of the values as measured; NaN if unknown.
    """

    metric: Metric
    raw: Mapping[int, float] = field(repr=False)
    values: Mapping[int, float] = field(repr=False)
    resolution: float = math.nan

    @property
    def is_log(self) -> bool:
        """Whether differences are differences of logarithms."""
        return self.metric.is_log

    @property
    def sign(self) -> float:
        """What turns a difference into a worsening: 1 where less is better, else -1."""
        return 1.0 if self.metric.minimizes else -1.0

    def on_scale(self, raw: float) -> float:
        """Return a measured value on the scale; NaN if it has no logarithm."""
        if not self.is_log:
            return raw
        return math.log(raw) if raw > 0 else math.nan

    def step_at(self, raw: float) -> float:
        """Return by how much the resolution can change a measured value, on the scale; 0 if unknown."""
        if not math.isfinite(raw) or not math.isfinite(self.resolution):
            return 0.0
        return self.resolution / abs(raw) if self.is_log else self.resolution

    def measured(self, value: float) -> float:
        """Return a value on the scale as it would be measured."""
        return math.exp(value) if self.is_log else value


def make_measure(metric: Metric, raw: Mapping[int, float]) -> Measure:
    """Return the measure of a metric from its values by trial, those that are not finite left out."""
    finite = {trial: value for trial, value in raw.items() if math.isfinite(value)}
    empty = Measure(metric=metric, raw=finite, values={})
    values = {trial: empty.on_scale(value) for trial, value in finite.items()}
    values = {trial: value for trial, value in values.items() if math.isfinite(value)}
    return Measure(metric=metric, raw=finite, values=values, resolution=resolution(list(finite.values())))


def best_value(values: Iterable[float], direction: Direction) -> float:
    """Return the best of some values; NaN if none is finite."""
    finite = [value for value in values if math.isfinite(value)]
    return math.nan if not finite else min(finite) if direction == "minimize" else max(finite)


def value_step(curve: Curve, metric: Metric) -> int | None:
    """Return the step of a curve's value: of the best the first of equals; of a mean the last; None if it has none."""
    value = metric.value.of(curve.values, metric.direction)
    if math.isnan(value):
        return None
    return curve.steps[curve.values.index(value) if metric.value.kind == "best" else -1]
