"""No verdict of `sweeper.judge` is surer than its runs: what looks certain by too few digits, seeds or spread."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import sweeper


def frame_of(*arms):
    """A frame of the levels 0, 1, ... of a factor x, each with the values of its seeds 0, 1, ..."""
    return pd.DataFrame(
        [(x, seed, value) for x, values in enumerate(arms) for seed, value in enumerate(values)]
    ).set_axis(["x", "seed", "loss"], axis=1)


def judged(frame, expect="decrease", low=0, high=1):
    claim = {"id": "c", "contrast": {"factor": "x", "from": low, "to": high}, "expect": expect}
    (found,) = sweeper.judge(frame, metric="loss", claims=[claim])
    return found


def test_an_arm_with_huge_values_changes_no_verdict_on_others():
    arms = [1.0, 1.3, 1.1], [0.9, 1.1, 1.05]
    alone = judged(frame_of(*arms))
    for huge in (1e6, 1e9, 1e17):
        beside = judged(frame_of(*arms, [1.0, 1.1, huge]))
        assert (beside.verdict, round(beside.p_adjusted, 6)) == ("undecided", round(alone.p_adjusted, 6))


def test_shares_of_few_questions_have_an_interval():
    found = judged(frame_of(*([each / 30 for each in right] for right in ([23, 23, 24], [24, 24, 25]))), "increase")
    assert found.p_adjusted > 0.01
    assert found.high - found.low > 1 / 30


def test_an_arm_that_ignores_its_seed_decides_nothing():
    frame = frame_of([1.1234] * 3, [1.1012] * 3, [0.9991, 1.0003, 1.0012], [0.9, 0.901, 0.9009])
    for low, high in ((0, 1), (2, 1), (0, 3)):
        found = judged(frame, low=low, high=high)
        assert found.verdict == "undecided"
        assert "the seed changes nothing in what is compared: 1 run, not 3" in found.sentence
    assert judged(frame, low=2, high=3).verdict == "supported"


@pytest.mark.parametrize("jitter", [0.0, 1e-6])
def test_seeds_that_repeat_others_but_for_rounding_decide_nothing(jitter):
    generator = np.random.default_rng(2)
    runs = 100 + 3 * generator.normal(size=3) + generator.normal(size=(4, 3)) - 20 * np.arange(4)[:, None]
    again = runs * (1 + jitter * generator.normal(size=runs.shape))
    frame = frame_of(*np.concatenate([runs, again], axis=1).tolist())
    (figure,) = sweeper.judge(
        frame, metric="loss", claims=[{"id": "c", "constant": {"levels": {"x": 1}, "value": 500.0}, "expect": "below"}]
    )
    for found in (judged(frame), judged(frame, low=1, high=3), figure):
        assert (found.verdict, found.low) == ("undecided", pytest.approx(math.nan, nan_ok=True))
        assert "but some seeds repeat others but for 0.1% of what seeds change: 3 runs, not 6." in found.sentence
    assert judged(frame[frame["seed"] < 3]).verdict == "supported"


def test_an_arm_that_ignores_its_seed_says_nothing_of_the_spread_of_others():
    arms = [1.0012, 1.3034, 1.1056], [0.9078, 1.1091, 1.0502]
    beside = judged(frame_of(*arms, [0.71234567] * 3, [0.81234567] * 3))
    assert beside.p_adjusted == judged(frame_of(*arms)).p_adjusted


def test_values_of_few_digits_may_be_equal():
    assert judged(frame_of([1.0] * 3, [0.6] * 3, [0.8, 0.9, 0.9])).verdict == "supported"
    assert judged(frame_of([0.5] * 3, [0.1234, 0.1275, 0.1311], [0.6, 0.7, 0.61])).verdict == "supported"


def test_other_factors_are_no_repeats_of_a_single_seed():
    def grid(seeds):
        noise = np.random.default_rng(4).normal(0, 0.01, size=(2, 3, 4))
        cells = [(x, y, seed) for x in (0, 1) for y in range(3) for seed in seeds]
        rows = [(*cell, 1.2345 - 0.2 * cell[0] + noise[cell]) for cell in cells]
        return pd.DataFrame(rows).set_axis(["x", "y", "seed", "loss"], axis=1)

    found = judged(grid([0]))
    assert (found.verdict, found.n) == ("undecided", 1)
    assert "one seed does not show how runs vary" in found.sentence
    assert judged(grid([0, 1, 2])).verdict == "supported"
    mixed = pd.concat([grid([0]), grid([1, 2, 3]).query("y == 0")])
    assert judged(mixed).verdict == "supported"  # three seeds of a pair show how runs vary


SAME_IN_THREE = "the difference is the same to the last digit in all 3 seeds: 1 difference, not 3"
SHIFTS = (0.0, 0.31234567, -0.12345678)


def additive(*effects):
    """Arms whose values are exactly a number plus what the seed adds."""
    return [[1.2345678 + effect + shift for shift in SHIFTS] for effect in effects]


@pytest.mark.parametrize("expect", ["decrease", "increase"])
@pytest.mark.parametrize("digits", [8, 12, 17])
def test_values_that_only_add_up_give_one_difference(expect, digits):
    arms = [[float(f"{value:.{digits}g}") for value in arm] for arm in additive(0.0, -0.21234568, 0.1)]
    found = judged(frame_of(*arms), expect)
    assert (found.verdict, found.n, found.p_adjusted) == ("undecided", 1, 1.0)
    assert SAME_IN_THREE in found.sentence


def test_so_do_values_that_only_multiply_and_32_bit_floats():
    ratios = frame_of(*[[1.2345678 * arm * seed for seed in (1.0, 1.1234567, 0.9123456)] for arm in (1.0, 0.91234567)])
    assert "the ratio is the same to the last digit in all 3 seeds: 1 ratio, not 3" in judged(ratios).sentence
    single = frame_of(*additive(0.0, -0.21234568))
    single["loss"] = single["loss"].astype(np.float32).astype(float)
    assert SAME_IN_THREE in judged(single).sentence
    noisy = single.assign(loss=single["loss"] + np.random.default_rng(0).normal(0, 1e-3, len(single)))
    assert judged(noisy.astype({"loss": np.float32}).astype({"loss": float})).verdict == "supported"


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0)])
def test_values_without_a_logarithm_have_no_ratio_that_could_repeat(order):
    first, second = [1.20181968, -2.12735404, -0.51234567], [0.21050577, -3.02474397, -1.61234561]
    found = judged(frame_of([first[seed] for seed in order], [second[seed] for seed in order]))
    assert (found.verdict, found.n) == ("supported", 3)


def test_an_additive_pair_is_one_difference_beside_arms_that_vary():
    noise = np.random.default_rng(3).normal(0, 0.01, size=(4, 3)).tolist()
    frame = frame_of(
        *additive(0.0, -0.21234568), *([1.0 + 0.2 * x + each for each in arm] for x, arm in enumerate(noise))
    )
    assert SAME_IN_THREE in judged(frame).sentence
    assert judged(frame, "increase", 2, 5).verdict == "supported"


def test_values_of_few_digits_keep_the_error_of_their_rounding():
    arms = [[round(value, 2) for value in arm] for arm in additive(0.0, -0.21)]
    found = judged(frame_of(*arms))
    assert found.verdict == "supported"
    error = 0.01 / math.sqrt(6 * 3)  # r / sqrt(6 n)
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, 2) * error)
    seeds = frame_of(*[[3.14159265 + arm + 0.01 * seed for seed in range(3)] for arm in (0.0, -0.5)])
    assert SAME_IN_THREE in judged(seeds).sentence  # steps of 0.01 between values of nine digits are no rounding


def grid_frame(value, seeds=SHIFTS):
    rows = [(x, y, seed, value(x, y, shift)) for x in (0, 1) for y in range(3) for seed, shift in enumerate(seeds)]
    return pd.DataFrame(rows).set_axis(["x", "y", "seed", "loss"], axis=1)


ALL_KINDS = [
    {"id": "contrast", "contrast": {"factor": "x", "from": 0, "to": 1}, "expect": "decrease"},
    {"id": "where", "contrast": {"factor": "y", "from": 0, "to": 1, "where": {"x": 0}}, "expect": "increase"},
    {"id": "equal", "equivalence": {"factor": "x", "from": 0, "to": 1}, "within": 9},
    {"id": "safe", "contrast": {"factor": "x", "from": 0, "to": 1}, "expect": "no_worse", "within": 9},
    {"id": "interaction", "expect": "increase",
     "interaction": {"factor": "x", "from": 0, "to": 1, "with": {"factor": "y", "from": 0, "to": 2}}},
    {"id": "largest", "ordering": {"largest": "y", "among": ["x", "y"]}},
    {"id": "arms", "contrast": {"from": {"levels": {"x": 0, "y": 0}}, "to": {"levels": {"x": 1, "y": 2}}},
     "expect": "increase"},
]  # fmt: skip


def test_no_claim_of_any_kind_is_decided_on_a_grid_that_only_adds_up():
    arm = {(x, y): 0.1234567 * x + 0.7654321 * y + 0.23456789 * x * y for x in (0, 1) for y in range(3)}
    frame = grid_frame(lambda x, y, shift: 1.2345678 + arm[x, y] + shift)
    found = sweeper.judge(frame, metric="loss", claims=ALL_KINDS)
    assert {each.id: each.verdict for each in found} == {each["id"]: "undecided" for each in ALL_KINDS}
    assert all(SAME_IN_THREE in each.sentence for each in found)
    missing = sweeper.judge(frame.drop(index=[4, 11]), metric="loss", claims=ALL_KINDS)
    assert {each.verdict for each in missing} == {"undecided"}


def test_no_effect_of_a_fraction_that_only_adds_up_is_decided():
    rows = [(a, b, a ^ b ^ c, c, seed) for a in (0, 1) for b in (0, 1) for c in (0, 1) for seed in range(3)]
    frame = pd.DataFrame(rows, columns=["a", "b", "c", "d", "seed"])
    size = {"a": 0.5123456, "b": 0.2345671, "c": 0.7123455, "d": 0.1234517}
    frame = frame[(frame["a"] + frame["b"] + frame["c"] + frame["d"]) % 2 == 0]
    truth = sum(size[name] * frame[name] for name in size) + 3.1234567
    claims = [
        {"id": name, "contrast": {"factor": name, "from": 0, "to": 1}, "expect": "increase"} for name in ("a", "b")
    ]
    for seeds in (range(3), range(1)):
        shifted = frame.assign(loss=truth + frame["seed"].map(dict(enumerate(SHIFTS))))
        found = sweeper.judge(shifted[shifted["seed"].isin(seeds)], metric="loss", claims=claims)
        assert {each.verdict for each in found} <= {"undecided", "untested"}


def test_runs_that_differ_by_the_noise_of_a_machine_are_noted_and_judged_all_the_same():
    def arms(noise):
        draws = np.random.default_rng(5).normal(0, noise, size=(3, 3))
        return frame_of(*(3.21 - 0.2 * x + draws[x] for x in range(3)))

    quiet, real = judged(arms(1e-6)), judged(arms(1e-3))
    assert (quiet.verdict, real.verdict) == ("supported", "supported")
    assert [note for note in quiet.notes if "does the program use its seed?" in note] == [
        "Runs of the same configuration differ by at most 0.00004%: does the program use its seed?"
    ]
    assert not any("seed?" in note for note in real.notes)
    one = judged(frame_of(*arms(1e-6)["loss"].to_numpy().reshape(3, 3)[:1], [3.0, 3.01, 3.02], [2.9, 2.92, 2.91]))
    assert any("on one side of the comparison" in note for note in one.notes)


def test_two_runs_that_agree_by_chance_are_not_noted():
    found = judged(frame_of([3.2100001, 3.2100012], [3.0012345, 3.0112345], [2.9012345, 2.9123456]))
    assert not any("seed?" in note for note in found.notes)


def datasets(effects, sd=0.1, seeds=3):
    """Runs of x = 0 and 1 on datasets in which x has these effects."""
    draws = np.random.default_rng(8).normal(0, sd, size=(len(effects), seeds, 2))
    rows = [
        (x, f"set {place}", seed, 5.0 + 3 * place + x * effect + draws[place, seed, x])
        for place, effect in enumerate(effects) for seed in range(seeds) for x in (0, 1)
    ]  # fmt: skip
    return pd.DataFrame(rows).set_axis(["x", "dataset", "seed", "loss"], axis=1)


def test_an_effect_of_opposite_sign_in_blocks_that_nobody_named_is_undecided():
    found = judged(datasets([-1.8, 0.35, 0.95]))
    assert found.verdict == "undecided"
    (note,) = found.notes
    assert note.startswith("The effect differs between levels of dataset: \u22121.")
    assert note.endswith("so the claim on it is undecided. Name one with “where”.")
    claim = {"id": "c", "contrast": {"factor": "x", "from": 0, "to": 1, "where": {"dataset": "set 0"}}}
    (alone,) = sweeper.judge(datasets([-1.8, 0.35, 0.95]), metric="loss", claims=[{**claim, "expect": "decrease"}])
    assert alone.verdict == "supported"


def test_an_effect_that_is_larger_in_one_block_is_decided():
    for effects in ([-1.8, -0.9, -0.7], [-0.5, -0.5, -0.5]):
        found = judged(datasets(effects))
        assert (found.verdict, found.notes) == ("supported", ())
