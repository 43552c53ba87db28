"""grid, one_at_a_time, leave_one_out, ladder and list."""

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.designs.factor import DesignError, settled
from sweeper.designs.levels import distinct
from tests.sweeper.designs.factors import rows, several
from tests.sweeper.documents import factor, on_off, typed

Factors = dict[str, dict[str, Any]]


@given(several())
def test_a_grid_has_every_combination_once_and_each_level_equally_often(factors: Factors) -> None:
    made = rows("grid", factors)
    assert len(made) == math.prod(len(each["levels"]) for each in factors.values())
    assert distinct(made) == made
    for name, each in factors.items():
        assert set(Counter(row[name] for row in made).values()) == {len(made) // len(each["levels"])}


def test_a_grid_takes_exactly_the_levels_so_a_baseline_outside_them_is_not_run() -> None:
    assert rows("grid", {"a": factor([1, 2], baseline=0)}) == [{"a": 1}, {"a": 2}]


def test_a_range_has_no_levels_to_combine() -> None:
    with pytest.raises(DesignError, match=r"'lr' has a range from 0\.1 to 1\.0, which only samplers draw from"):
        rows("grid", {"lr": factor(low=0.1, high=1.0)})


@given(several())
def test_one_at_a_time_differs_from_the_baseline_in_one_factor_at_most(factors: Factors) -> None:
    made = rows("one_at_a_time", factors)
    baseline = {name: each["baseline"] for name, each in factors.items()}
    assert made[0] == baseline
    assert len(made) == 1 + sum(len(each["levels"]) - 1 for each in factors.values())
    assert distinct(made) == made
    assert all(sum(row[name] != baseline[name] for name in factors) == 1 for row in made[1:])


def test_one_at_a_time_takes_all_levels_of_a_factor_whose_baseline_is_none_of_them() -> None:
    assert rows("one_at_a_time", {"a": factor([1, 2], baseline=0)}) == [{"a": 0}, {"a": 1}, {"a": 2}]


def test_one_at_a_time_varies_a_conditional_factor_beside_the_level_that_it_needs() -> None:
    factors = {"kind": factor(["adam", "adamw"]), "decay": factor([0.0, 0.1], when={"kind": ["adamw"]})}
    assert rows("one_at_a_time", factors) == [
        {"kind": "adam", "decay": 0.0},
        {"kind": "adamw", "decay": 0.0},
        {"kind": "adamw", "decay": 0.1},
    ]


def test_a_conditional_factor_may_need_a_number_between_two_ends() -> None:
    factors = {"depth": factor([1, 2, 4]), "skip": factor([False, True], when={"depth": {"low": 2}})}
    assert rows("one_at_a_time", factors)[-1] == {"depth": 2, "skip": True}
    for condition, depths in ({"low": 2}, [2, 4]), ({"high": 1.5}, [1]), ({"low": 1.5, "high": 2}, [2]):
        known = typed({**factors, "skip": factor([False, True], when={"depth": condition})})
        made = [settled(row, known) for row in rows("grid", factors)]
        assert [row["depth"] for row in made if row["skip"]] == depths


@given(several())
def test_leave_one_out_is_the_full_configuration_and_each_factor_once_without(factors: Factors) -> None:
    full, *others = rows("leave_one_out", factors)
    assert len(others) == len(factors)
    assert full == {name: each["levels"][-1] for name, each in factors.items()}
    assert [[name for name in factors if row[name] != full[name]] for row in others] == [[name] for name in factors]


def test_left_out_is_the_baseline_unless_that_is_the_full_level() -> None:
    factors = {
        "a": on_off({"x": 1}, {"x": 0}),
        "b": on_off({"y": 1}, {"y": 0}, baseline="on"),
        "c": factor([0.1, 0.2, 0.3], baseline=0.2),
    }
    made = rows("leave_one_out", factors)
    assert made[0] == {"a": "on", "b": "on", "c": 0.3}
    assert [made[1]["a"], made[2]["b"], made[3]["c"]] == ["off", "off", 0.2]


@given(several(), st.randoms(use_true_random=False))
def test_a_ladder_adds_the_factors_in_the_given_order(factors: Factors, random: Any) -> None:
    order = list(factors)
    random.shuffle(order)
    rungs = rows({"ladder": order}, factors)
    assert len(rungs) == 1 + len(factors)
    steps = pairwise(rungs)
    assert [[name for name in factors if one[name] != two[name]] for one, two in steps] == [[name] for name in order]
    assert rungs[-1] == rows("leave_one_out", factors)[0]


@pytest.mark.parametrize(("order", "wrong"), [(["a", "x"], "names 'x', which is not a factor"), (["a", "a"], "twice")])
def test_a_ladder_of_what_is_no_factor_is_refused(order: list[str], wrong: str) -> None:
    with pytest.raises(DesignError, match=wrong):
        rows({"ladder": order}, {"a": factor([0, 1])})


def test_a_list_gives_its_rows_with_levels_as_the_factors_have_them() -> None:
    made = rows({"list": [{}, {"a": 1}, {"a": 7}]}, {"a": factor([0.0, 1.0])})
    assert made == [{}, {"a": 1.0}, {"a": 7}]
    assert isinstance(made[1]["a"], float)


def test_a_list_of_what_is_no_factor_or_no_group_is_refused() -> None:
    with pytest.raises(DesignError, match=r"names 'x', which is not a factor. Factors: a"):
        rows({"list": [{"x": 1}]}, {"a": factor([0, 1])})
    with pytest.raises(DesignError, match=r"level 'maybe', but its levels are off, on"):
        rows({"list": [{"a": "maybe"}]}, {"a": on_off({"x": 1}, {"x": 0})})


def test_what_a_sampler_will_draw_is_not_known_yet() -> None:
    with pytest.raises(DesignError, match="known only while the study runs"):
        rows({"sampler": "tpe", "trials": 3}, {"a": factor([0, 1])})
