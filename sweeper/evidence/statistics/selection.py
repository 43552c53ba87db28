"""Paying for a choice: p-values where what is compared was picked for looking best.

The best of m levels looks good even if none does anything. For "some level of the first beats every level of the
second", the denial must be rejected for one pair of levels; of m levels whose denials are true the smallest p-value is
below a with probability m a at most (Bonferroni), whatever they have in common, and whatever rule picked the level: it
holds if validation chose the level and test values rank it, where the two are correlated. Choosing among the levels of
the second costs nothing, since the claim must hold against each of them (intersection-union; Berger 1982).

It costs power, though: the best of the second's levels looks better than it is.
"""

from scipy import special


def best_of(levels: int) -> float:
    """By how many standard errors the best of some equal levels looks better than it is, on average.

    Blom's (1958) approximation of the expected largest of some normal variables; 0 for a single one.
    """
    return float(special.ndtri((levels - 0.375) / (levels + 0.25))) if levels > 1 else 0.0


def selected_p(p: float, compared: int) -> float:
    """The p-value of an effect whose level was picked from several.

    Args:
        p: of the level that was picked.
        compared: the levels that it was picked from; 1 or less if there was no choice.
    """
    return min(1.0, max(compared, 1) * p)
