"""The table of effects: each design pairs what differs in one factor alone, and tells what is missing."""

import json
import math
from itertools import product

import numpy as np
import pytest
from scipy import stats

from sweeper.evidence.effects.effects import effect_table
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"a": factor(0.0, 0.1, 0.2), "b": factor("off", "on")}
SIZES = {("a", 0.1): -0.03, ("a", 0.2): -0.05, ("b", "on"): -0.08}


def noise(levels, seed):
    return float(np.random.default_rng([seed, 1, *json.dumps(levels, sort_keys=True).encode()]).normal(0, 0.01))


def perplexity(levels, seed):
    return math.exp(4.6 + sum(SIZES.get(item, 0.0) for item in levels.items()) + 0.02 * seed + noise(levels, seed))


ONE_AT_A_TIME = [{"a": 0.0, "b": "off"}, {"a": 0.1, "b": "off"}, {"a": 0.2, "b": "off"}, {"a": 0.0, "b": "on"}]


def logs(row, seeds=(0, 1, 2)):
    return np.log([perplexity(row, seed) for seed in seeds])


def test_one_at_a_time_pairs_each_level_with_the_baseline_by_seed():
    table = effect_table(study_data(FACTORS, Phase("screen", "one_at_a_time", ONE_AT_A_TIME, perplexity)))
    assert [(each.factor, each.level_from, each.level_to) for each in table] == [
        ("a", "0", "0.1"), ("a", "0", "0.2"), ("b", "off", "on"),
    ]  # fmt: skip
    effect = table[1]
    differences = logs(ONE_AT_A_TIME[2]) - logs(ONE_AT_A_TIME[0])
    assert effect.estimate == pytest.approx(differences.mean())
    assert effect.percent == pytest.approx(100 * math.expm1(differences.mean()))
    assert (effect.n, effect.df, effect.scale, effect.kind) == (3, 6, "log", "contrast")
    assert effect.mean_from == pytest.approx(np.exp(logs(ONE_AT_A_TIME[0])).mean())
    assert effect.improves
    assert effect.missing == ()


def test_the_interval_uses_the_variance_pooled_over_the_phase():
    effect = effect_table(study_data(FACTORS, Phase("screen", "one_at_a_time", ONE_AT_A_TIME, perplexity)))[1]
    values = np.array([logs(row) for row in ONE_AT_A_TIME])
    residuals = values - values.mean(axis=1, keepdims=True) - values.mean(axis=0) + values.mean()
    error = math.sqrt(2 * (residuals**2).sum() / 6 / 3)
    half = stats.t.ppf(0.975, 6) * error
    assert (effect.low, effect.high) == pytest.approx((effect.estimate - half, effect.estimate + half))
    assert effect.p == pytest.approx(2 * stats.t.sf(abs(effect.estimate) / error, 6))


def test_a_grid_pairs_on_all_other_factors_and_the_seed():
    rows = [{"a": a, "b": b} for a, b in product([0.0, 0.1, 0.2], ["off", "on"])]
    table = effect_table(study_data(FACTORS, Phase("all", "grid", rows, perplexity)))
    effect = next(each for each in table if each.factor == "b")
    differences = [logs({"a": a, "b": "on"}) - logs({"a": a, "b": "off"}) for a in (0.0, 0.1, 0.2)]
    assert effect.n == 9
    assert effect.estimate == pytest.approx(np.mean(differences))
    assert effect.bootstrap is not None
    assert effect.bootstrap[0] < effect.estimate < effect.bootstrap[1]
    assert effect.sign_flip_p == pytest.approx(2 / 2**9)


def test_leaving_out_is_a_loss_against_the_full_configuration():
    full = {"a": 0.2, "b": "on"}
    rows = [full, {**full, "a": 0.0}, {**full, "b": "off"}]
    table = effect_table(study_data(FACTORS, Phase("out", "leave_one_out", rows, perplexity)))
    assert [(each.kind, each.factor, each.level_from, each.level_to) for each in table] == [
        ("loss when left out", "a", "0.2", "0"), ("loss when left out", "b", "on", "off"),
    ]  # fmt: skip
    assert table[1].estimate == pytest.approx((logs(rows[2]) - logs(full)).mean())
    assert not table[1].improves


def test_a_ladder_gives_its_steps_in_their_order():
    rows = [{"a": 0.0, "b": "off"}, {"a": 0.0, "b": "on"}, {"a": 0.2, "b": "on"}]
    table = effect_table(study_data(FACTORS, Phase("steps", "ladder", rows, perplexity)))
    assert [(each.factor, each.kind) for each in table] == [("b", "step"), ("a", "step")]
    assert table[1].estimate == pytest.approx((logs(rows[2]) - logs(rows[1])).mean())


def two_level(names):
    factors = {name: factor("off", "on") for name in names}
    rows = [dict(zip(names, levels, strict=True)) for levels in product(["off", "on"], repeat=len(names))]
    return factors, rows


def test_a_fraction_gives_main_effects_with_what_they_are_aliased_with():
    factors, rows = two_level("abc")
    half = [row for row in rows if sum(level == "on" for level in row.values()) % 2]  # I = ABC

    def value(levels, seed):
        return math.exp(4.6 - 0.1 * (levels["a"] == "on") + noise(levels, seed) / 100)

    table = effect_table(study_data(factors, Phase("part", "fractional", half, value)))
    assert [each.factor for each in table] == ["a", "b", "c"]
    assert table[0].estimate == pytest.approx(-0.1, abs=1e-3)
    assert table[0].kind == "main effect"
    assert table[0].aliases == ("b x c",)
    assert len(table[0].trial_ids) == 12


def test_trials_without_a_value_are_listed_and_leave_their_pairs_out():
    def value(levels, seed):
        if levels["b"] == "on" and seed:
            return "failed" if seed == 1 else "pruned"
        return perplexity(levels, seed)

    table = effect_table(study_data(FACTORS, Phase("screen", "one_at_a_time", ONE_AT_A_TIME, value)))
    effect = table[2]
    assert effect.n == 1
    assert sorted(state for _, state in effect.missing) == ["failed", "pruned"]
    assert len(effect.trial_ids) == 2


def test_a_study_that_has_not_started_has_effects_without_values():
    table = effect_table(study_data(FACTORS, Phase("screen", "one_at_a_time", ONE_AT_A_TIME, lambda *_: "waiting")))
    assert len(table) == 3
    assert all(math.isnan(each.estimate) and math.isnan(each.p) and each.n == 0 for each in table)


def test_one_seed_gives_an_estimate_without_an_interval():
    table = effect_table(study_data(FACTORS, Phase("s", "one_at_a_time", ONE_AT_A_TIME, perplexity, seeds=(0,))))
    assert math.isfinite(table[0].estimate)
    assert math.isnan(table[0].low)
    assert math.isnan(table[0].p)


def test_a_linear_metric_gives_differences_and_accuracies_improve_upwards():
    data = study_data(
        FACTORS,
        Phase("screen", "one_at_a_time", ONE_AT_A_TIME, lambda levels, seed: 0.5 + 0.1 * (levels["b"] == "on")),
        metric="accuracy",
        direction="maximize",
    )
    effect = effect_table(data)[2]
    assert effect.scale == "linear"
    assert effect.estimate == pytest.approx(0.1)
    assert effect.percent == pytest.approx(20.0)
    assert effect.improves


def test_exact_repeats_are_averaged_not_counted_as_pairs():
    table = effect_table(study_data(FACTORS, Phase("r", "one_at_a_time", ONE_AT_A_TIME, perplexity, repeats=4)))
    assert table[0].n == 3
    assert len(table[0].trial_ids) == 24


def test_two_corpora_have_a_variance_of_their_own_each():
    factors = {**FACTORS, "corpus": factor("ptb", "wt2", path="data.corpus")}
    rows = [{**row, "corpus": corpus} for row in ONE_AT_A_TIME for corpus in ("ptb", "wt2")]

    def value(levels, seed):
        scale = 5.0 if levels["corpus"] == "wt2" else 1.0
        return math.exp(4.6 + scale * noise(levels, seed) + (0.5 if levels["corpus"] == "wt2" else 0.0))

    effect = next(
        each for each in effect_table(study_data(factors, Phase("p", "list", rows, value))) if each.factor == "b"
    )
    assert effect.n == 6
    assert 6 <= effect.df < 12  # Satterthwaite: between the noisier stratum's and both


def test_what_a_trial_does_to_its_text_makes_no_corpus_of_its_own():
    factors = {**FACTORS, "batch": factor(16, 32, path="data.batch_size")}
    rows = [{**row, "batch": 16} for row in ONE_AT_A_TIME] + [{"a": 0.0, "b": "off", "batch": 32}]
    table = effect_table(study_data(factors, Phase("p", "one_at_a_time", rows, perplexity, seeds=range(6))))
    assert {each.factor: each.df for each in table} == {"a": 20, "b": 20, "batch": 20}  # pooled over all five


def test_a_block_is_compared_within_and_has_no_effect_of_its_own():
    factors = {**FACTORS, "corpus": factor("ptb", "wt2", path="data.corpus")}
    rows = [{**row, "corpus": corpus} for corpus in ("ptb", "wt2") for row in ONE_AT_A_TIME]
    phase = Phase("p", "one_at_a_time", rows, perplexity, seeds=(3, 4, 5), blocks=["corpus"])
    table = effect_table(study_data(factors, phase))
    averages = [each for each in table if not each.block]
    assert [(each.factor, each.level_to, each.n) for each in averages] == [
        ("a", "0.1", 6),
        ("a", "0.2", 6),
        ("b", "on", 6),
    ]
    assert [each.block for each in table if each.factor == "b"] == ["", "corpus = ptb", "corpus = wt2"]


def test_a_fraction_written_as_a_list_shows_the_main_effects_of_its_fit():
    factors = {name: factor(0, 1) for name in "abcde"}
    rows = [dict(zip("abcde", row, strict=True)) for row in product([0, 1], repeat=5) if sum(row) % 2 == 0]

    def value(levels, seed):
        return math.exp(4.6 - 0.05 * levels["a"] + 0.04 * levels["a"] * levels["b"] + noise(levels, seed) / 10)

    table = effect_table(study_data(factors, Phase("half", "list", rows, value, seeds=[0, 1])))
    assert [each.factor for each in table] == list("abcde")
    assert {each.kind for each in table} == {"main effect"}
    assert table[0].estimate == pytest.approx(-0.03, abs=0.002)


def test_the_numbers_depend_only_on_the_study():
    rows = [{"a": a, "b": b} for a, b in product([0.0, 0.1, 0.2], ["off", "on"])]
    data = study_data(FACTORS, Phase("all", "grid", rows, perplexity))
    np.random.default_rng().normal()
    assert effect_table(data) == effect_table(data)


def test_a_sampler_phase_has_no_pairs():
    assert effect_table(study_data(FACTORS, Phase("search", "sampler", ONE_AT_A_TIME, perplexity))) == ()


def test_a_phase_whose_config_moves_a_baseline_is_compared_with_its_own():
    factors = {"a": factor(0.0, 0.1, 0.2, path="m.a"), "b": factor("off", "on")}
    rows = [{"a": a, "b": "off"} for a in (0.1, 0.0, 0.2)]
    phase = Phase("p", "one_at_a_time", rows, perplexity, config={"m": {"a": 0.1}})
    table = effect_table(study_data(factors, phase))
    assert [(each.level_from, each.level_to) for each in table] == [("0.1", "0"), ("0.1", "0.2")]


BLOCKED = {"a": factor(0, 1), "dataset": factor("x", "y", "z")}
BLOCKED_ROWS = [{"a": a, "dataset": dataset} for dataset in ("x", "y", "z") for a in (0, 1)]


def blocked(effects):
    """The effects of `a`, which are these in the datasets."""

    def value(levels, seed):
        return math.exp(
            4.6 + (levels["dataset"] == "y") + levels["a"] * effects[levels["dataset"]] + noise(levels, seed)
        )

    phase = Phase("p", "one_at_a_time", BLOCKED_ROWS, value, seeds=range(4), blocks=["dataset"])
    return effect_table(study_data(BLOCKED, phase))


def test_an_average_over_blocks_is_followed_by_the_effect_in_each():
    average, *alone = blocked({"x": -0.05, "y": -0.05, "z": -0.05})
    assert average.block == ""
    assert [each.block for each in alone] == ["dataset = x", "dataset = y", "dataset = z"]
    assert average.estimate == pytest.approx(np.mean([each.estimate for each in alone]))
    assert (average.n, alone[0].n) == (12, 4)


def test_effects_of_opposite_sign_have_no_average():
    found = blocked({"x": -0.196, "y": 0.034, "z": 0.091})
    assert [each.block for each in found] == ["dataset = x", "dataset = y", "dataset = z"]
    assert [each.improves for each in found] == [True, False, False]


def test_the_effect_in_a_block_rests_on_its_trials_only():
    found = blocked({"x": -0.196, "y": 0.034, "z": 0.091})
    assert len({trial for each in found for trial in each.trial_ids}) == sum(len(each.trial_ids) for each in found)


def half_fraction(value, seeds=range(4)):
    factors = {name: factor(0, 1) for name in "abcd"}
    rows = [dict(zip("abcd", (*row, sum(row) % 2), strict=True)) for row in product((0, 1), repeat=3)]
    return effect_table(study_data(factors, Phase("p", "fractional", rows, value, seeds=seeds)))


def test_a_main_effect_that_varies_with_the_seed_is_judged_by_one_effect_per_seed():
    by_seed = [-0.3, 0.1, -0.2, 0.2]
    found = half_fraction(lambda levels, seed: math.exp(4.6 + levels["a"] * by_seed[seed] + 0.1 * noise(levels, seed)))
    varying, *others = found
    assert varying.method == "least squares, one effect per seed, 3 df, because the effect varies with the seed"
    oracle = stats.ttest_1samp(by_seed, 0.0)
    assert varying.estimate == pytest.approx(np.mean(by_seed), abs=0.002)
    assert varying.p == pytest.approx(oracle.pvalue, abs=0.02)
    assert all(each.n == 16 for each in others)


def test_a_fraction_whose_seeds_change_nothing_has_no_intervals():
    found = half_fraction(lambda levels, seed: 100.0 + levels["a"])
    assert found[0].estimate == pytest.approx(math.log(101 / 100))
    assert all(math.isnan(each.low) and math.isnan(each.p) for each in found)
    assert found[0].method == "the seed changes nothing: 1 run, not 4"


def test_a_fraction_where_one_level_ignores_the_seed_has_no_interval_for_it():
    found = half_fraction(lambda levels, seed: math.exp(4.6 + (1 - levels["a"]) * 0.1 * noise(levels, seed)))
    assert math.isnan(found[0].low) and math.isnan(found[0].p)
    assert found[0].method == "the seed changes nothing in what is compared: 1 run, not 4"
