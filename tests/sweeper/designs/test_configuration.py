import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.designs.configuration import (
    apply_levels,
    baseline_level,
    complete,
    configuration_hash,
    get_path,
    merged,
    resolve,
    set_path,
    with_own_levels,
)
from tests.sweeper.documents import document, factor, on_off, phase

KEYS = st.sampled_from(["a", "b", "c"])
CONFIGS = st.recursive(st.integers(), lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8).filter(
    lambda value: isinstance(value, dict)
)
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(".".join)


@given(CONFIGS, PATHS, st.integers())
def test_what_is_put_at_a_path_is_found_there(config: dict[str, Any], path: str, value: int) -> None:
    set_path(config, path, value)
    assert get_path(config, path) == value


@given(CONFIGS, st.lists(st.tuples(PATHS, st.integers() | st.just({"a": {"b": 5}})), max_size=4))
def test_levels_are_put_into_a_copy_as_into_the_config_itself(
    config: dict[str, Any], changes: list[tuple[str, Any]]
) -> None:
    before, expected = copy.deepcopy(config), copy.deepcopy(config)
    factors = {f"f{place}": factor([value], path=path) for place, (path, value) in enumerate(changes)}
    for path, value in changes:
        set_path(expected, path, value)
    levels = {f"f{place}": value for place, (_, value) in enumerate(changes)}
    assert apply_levels(document(factors), config, levels) == expected
    assert config == before
    assert all(value == {"a": {"b": 5}} for _, value in changes if isinstance(value, dict))


def test_a_phase_changes_the_baseline_mapping_by_mapping() -> None:
    assert merged({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 5}}) == {"a": {"x": 1, "y": 5}, "b": 3}


def test_a_group_sets_all_of_its_paths() -> None:
    factors = {"tricks": on_off({"drop.in": 0.3, "decay": 0.1}, {"drop.in": 0.0, "decay": 0.0})}
    plain = document(factors, config={"drop": {"in": 0.9, "out": 0.5}})
    assert resolve(plain, phase("p", "grid"), {"tricks": "on"}) == {"drop": {"in": 0.3, "out": 0.5}, "decay": 0.1}
    assert resolve(plain, phase("p", "grid"), {}) == {"drop": {"in": 0.0, "out": 0.5}, "decay": 0.0}


def test_a_factor_without_a_path_sets_the_key_of_its_name() -> None:
    assert resolve(document({"lr": factor([0.1, 0.2])}), phase("p", "grid"), {"lr": 0.2}) == {"lr": 0.2}


def test_a_configuration_is_completed_with_the_baselines_in_the_order_of_the_study() -> None:
    factors = {"b": factor([1, 2]), "a": factor([3, 4], baseline=4), "r": factor(low=0, high=1)}
    assert list(complete(document(factors), phase("p", "grid"), {"a": 3}).items()) == [("b", 1), ("a", 3)]


def test_a_baseline_is_what_the_phase_sets_before_what_the_study_says() -> None:
    changed = phase("p", "grid", config={"m": {"depth": 8}, "x": 1})
    assert baseline_level("depth", factor([2, 4], path="m.depth"), changed) == 8
    assert baseline_level("other", factor([2, 4], path="m.other"), changed) == 2
    assert baseline_level("tricks", on_off({"x": 1}, {"x": 0}), changed) == "on"
    assert baseline_level("tricks", on_off({"x": 2}, {"x": 0}), changed) == "off"


def test_a_level_of_none_may_be_a_baseline() -> None:
    clamp = factor([None, 100], path="clamp")
    assert complete(document({"clamp": clamp}), phase("p", "grid"), {}) == {"clamp": None}


def test_the_trainers_defaults_are_filled_in_and_its_mistakes_are_refused() -> None:
    study = document({"depth": factor([2, 4], path="model.layers")}, program="trainer")
    config = resolve(study, phase("p", "grid"), {"depth": 4})
    assert config["model"]["layers"] == 4
    assert config["optimizer"]["beta1"] == 0.9
    with pytest.raises(ValueError, match=r"model\.layers"):
        resolve(study, phase("p", "grid"), {"depth": "four"})


def test_the_identity_of_a_configuration_is_that_of_its_program_and_config() -> None:
    one = configuration_hash("trainer", {"a": {"x": 1, "y": 2}})
    assert one == configuration_hash("trainer", {"a": {"y": 2, "x": 1}})
    assert one != configuration_hash("trainer", {"a": {"x": 1, "y": 3}})
    assert one != configuration_hash({"command": ["x"]}, {"a": {"x": 1, "y": 2}})
    assert len(one) == 64


@pytest.mark.parametrize(
    ("own", "levels", "low"),
    [(None, [1, 2], None), ([3, 4], [3, 4], None), ({"low": 0, "high": 5, "log": False, "step": None}, None, 0)],
)
def test_a_phase_may_give_a_factor_levels_or_a_range_of_its_own(own: Any, levels: Any, low: Any) -> None:
    factor = {"path": "a", "levels": [1, 2], "baseline": 1, "low": None, "high": None, "log": False, "step": None}
    phase = {"levels": {} if own is None else {"x": own}}
    found = with_own_levels("x", factor, phase)
    assert (found["levels"], found["low"], found["baseline"], found["path"]) == (levels, low, 1, "a")
