"""Whether runs were evaluated alike: equally often, and with equal noise.

The best of a curve rewards noise: the more often a run is evaluated and the noisier its evaluations, the lower is their
minimum, by about sqrt(2 ln k) standard deviations for k independent evaluations. Where arms differ in either, the best
point compares how they were evaluated (`sweeper.spec.metric.CurveValue`).
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import scipy  # scipy.stats takes half a second to load, and does so where it is first used
from numpy.typing import ArrayLike, NDArray

FEWEST_POINTS: Final = 4


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


def evaluated_alike(
    points: Sequence[Sequence[int]], noise: Sequence[Sequence[float]], *, level: float = 0.05
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
    return often, bool(scipy.stats.kruskal(*known).pvalue >= level)
