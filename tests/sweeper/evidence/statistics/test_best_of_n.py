"""Expected validation performance against enumeration."""

from itertools import product

import numpy as np
import pytest

from sweeper.evidence.statistics.best_of_n import best_spread, expected_best

VALUES = [3.0, 1.0, 4.0, 1.5, 9.0]


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize(("direction", "best"), [("minimize", min), ("maximize", max)])
def test_it_is_the_mean_over_all_samples(n, direction, best):
    found = [best(sample) for sample in product(VALUES, repeat=n)]
    assert expected_best(VALUES, n, direction=direction)[0] == pytest.approx(np.mean(found))
    assert best_spread(VALUES, n, direction=direction)[0] == pytest.approx(np.std(found))


def test_the_authors_own_formula_gives_the_same():
    # dodgejesse/show_your_work, expected_max_performance.py: F(v)^n is linspace(1/N, 1)^n of the sorted values.
    values, n = np.sort(VALUES), 3
    cdf = np.linspace(1 / len(values), 1, len(values)) ** n
    expected = np.sum(values * np.diff(cdf, prepend=0.0))
    assert expected_best(VALUES, n, direction="maximize")[0] == pytest.approx(expected)


def test_ties_change_nothing():
    assert expected_best([2.0, 2.0, 2.0], [1, 5]) == pytest.approx([2.0, 2.0])


def test_sizes_and_values_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="sizes >= 1"):
        expected_best(VALUES, 0)
    with pytest.raises(ValueError, match="finite"):
        expected_best([1.0, np.nan], 1)
