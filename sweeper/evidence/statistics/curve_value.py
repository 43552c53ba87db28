"""The value of a run from its curve: the best point, the last one, or the mean of the last few.

The best of a curve rewards noise: the more often a run is evaluated and the noisier its evaluations, the lower is their
minimum, by about sqrt(2 ln k) standard deviations for k independent evaluations. Where arms differ in either, the best
point compares how they were evaluated. The last point, or a mean of the last few, does not.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats


@dataclass(frozen=True, slots=True)
class CurveValue:
    """Which point of a curve counts; `last` says of how many last points the mean is taken.

    >>> curve_value([3.0, 1.0, 2.0], CurveValue("best"), direction="minimize")
    1.0
    >>> curve_value([3.0, 1.0, 2.0], CurveValue("last"), direction="minimize")
    2.0
    >>> curve_value([3.0, 1.0, 2.0], CurveValue("mean_of_last", 2), direction="minimize")
    1.5
    """

    kind: Literal["best", "last", "mean_of_last"]
    last: int = 1

    def __post_init__(self) -> None:
        """Refuse a mean of no points."""
        if self.last < 1:
            raise ValueError(f"`last >= 1` must hold for a mean of the last points, but last={self.last}")

    def __str__(self) -> str:
        return f"mean of the last {self.last}" if self.kind == "mean_of_last" else self.kind


def curve_value(values: ArrayLike, value: CurveValue, *, direction: str) -> float:
    """The value of a curve.

    Points that are not finite never count as the best, but a run that ends with one has no last value, nor a mean of
    its last few: it diverged.

    Args:
        values: `[points]`, in the order of steps.
        value: which point counts.
        direction: minimize or maximize.

    Returns:
        NaN where there is none, as for a curve with fewer points than the mean is of.
    """
    curve = np.asarray(values, dtype=np.float64)
    if value.kind == "best":
        finite = curve[np.isfinite(curve)]
        return math.nan if not len(finite) else float(finite.min() if direction == "minimize" else finite.max())
    count = value.last if value.kind == "mean_of_last" else 1
    last = curve[-count:]
    return float(last.mean()) if len(last) == count and np.isfinite(last).all() else math.nan


def evaluation_noise(values: ArrayLike) -> float:
    """The standard deviation of a curve's points about their trend, from second differences; NaN below four points.

    Second differences take out a locally linear trend; for independent noise their variance is 6 times its own (von
    Neumann et al. 1941, Ann. Math. Stat. 12; Gasser, Sroka and Jennen-Steinmetz 1986, Biometrika 73).

    Args:
        values: `[points]`, in the order of steps, evenly spaced; points that are not finite are skipped.
    """
    curve = np.asarray(values, dtype=np.float64)
    curve = curve[np.isfinite(curve)]
    if len(curve) < FEWEST_POINTS:
        return math.nan
    return math.sqrt(float(np.mean(np.diff(curve, n=2) ** 2)) / 6.0)


FEWEST_POINTS = 4


def evaluated_alike(
    points: Sequence[Sequence[int]], noise: Sequence[Sequence[float]], *, level: float = 0.01
) -> tuple[bool, bool]:
    """Whether arms were evaluated equally often, and with equal noise.

    Noise is compared by Kruskal and Wallis' (1952) rank test over the runs' noise: it asks nothing of its distribution.

    Args:
        points: of each arm the number of evaluations of every run.
        noise: of each arm `evaluation_noise` of every run; NaN is skipped.
        level: of the test of noise.

    Returns:
        Equally often; equally noisy, as far as the data show.
    """
    often = len({count for arm in points for count in arm}) <= 1
    known: list[NDArray[np.float64]] = [np.asarray([each for each in arm if math.isfinite(each)]) for arm in noise]
    known = [arm for arm in known if len(arm)]
    if len(known) < 2 or len({float(each) for arm in known for each in arm}) < 2:
        return often, True
    return often, bool(stats.kruskal(*known).pvalue >= level)
