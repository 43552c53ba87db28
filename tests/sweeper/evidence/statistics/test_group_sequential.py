"""Group-sequential boundaries: against published tables, a closed form, and simulation."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from sweeper.evidence.statistics.group_sequential import Looks, nominal_levels, sequential_p, spent

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)

# gsDesign 3.x: gsDesign(k = 5, test.type = 1, alpha = 0.025, sfu = sfLDOF and sfLDPocock)$upper$bound
TABLES = {
    "obrien_fleming": (4.8769, 3.3569, 2.6803, 2.2898, 2.0310),
    # alpha t^2; from the multivariate normal distribution of the looks (scipy.stats.multivariate_normal)
    "kim_demets": (3.0902, 2.7141, 2.4728, 2.2799, 2.1140),
    "pocock": (2.4380, 2.4268, 2.4101, 2.3966, 2.3859),
}


def looks(pairs: range, others: float, spending: str = "pocock") -> Looks:
    """Looks after each seed, with so many degrees of freedom a seed from other configurations."""
    return Looks(
        pairs=tuple(pairs),
        df=tuple((n - 1) * (1 + others) for n in pairs),
        information=tuple(n / pairs[-1] for n in pairs),
        spending=spending,  # type: ignore[arg-type]
    )


def critical_values(plan: Looks, alpha: float) -> tuple[float, ...]:
    """The t statistic that each look must reach."""
    levels = nominal_levels(plan, alpha)
    return tuple(float(stats.t.isf(level, df)) for df, level in zip(plan.df, levels, strict=True))


def crossings(plan: Looks, alpha: float, studies: int, seed: int) -> NDArray[np.float64]:
    """The share of simulated null studies that first reach their boundary at each look."""
    generator = np.random.default_rng(seed)
    bounds = critical_values(plan, alpha)
    total, squares, rest = np.zeros(studies), np.zeros(studies), np.zeros(studies)
    alive = np.ones(studies, dtype=bool)
    n_before, rest_before, found = 0, 0.0, []
    for n, df, bound in zip(plan.pairs, plan.df, bounds, strict=True):
        for _ in range(n - n_before):
            difference = generator.standard_normal(studies)
            total += difference
            squares += difference**2
        others = df - (n - 1)
        if others > rest_before + 1e-9:
            rest += generator.chisquare(others - rest_before, studies)
        n_before, rest_before = n, others
        error = np.sqrt((squares - total**2 / n + rest) / df / n)
        reached = alive & (total / n >= bound * error)
        alive &= ~reached
        found.append(reached.mean())
    return np.array(found)


@pytest.mark.parametrize("spending", sorted(TABLES))
def test_with_a_known_variance_boundaries_are_those_of_gsdesign(spending: str) -> None:
    plan = Looks(pairs=(1, 2, 3, 4, 5), df=(1e6, 2e6, 3e6, 4e6, 5e6), information=FIVE, spending=spending)  # type: ignore[arg-type]
    assert critical_values(plan, 0.025) == pytest.approx(TABLES[spending], abs=2e-3)


@pytest.mark.parametrize(
    ("plan", "alpha"),
    [
        (looks(range(2, 9), 0.0), 0.05),
        (looks(range(2, 9), 3.0), 0.05),
        (looks(range(2, 9), 3.0, "obrien_fleming"), 0.05),
        (looks(range(3, 7), 11.0), 0.05 / 12),
        (Looks(pairs=(2, 3, 5, 8), df=(2.5, 5.0, 9.0, 15.0), information=(0.25, 0.375, 0.625, 1.0)), 0.05),
    ],
)
def test_each_look_spends_its_share_of_the_error(plan: Looks, alpha: float) -> None:
    studies = 400_000
    found = crossings(plan, alpha, studies, seed=1)
    shares = [spent(alpha, information, plan.spending) for information in plan.information]
    expected = np.diff([0.0, *shares])
    margin = 4 * np.sqrt(expected / studies) + 0.01 * expected + 1e-7
    assert np.all(np.abs(found - expected) <= margin), (found, expected)
    assert shares[-1] == pytest.approx(alpha)


def test_naive_looks_err_far_more_often_than_five_percent() -> None:
    plan = looks(range(3, 21), 3.0)
    naive = Looks(pairs=(20,), df=(plan.df[-1],), information=(1.0,), spending="pocock")
    assert nominal_levels(naive, 0.05) == pytest.approx((0.05,), rel=1e-3)
    levels = nominal_levels(plan, 0.05)
    assert max(levels) < 0.02  # what 18 looks leave to each


def test_one_look_is_the_fixed_test() -> None:
    plan = Looks(pairs=(6,), df=(12.0,), information=(1.0,))
    assert critical_values(plan, 0.05) == pytest.approx((float(stats.t.isf(0.05, 12)),), rel=1e-4)
    assert sequential_p(plan, (0.0321,)) == pytest.approx(0.0321, rel=1e-3)


def test_the_sequential_p_value_is_the_least_error_at_which_a_look_rejects() -> None:
    plan = looks(range(2, 7), 2.0)
    p_values = (0.2, 0.05, 0.004)
    found = sequential_p(plan, p_values)
    above, below = nominal_levels(plan, found * 1.01), nominal_levels(plan, found * 0.99)
    assert any(p <= level for p, level in zip(p_values, above, strict=False))
    assert not any(p <= level for p, level in zip(p_values, below, strict=False))


def test_looks_to_come_do_not_change_what_was_seen() -> None:
    plan = looks(range(2, 9), 2.0)
    first = Looks(pairs=plan.pairs[:3], df=plan.df[:3], information=plan.information[:3], spending=plan.spending)
    assert sequential_p(first, (0.2, 0.05, 0.004)) == pytest.approx(sequential_p(plan, (0.2, 0.05, 0.004)), rel=1e-3)


@pytest.mark.parametrize(("pairs", "df"), [((2, 2), (1.0, 2.0)), ((2, 3), (0.0, 1.0)), ((2, 4), (1.0, 2.0)), ((), ())])
def test_looks_that_cannot_be_are_refused(pairs: tuple[int, ...], df: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match=r"must|one entry"):
        Looks(pairs=pairs, df=df, information=tuple((place + 1) / 2 for place in range(len(pairs))))
