"""Shapley values against brute force over all orders."""

from itertools import combinations, permutations

import numpy as np
import pytest

from sweeper.evidence.statistics.attribution import add_one, leave_one_out, shapley

PLAYERS = ("a", "b", "c", "d")


def coalitions(players):
    return [frozenset(chosen) for size in range(len(players) + 1) for chosen in combinations(players, size)]


def worth(seed, players=PLAYERS):
    generator = np.random.default_rng(seed)
    return {coalition: float(generator.normal()) for coalition in coalitions(players)}


def over_all_orders(values, players):
    gains = dict.fromkeys(players, 0.0)
    orders = list(permutations(players))
    for order in orders:
        for place, player in enumerate(order):
            before = frozenset(order[:place])
            gains[player] += (values[before | {player}] - values[before]) / len(orders)
    return gains


@pytest.mark.parametrize("seed", range(5))
def test_shapley_is_the_mean_gain_over_all_orders_and_sums_to_the_whole(seed):
    values = worth(seed)
    found = shapley(values, PLAYERS)
    assert found == pytest.approx(over_all_orders(values, PLAYERS))
    assert sum(found.values()) == pytest.approx(values[frozenset(PLAYERS)] - values[frozenset()])


def test_the_glove_game_has_its_published_solution():
    # One left glove (a), two right ones (b, c): 2/3, 1/6, 1/6 (Shapley's example in every textbook).
    values = {coalition: float("a" in coalition and len(coalition) > 1) for coalition in coalitions("abc")}
    assert shapley(values, "abc") == pytest.approx({"a": 2 / 3, "b": 1 / 6, "c": 1 / 6})


def test_leaving_out_and_adding_are_blind_to_what_two_components_share():
    # Each of two dropouts alone gives the whole gain; with both there is no more.
    values = {coalition: float(len(coalition) > 0) for coalition in coalitions("ab")}
    assert leave_one_out(values, "ab") == {"a": 0.0, "b": 0.0}
    assert add_one(values, "ab") == {"a": 1.0, "b": 1.0}
    assert shapley(values, "ab") == pytest.approx({"a": 0.5, "b": 0.5})


def test_what_was_not_run_is_absent():
    values = {frozenset(): 0.0, frozenset("a"): 1.0}
    assert add_one(values, "ab") == {"a": 1.0}
    assert leave_one_out(values, "ab") == {}


def test_a_missing_combination_is_named():
    with pytest.raises(ValueError, match="all 4 combinations"):
        shapley({frozenset(): 0.0}, "ab")
