import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.designs.factor import Factor
from sweeper.designs.paths import apply_levels, get_path, leaves, literal_key, merged

KEYS = st.sampled_from(["a", "b", "c"])
CONFIGS = st.recursive(st.integers(), lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=8).filter(
    lambda value: isinstance(value, dict)
)
PATHS = st.lists(KEYS, min_size=1, max_size=3).map(".".join)


def set_path(config: dict[str, Any], path: str, value: object) -> None:
    """The plain way, in place."""
    *parents, last = path.split(".")
    for part in parents:
        if not isinstance(config.get(part), dict):
            config[part] = {}
        config = config[part]
    config[last] = copy.deepcopy(value)


@given(CONFIGS, PATHS, st.integers())
def test_what_is_put_at_a_path_is_found_there(config: dict[str, Any], path: str, value: int) -> None:
    factor = Factor(name="f", path=path)
    assert get_path(apply_levels(config, {"f": factor}, {"f": value}), path) == value


@given(CONFIGS, st.lists(st.tuples(PATHS, st.integers() | st.just({"a": {"b": 5}})), max_size=4))
def test_levels_are_put_into_a_copy_as_into_the_config_itself(
    config: dict[str, Any], changes: list[tuple[str, Any]]
) -> None:
    before, expected = copy.deepcopy(config), copy.deepcopy(config)
    factors = {
        f"f{place}": Factor(name=f"f{place}", path=path, levels=(value,)) for place, (path, value) in enumerate(changes)
    }
    for path, value in changes:
        set_path(expected, path, value)
    levels = {f"f{place}": value for place, (_, value) in enumerate(changes)}
    assert apply_levels(config, factors, levels) == expected
    assert config == before
    assert all(value == {"a": {"b": 5}} for _, value in changes if isinstance(value, dict))


def test_a_phase_changes_the_baseline_mapping_by_mapping() -> None:
    assert merged({"a": {"x": 1, "y": 2}, "b": 3}, {"a": {"y": 5}}) == {"a": {"x": 1, "y": 5}, "b": 3}


def test_leaves_are_the_values_that_are_not_mappings() -> None:
    assert list(leaves({"a": {"b": 1, "c": {}}, "d": [2]})) == [("a.b", 1), ("d", [2])]


@pytest.mark.parametrize(
    ("config", "path", "key"),
    [
        ({"optim.lr": 0.1}, "optim.lr", "optim.lr"),
        ({"a": {"b.c": 1}}, "a.b.c", "b.c"),
        ({"a.b": {"c": 1}}, "a.b.c", "a.b"),
        ({"a": {"b": {"c": 1}}, "a.bc": 2}, "a.b.c", None),
        ({"plain": 1}, "plain", None),
    ],
)
def test_a_key_with_a_dot_that_a_path_seems_to_name_is_found(
    config: dict[str, object], path: str, key: str | None
) -> None:
    assert literal_key(config, path) == key
