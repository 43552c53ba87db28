import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.designs.factor import DesignError, Factor, settled
from sweeper.designs.levels import distinct, is_excluded, level_key, same_level
from tests.sweeper.documents import factor, typed

LEVELS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, 1.0, True),
        ([1, 2.0], [1.0, 2], True),
        (1, True, False),
        (0, False, False),
        ("1", 1, False),
        (None, 0, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1.0}, True),
    ],
)
def test_levels_are_the_same_by_value_but_truth_is_no_number(one: Any, other: Any, same: bool) -> None:
    assert same_level(one, other) is same


@given(LEVELS, LEVELS)
def test_levels_are_the_same_where_their_keys_are(one: Any, other: Any) -> None:
    assert same_level(one, other) is (level_key(one) == level_key(other))


@pytest.mark.parametrize("level", [2**53, 2**53 + 1, 10**300, 1e300, 2.0**60])
def test_large_numbers_have_keys_that_tell_them_apart(level: float) -> None:
    assert same_level(level, level)
    assert level_key(level) != level_key(level + level)
    assert (level_key(int(level)) == level_key(float(level))) is same_level(int(level), float(level))


@given(LEVELS)
def test_a_level_that_went_through_json_is_the_same(level: Any) -> None:
    assert same_level(level, json.loads(json.dumps(level)))


@given(st.lists(st.dictionaries(st.sampled_from("ab"), st.integers(0, 2)), max_size=8))
def test_each_configuration_stays_once_at_its_first_place(rows: list[dict[str, int]]) -> None:
    kept = distinct(rows)
    assert kept == [row for place, row in enumerate(rows) if row not in rows[:place]]


def test_conditions_are_followed_along_a_chain() -> None:
    factors = typed(
        {
            "a": factor([0, 1]),
            "b": factor([0, 1], when={"a": [1]}),
            "c": factor([0, 1], when={"b": [1]}),
        }
    )
    assert settled({"a": 0, "b": 1, "c": 1}, factors) == {"a": 0, "b": 0, "c": 0}
    assert settled({"a": 1, "b": 1, "c": 1}, factors) == {"a": 1, "b": 1, "c": 1}


def test_an_exclusion_holds_where_all_of_its_levels_come_together() -> None:
    rule = [{"a": 1, "b": "x"}]
    assert is_excluded({"a": 1.0, "b": "x", "c": 3}, rule)
    assert not is_excluded({"a": 1, "b": "y"}, rule)
    assert not is_excluded({"a": 1}, rule)
    assert not is_excluded({"a": 1}, [{}])


def test_a_factor_of_one_level_cannot_be_left_out() -> None:
    with pytest.raises(DesignError, match="'a' has only one level, 3"):
        _ = Factor(name="a", levels=(3,), baseline=3).left_out_level


def test_keys_of_numbers_are_their_json() -> None:
    assert [level_key(each) for each in (0.1, 2.0, -0.0, 1e-07, True, "a")] == ["0.1", "2", "0", "1e-07", "true", '"a"']


@given(LEVELS, st.lists(LEVELS, max_size=4))
def test_a_factor_writes_a_level_as_it_does_itself(level: Any, levels: list[Any]) -> None:
    found = Factor(name="f", levels=tuple(levels), baseline=None)
    same = [each for each in (*levels, None) if same_level(each, level)]
    assert found.allows(level) is bool(same)
    assert found.canonical(level) is (same[0] if same else level)
