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

PARTS: Final = 20  # of the smallest gap between values at most make a step
BY_CHANCE: Final = 1e-3  # the chance at which values of no lattice may be taken for one
DIGITS: Final = 12  # digits beyond these are the rounding of sums, not of what was printed
DIGIT_ERROR: Final = 10.0**-DIGITS  # of the largest value


def resolution(values: ArrayLike) -> float:
    """The step between values: the largest power of ten that all are multiples of, or that of a coarser lattice.

    Digits are counted in the shortest decimal form at twelve significant digits, so that 91.30000000000001 has one
    decimal, as it was printed. A share of 30 questions has many digits, but steps of 1/30: see `lattice`.

    Args:
        values: `[runs]`, as reported; values that are not finite are skipped.

    Returns:
        E.g. 0.01 for 83.2 and 83.25, 1.0 for 7 and 12. NaN where no value has a digit, i.e. all are 0 or not finite.
    """
    found = np.unique(np.asarray(values, dtype=np.float64))
    found = found[np.isfinite(found)]
    exponents = [last_digit(value) for value in found[found != 0].tolist()]
    if not exponents:
        return math.nan
    digit = float(f"1e{min(exponents)}")
    return max(digit, lattice(found, digit))


def lattice(values: NDArray[np.float64], digit: float) -> float:
    """The largest step whose multiples some values are; 0 if none is sure to be more than chance.

    The step divides the smallest gap. Each other gap of values of no lattice is close to a multiple by chance, with
    the probability that its rounding has beside the step. Values at equal distances that are no multiples of it, such
    as 1.2345 + 0.1 k, are no counts: nothing rounds like that.

    Args:
        values: `[distinct]`, sorted.
        digit: the last digit of the values, by which they are rounded.
    """
    gaps = np.diff(values)
    if len(gaps) < 2:
        return 0.0
    least, error = float(gaps.min()), max(digit, DIGIT_ERROR * float(np.abs(values).max()))
    for parts in range(1, PARTS + 1):
        step = least / parts
        chance = min(2.0 * error / step, 1.0) ** (len(gaps) - 1)
        if chance * PARTS > BY_CHANCE:
            break
        if all(np.all(np.abs(each - step * np.round(each / step)) <= error) for each in (gaps, values)):
            return step
    return 0.0


def rounding_error(weights: ArrayLike, steps: ArrayLike) -> float:
    """The standard error of a weighted sum of runs that rounding alone gives it: the least that it can have.

    The mean of n paired differences, with weights of 1/n and -1/n, has r / sqrt(6 n).

    Args:
        weights: `[runs]`.
        steps: `[runs]`, by how much the resolution of the metric can change each value, on the scale compared.
    """
    sizes, width = np.asarray(weights, dtype=np.float64), np.asarray(steps, dtype=np.float64)
    return math.sqrt(float((sizes**2) @ (width**2)) / 12.0)


def significant_digits(value: float) -> int:
    """How many digits a number has, e.g. 3 for 0.913; 0 for 0."""
    return math.floor(math.log10(abs(value))) - last_digit(value) + 1 if value else 0


def last_digit(value: float) -> int:
    """The power of ten of the last digit of a number that is not 0."""
    digits, _, exponent = f"{value:.{DIGITS - 1}e}".partition("e")
    return int(exponent) - len(digits.partition(".")[2].rstrip("0"))
