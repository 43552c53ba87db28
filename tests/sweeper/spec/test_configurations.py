"""From a phase's levels to complete configurations and their identity."""

from typing import Any

import pytest

from sweeper.spec.configurations import complete_configuration, configuration_hash, factors_in, resolve
from sweeper.spec.program import TRAINER, CommandProgram, Trial
from tests.sweeper.documents import factor, on_off, phase, study

PHASE = phase("p", "grid")


def test_a_group_sets_all_of_its_paths() -> None:
    factors = {"tricks": on_off({"drop.in": 0.3, "decay": 0.1}, {"drop.in": 0.0, "decay": 0.0})}
    plain = study(factors, PHASE, config={"drop": {"in": 0.9, "out": 0.5}})
    assert resolve(plain, plain.phases[0], {"tricks": "on"}) == {"drop": {"in": 0.3, "out": 0.5}, "decay": 0.1}
    assert resolve(plain, plain.phases[0], {}) == {"drop": {"in": 0.0, "out": 0.5}, "decay": 0.0}


def test_a_factor_without_a_path_sets_the_key_of_its_name() -> None:
    plain = study({"lr": factor([0.1, 0.2])}, PHASE)
    assert resolve(plain, plain.phases[0], {"lr": 0.2}) == {"lr": 0.2}


def test_a_configuration_is_completed_with_the_baselines_in_the_order_of_the_study() -> None:
    factors = {"b": factor([1, 2]), "a": factor([3, 4], baseline=4), "r": factor(low=0, high=1)}
    made = study(factors, PHASE)
    assert list(complete_configuration(made, made.phases[0], {"a": 3}).items()) == [("b", 1), ("a", 3)]


def test_a_baseline_is_what_the_phase_sets_before_what_the_study_says() -> None:
    factors = {
        "depth": factor([2, 4], path="m.depth"),
        "other": factor([2, 4], path="m.other"),
        "tricks": on_off({"x": 1}, {"x": 0}),
        "more": on_off({"x": 2}, {"x": 0}),
    }
    made = study(factors, phase("p", "grid", config={"m": {"depth": 8}, "x": 1}))
    baselines = {name: each.baseline for name, each in factors_in(made, made.phases[0]).items()}
    assert baselines == {"depth": 8, "other": 2, "tricks": "on", "more": "off"}


def test_a_level_of_none_may_be_a_baseline() -> None:
    clamp = factor([None, 100], path="clamp")
    made = study({"clamp": clamp}, PHASE)
    assert complete_configuration(made, made.phases[0], {}) == {"clamp": None}


def test_the_trainers_defaults_are_filled_in_and_its_mistakes_are_refused() -> None:
    made = study({"depth": factor([2, 4], path="model.layers")}, PHASE, program="trainer")
    config: Any = resolve(made, made.phases[0], {"depth": 4})
    assert config["model"]["layers"] == 4
    assert config["optimizer"]["beta1"] == 0.9
    with pytest.raises(ValueError, match=r"model\.layers"):
        resolve(made, made.phases[0], {"depth": "four"})


def test_the_identity_of_a_configuration_is_that_of_its_program_and_config() -> None:
    one = configuration_hash(Trial(program=TRAINER), {"a": {"x": 1, "y": 2}})
    assert one == configuration_hash(Trial(program=TRAINER), {"a": {"y": 2, "x": 1}})
    assert one != configuration_hash(Trial(program=TRAINER), {"a": {"x": 1, "y": 3}})
    assert one != configuration_hash(Trial(program=CommandProgram(("x",))), {"a": {"x": 1, "y": 2}})
    assert len(one) == 64


@pytest.mark.parametrize(
    ("own", "levels", "low"),
    [(None, (1, 2), None), ([3, 4], (3, 4), None), ({"low": 0, "high": 5, "log": False, "step": None}, None, 0)],
)
def test_a_phase_may_give_a_factor_levels_or_a_range_of_its_own(own: Any, levels: Any, low: Any) -> None:
    changed = phase("p", "grid", levels={} if own is None else {"x": own})
    made = study({"x": factor([1, 2], path="a")}, changed)
    found = factors_in(made, made.phases[0])["x"]
    assert (found.levels, found.baseline, found.path) == (levels, 1, "a")
    assert (None if found.range is None else found.range.low) == low
