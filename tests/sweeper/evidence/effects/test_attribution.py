"""The gain of a factorial, shared out."""

import math
from itertools import product

import pytest

from sweeper.evidence.data.runs import study_runs
from sweeper.evidence.effects.attribution import phase_attribution
from tests.reports.studies import Phase, factor, study_data

NAMES = ("a", "b", "c")
FACTORS = {name: factor("off", "on") for name in NAMES}


def rows(names=NAMES):
    return [dict(zip(names, levels, strict=True)) for levels in product(["off", "on"], repeat=len(names))]


def attribution(data, phase):
    """The attribution of a phase without strata; None if there is none."""
    found = phase_attribution(study_runs(data), phase)
    assert set(found) <= {""}
    return found.get("")


def value(levels, seed):
    on = {name for name, level in levels.items() if level == "on"}
    gain = 0.1 * ("a" in on) + 0.06 * ("b" in on) - 0.04 * ({"a", "b"} <= on)
    return math.exp(4.5 - gain + 0.01 * seed)


def test_a_full_factorial_is_shared_out_exactly():
    found = attribution(study_data(FACTORS, Phase("all", "grid", rows(), value)), "all")
    assert not found.fitted
    assert found.gain == pytest.approx(0.12)
    assert [each.factor for each in found.factors] == ["a", "b", "c"]
    assert [each.shapley for each in found.factors] == pytest.approx([0.08, 0.04, 0.0])
    assert [each.add_one for each in found.factors] == pytest.approx([0.1, 0.06, 0.0])
    assert [each.leave_one_out for each in found.factors] == pytest.approx([0.06, 0.02, 0.0])


def test_a_fraction_is_shared_out_by_its_fit():
    names = ("a", "b", "c", "d", "e")
    half = [row for row in rows(names) if sum(level == "on" for level in row.values()) % 2 == 0]  # I = -ABCDE
    factors = {name: factor("off", "on") for name in names}
    found = attribution(study_data(factors, Phase("p", "fractional", half, value, seeds=(0,))), "p")
    assert found.fitted
    assert {each.factor: each.shapley for each in found.factors} == pytest.approx(
        {"a": 0.08, "b": 0.04, "c": 0.0, "d": 0.0, "e": 0.0}, abs=1e-9
    )
    assert all(each.add_one is None for each in found.factors)


def test_accuracies_gain_upwards():
    data = study_data(FACTORS, Phase("all", "grid", rows(), value), metric="accuracy", direction="maximize")
    found = attribution(data, "all")
    assert found.gain < 0  # perplexity fell, which as an accuracy is a loss
    assert found.scale == "linear"


def test_other_phases_have_nothing_to_share_out():
    single = [row for row in rows() if sum(level == "on" for level in row.values()) <= 1]
    one_factor = {"a": factor("off", "on")}
    assert attribution(study_data(FACTORS, Phase("s", "list", single[:3], value, seeds=(0,))), "s") is None
    pair = [{"a": "off"}, {"a": "on"}]
    assert attribution(study_data(one_factor, Phase("s", "grid", pair, value)), "s") is None
