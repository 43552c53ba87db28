"""The values that are compared: a metric of every completed trial, on the scale on which differences mean something.

Perplexities are compared by their logarithms: differences are nats a word, and a change by a share of the perplexity
is the same difference everywhere.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sweeper.evidence.data.load import StudyData, best_of

Scale = Literal["log", "linear"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One metric of a study's completed trials.

    Attributes:
        name: the metric's.
        direction: minimize or maximize.
        scale: log or linear: that of `values` and of all differences.
        raw: by trial id, as measured; completed trials with a finite value only.
        values: by trial id, on the scale.
        chooser: the measure by which levels are chosen, where that is not the study's own of all its trials.
    """

    name: str
    direction: str
    scale: Scale
    raw: Mapping[int, float] = field(repr=False)
    values: Mapping[int, float] = field(repr=False)
    chooser: "Measure | None" = field(default=None, repr=False)
    known_cells: dict[str, Any] = field(init=False, repr=False, compare=False, default_factory=dict)
    """By phase, what `cells.cells` made of the values: claims and effects ask for a phase many times."""

    @property
    def sign(self) -> float:
        """Times a difference: positive where it worsens the metric."""
        return 1.0 if self.direction == "minimize" else -1.0

    def on_scale(self, raw: float) -> float:
        """A measured value on the scale; NaN where it has no logarithm."""
        if self.scale == "linear":
            return raw
        return math.log(raw) if raw > 0 else math.nan


def measure(data: StudyData, metric: str | None = None) -> Measure:
    """A metric of the study, by default its own.

    The study's own is the best value of each trial, as the store keeps it. Another one is read from the trials'
    results, and where they do not have it, is the best of its curve. Its direction is taken to be that of the study's.
    """
    name = metric or data.study.metric
    scale = _scale(data, name)
    raw = {trial: value for trial, value in _raw(data, name) if math.isfinite(value)}
    found = Measure(name=name, direction=data.study.direction, scale=scale, raw=raw, values={})
    values = {trial: found.on_scale(value) for trial, value in raw.items()}
    values = {trial: value for trial, value in values.items() if math.isfinite(value)}
    return Measure(name=name, direction=found.direction, scale=scale, raw=raw, values=values)


def _scale(data: StudyData, name: str) -> Scale:
    stated = data.study.spec["metric"].get("scale") if name == data.study.metric else None
    if stated in ("log", "linear"):
        return "log" if stated == "log" else "linear"
    return "log" if "perplexity" in name else "linear"


def _raw(data: StudyData, name: str) -> list[tuple[int, float]]:
    completed = data.trials[data.trials["state"] == "completed"]
    if name == data.study.metric:
        return [
            (int(trial), float(value)) for trial, value in zip(completed["trial_id"], completed["value"], strict=True)
        ]
    return [(int(trial), _value(data, int(trial), name)) for trial in completed["trial_id"]]


def _value(data: StudyData, trial: int, name: str) -> float:
    result: Any = data.results.get(trial, {}).get(name)
    if isinstance(result, int | float) and not isinstance(result, bool):
        return float(result)
    curve = data.curves(name).get(trial)
    best = best_of(curve, data.study.direction) if curve is not None else None
    return math.nan if best is None else best[1]
