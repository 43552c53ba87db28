"""The digits that a metric is reported with, and how small a standard error they can bear.

Values that are printed with two decimals differ from the truth by up to half of the last digit. If rounding hides all
variation, the sample standard deviation is zero and every difference looks certain. Rounding errors are taken to be
uniform over one step r, with variance r²/12 (Sheppard 1898, Proc. London Math. Soc. 29, pp. 353-380): a difference of
two runs has r²/6, and the mean of n of them a standard error of r / sqrt(6 n). No standard error may be smaller.
"""

import math
from typing import Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

DIGITS: Final = 12  # digits beyond these are the rounding of sums, not of what was printed


def resolution(values: ArrayLike) -> float:
    """The largest power of ten that all values are multiples of.

    Digits are counted in the shortest decimal form at twelve significant digits, so that 91.30000000000001 has one
    decimal, as it was printed.

    Args:
        values: `[runs]`, as reported; values that are not finite are skipped.

    Returns:
        E.g. 0.01 for 83.2 and 83.25, 1.0 for 7 and 12. NaN where no value has a digit, i.e. all are 0 or not finite.
    """
    found = np.asarray(values, dtype=np.float64)
    exponents = [_last_digit(value) for value in np.unique(found[np.isfinite(found) & (found != 0)]).tolist()]
    return float(f"1e{min(exponents)}") if exponents else math.nan


def steps_on_scale(values: ArrayLike, step: float, *, log: bool) -> NDArray[np.float64]:
    """By how much one step of the metric changes each value on the scale compared.

    Args:
        values: `[runs]`, as reported; above 0 on a log scale.
        step: the metric's resolution; NaN counts as no step.
        log: whether logarithms are compared: a step at x is then step / x.
    """
    found = np.asarray(values, dtype=np.float64)
    size = step if math.isfinite(step) else 0.0
    return size / np.abs(found) if log else np.full(found.shape, size)


def rounding_error(weights: ArrayLike, steps: ArrayLike) -> float:
    """The standard error of a weighted sum of runs that rounding alone gives it: the least that it can have.

    The mean of n paired differences, with weights of 1/n and -1/n, has r / sqrt(6 n).

    Args:
        weights: `[runs]`.
        steps: `[runs]`, from `steps_on_scale`.
    """
    sizes, width = np.asarray(weights, dtype=np.float64), np.asarray(steps, dtype=np.float64)
    return math.sqrt(float((sizes**2) @ (width**2)) / 12.0)


def _last_digit(value: float) -> int:
    """The power of ten of the last digit of a number that is not 0."""
    digits, _, exponent = f"{value:.{DIGITS - 1}e}".partition("e")
    return int(exponent) - len(digits.partition(".")[2].rstrip("0"))
