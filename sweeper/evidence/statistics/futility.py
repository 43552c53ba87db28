"""Whether more runs are worth it: the probability that a test ends below its level, given what was seen so far.

Stopping where it is small (stochastic curtailment: Lan, Simon and Halperin 1982) never raises the error of supporting
a claim. It uses the B-value of Lan and Wittes (1988), Biometrics 44, pp. 579-585: a p-value on the normal scale times
the square root of the information, which grows by independent normal increments.
"""

import math

from scipy import special


def predictive_power(p: float, information: float, level: float, until: float = 1.0) -> float:
    """Return the probability of p < level once a share of the information is there, given the data so far.

    It is averaged over what the trend may be (Spiegelhalter, Freedman and Blackburn 1986), since two or three seeds say
    little about that; so it is nearer to one half than the conditional power of the trend as it is.

    Args:
        p: the current one-sided p-value.
        information: the share of the plan's so far, above 0.
        level: of the test at that moment; 0 is never reached.
        until: the share at that moment; by default the end of the plan.
    """
    if information >= until:
        return float(p <= level)
    if p >= 1.0 or level <= 0.0:
        return 0.0
    if p <= 0.0:
        return 1.0
    more = until - information
    mean = -float(special.ndtri(p)) / math.sqrt(information) * until  # of the B-value then
    variance = more * (1 + more / information)
    return float(special.ndtr((mean + math.sqrt(until) * float(special.ndtri(level))) / math.sqrt(variance)))
