"""How likely runs that vary are to agree in all digits that are reported.

Normal values that are rounded to multiples of a step r, small beside their spread, all fall on the same one with the
chance of the integral of (r f(x))^n / r over their density f: (r / (s sqrt(2 pi)))^(n-1) / sqrt(n). They lie within k
steps of each other in (k+1)^n - k^n as many ways, by which step the lowest of them has.
"""

import math


def chance_of_agreement(count: int, step: float, spread: float, *, apart: float = 0.0) -> float:
    """The chance that rounded values are so close together; 1 where their spread is no larger than a step.

    Args:
        count: of the values.
        step: of which they are multiples.
        spread: their standard deviation before they are rounded.
        apart: how far the lowest and the highest of them may be apart.
    """
    share = (apart + step) / max(spread, math.ulp(0.0)) / math.sqrt(2.0 * math.pi)
    if step <= 0 or spread <= step or share >= 1.0:
        return 1.0
    part = step / (apart + step)  # 1 / (k + 1)
    ways = -math.expm1(count * math.log1p(-part)) / part if part < 1.0 else 1.0  # over (k + 1)^(n - 1)
    return min(1.0, ways * share ** (count - 1) / math.sqrt(count))


def chance_of_tie(count: int, step: float, spread: float) -> float:
    """An upper limit of the chance that any two of some rounded values are equal."""
    if spread <= step or step <= 0:
        return 1.0
    return min(1.0, math.comb(count, 2) * chance_of_agreement(2, step, spread))
