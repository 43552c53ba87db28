"""The chance that runs which vary agree in all digits that are reported."""

import numpy as np
import pytest

from sweeper.evidence.statistics.agreement import chance_of_agreement, chance_of_tie


def printed(count: int, spread: float) -> np.ndarray:
    """Normal values in steps of 1 about any mean, `[100,000, count]`."""
    rng = np.random.default_rng(7)
    return np.round(rng.uniform(0, 1, size=(100_000, 1)) + rng.normal(0, spread, size=(100_000, count)))


@pytest.mark.parametrize(("count", "spread", "apart"), [(2, 3, 0), (3, 3, 0), (4, 1.5, 0), (3, 5, 1), (4, 4, 2)])
def test_the_chance_of_agreement_is_that_of_rounded_normal_values(count: int, spread: float, apart: float) -> None:
    share = float((np.ptp(printed(count, spread), axis=1) <= apart).mean())
    found = chance_of_agreement(count, 1.0, spread, apart=apart)
    assert found == pytest.approx(share, rel=0.12)
    assert chance_of_agreement(count, 0.01, spread / 100, apart=apart / 100) == pytest.approx(found)


@pytest.mark.parametrize(("count", "spread"), [(3, 20.0), (5, 50.0)])
def test_the_chance_of_a_tie_is_no_smaller_than_that_of_rounded_normal_values(count: int, spread: float) -> None:
    values = np.sort(printed(count, spread), axis=1)
    share = float((np.diff(values, axis=1) == 0).any(axis=1).mean())
    assert 0.95 * share < chance_of_tie(count, 1.0, spread) < 1.25 * share


def test_values_that_vary_by_less_than_a_step_are_bound_to_agree() -> None:
    assert chance_of_agreement(5, 1.0, 0.9) == chance_of_tie(5, 1.0, 0.9) == 1.0
    assert chance_of_agreement(5, 0.0, 0.9) == 1.0  # the step is unknown


def test_the_chance_of_extreme_values_is_computed() -> None:
    assert chance_of_agreement(3, 1e-16, 1e307, apart=1.0) == 0.0
    assert chance_of_agreement(3, 1e-16, 1e307, apart=1e308) == 1.0
