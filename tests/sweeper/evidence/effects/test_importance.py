"""Importances of a phase: what matters comes first, and pruned trials are censored, not dropped."""

import math

import numpy as np
import pytest

from sweeper.evidence.data.runs import study_runs
from sweeper.evidence.effects.importance import phase_importance
from tests.reports.studies import Phase, factor, falling, study_data

FACTORS = {
    "rate": {**factor(None), "levels": None, "low": 1e-4, "high": 1e-1, "log": True, "baseline": 1e-2},
    "depth": factor(2, 4, 8),
    "kind": factor("x", "y"),
}


def importance(found, phase):
    return phase_importance(found, study_runs(found), phase)


def drawn(num):
    generator = np.random.default_rng(0)
    return [
        {
            "rate": float(10 ** generator.uniform(-4, -1)),
            "depth": int(generator.choice([2, 4, 8])),
            "kind": str(generator.choice(["x", "y"])),
        }
        for _ in range(num)
    ]


def value(levels, seed):
    return math.exp(4 + 0.2 * abs(math.log10(levels["rate"]) + 2) + 0.01 * levels["depth"])


def data(outcome=value, num=60, **more):
    return study_data(FACTORS, Phase("search", "sampler", drawn(num), outcome, seeds=(0,)), **more)


def test_the_factor_that_matters_most_comes_first_by_both():
    found = importance(data(), "search")
    assert [each.factor for each in found.factors] == ["rate", "depth", "kind"]
    assert found.factors[0].fanova > 0.7
    assert max(found.factors, key=lambda each: each.ped_anova).factor == "rate"
    assert (found.num_completed, found.num_censored, found.num_left_out) == (60, 0, 0)


def test_pruned_trials_are_imputed_and_counted():
    def outcome(levels, seed):
        return "pruned" if value(levels, seed) > 65 else value(levels, seed)

    def curve(row):
        return falling(value(row.configuration, row.seed), stop=5 if row.state == "pruned" else None)

    found = importance(data(outcome, curves=curve), "search")
    assert found.num_censored > 5
    assert found.num_completed + found.num_censored == 60
    assert found.factors[0].factor == "rate"
    assert found.factors[0].fanova == pytest.approx(importance(data(), "search").factors[0].fanova, abs=0.2)


def test_failed_trials_are_counted():
    found = importance(data(lambda levels, seed: "failed" if levels["depth"] == 8 else value(levels, seed)), "search")
    assert found.num_completed + found.num_left_out == 60


def test_too_few_trials_say_nothing():
    assert importance(data(num=9), "search") is None


def test_factors_that_do_not_vary_say_nothing():
    phase = Phase("same", "list", [{"rate": 0.01, "depth": 2, "kind": "x"}], value, seeds=range(12))
    assert importance(study_data(FACTORS, phase), "same") is None


def test_the_numbers_depend_only_on_the_study():
    assert importance(data(), "search") == importance(data(), "search")
