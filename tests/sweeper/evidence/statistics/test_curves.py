"""Pareto fronts against brute force; anytime curves; quantile bands."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.evidence.statistics.curves import anytime, best_spread, expected_best, pareto_front, quantile_bands

points = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=25)


@given(points)
def test_the_front_is_what_no_point_beats(pairs):
    costs, values = [float(c) for c, _ in pairs], [float(v) for _, v in pairs]
    beaten = {(c, v) for c, v in pairs if any((d <= c and w <= v) and (d < c or w < v) for d, w in pairs)}
    front = [(costs[place], values[place]) for place in pareto_front(costs, values)]
    assert sorted(front) == sorted(set(pairs) - beaten)


def test_maximizing_turns_the_values_round_and_unknown_points_drop_out():
    assert pareto_front([1, 2, 3, np.nan], [0.5, 0.4, 0.9, 2.0], direction="maximize").tolist() == [0, 2]
    assert pareto_front([], []).tolist() == []


def test_failed_trials_cost_but_find_nothing():
    curve = anytime([1.0, 2.0, 3.0, 4.0], [np.nan, 5.0, 6.0, 4.0])
    assert curve.compute.tolist() == [3.0, 10.0]
    assert curve.best.tolist() == [5.0, 4.0]
    assert curve.positions.tolist() == [1, 3]


def test_the_best_so_far_of_accuracies_rises():
    assert anytime([1, 1, 1], [0.2, 0.1, 0.3], direction="maximize").best.tolist() == [0.2, 0.3]
    assert anytime([], []).best.tolist() == []


def test_bands_are_the_quantiles_of_the_interpolated_curves():
    curves = [([0, 10], [0.0, 10.0]), ([0, 10], [10.0, 20.0]), ([0, 5, 10], [20.0, np.nan, 30.0])]
    bands = quantile_bands(curves, [0, 5, 10], [0.0, 0.5, 1.0])
    assert bands == pytest.approx(np.array([[0, 5, 10], [10, 15, 20], [20, 25, 30]], dtype=float))


def test_where_no_curve_reaches_there_is_no_band():
    bands = quantile_bands([([0, 5], [1.0, 1.0])], [0, 5, 10], [0.5])
    assert np.isnan(bands[0, 2])
    assert bands[0, :2].tolist() == [1.0, 1.0]
    assert np.isnan(quantile_bands([], [0.0], [0.5])).all()


def test_of_equal_points_the_first_is_on_the_front():
    assert pareto_front([2.0, 1.0, 1.0, 2.0], [1.0, 3.0, 3.0, 1.0]).tolist() == [1, 0]


def test_a_curve_of_nothing_known_reaches_nowhere():
    bands = quantile_bands([([0, 5], [np.nan, np.nan]), ([0, 5], [1.0, 3.0])], [0.0, 5.0], [0.5])
    assert bands.tolist() == [[1.0, 3.0]]


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
