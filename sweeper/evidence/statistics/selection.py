"""Paying for a choice: p-values where what is compared was picked for looking best.

The best of m levels looks good even if none does anything. For "some level of the first beats every level of the
second", the denial must be rejected for one pair of levels; of m levels whose denials are true the smallest p-value is
below a with probability m a at most (Bonferroni), whatever they have in common, and whatever rule picked the level: it
holds if validation chose the level and test values rank it, where the two are correlated. Choosing among the levels of
the second costs nothing, since the claim must hold against each of them (intersection-union; Berger 1982).
"""


def selected_p(p: float, compared: int) -> float:
    """The p-value of an effect whose level was picked from several.

    Args:
        p: of the level that was picked.
        compared: the levels that it was picked from; 1 or less if there was no choice.
    """
    return min(1.0, max(compared, 1) * p)


def ordering_p(p: float, *, rising: int, falling: int, supports: bool) -> float:
    """The p-value of a part of an ordering, "the best level of one factor gains more than that of another".

    To support it, the choice among the levels of the factor that rises is paid for; to refute it, that among the
    levels of the other one.

    Args:
        p: for the two levels that were picked.
        rising: the levels of the factor claimed to gain more that its level was picked from.
        falling: of the other one.
        supports: whether p is of the claim's denial.
    """
    return selected_p(p, rising if supports else falling)
