"""What `sweeper.judge` makes of runs that agree in all digits that are reported."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

import sweeper
from sweeper.evidence.claims.judge import ClaimVerdict

ARM = (2.8901, 2.8760, 3.0867)
COPIES = "the seed changes nothing in what is compared: 1 run, not 3"
SCALES = pytest.mark.parametrize("scale", ["linear", "log"])


def judged(*arms: Sequence[float], scale: str = "linear", percent: bool = False) -> ClaimVerdict:
    """The claim that a metric falls from the first arm to the second."""
    size = 100.0 if percent else 1.0
    rows = [(x, seed, size * value) for x, runs in enumerate(arms) for seed, value in enumerate(runs)]
    claim = {"id": "c", "contrast": {"factor": "x", "from": 0, "to": 1}, "expect": "decrease"}
    frame = pd.DataFrame(rows, columns=["x", "seed", "loss"])
    (found,) = sweeper.judge(frame, metric="loss", scale=scale, claims=[claim])
    return found


def noted(found: ClaimVerdict) -> str:
    return " ".join(note for note in found.notes if "the program uses its seed" in note)


@SCALES
@pytest.mark.parametrize("percent", [False, True])
def test_three_equal_runs_of_two_digits_are_noted(scale: str, percent: bool) -> None:
    found = judged([9.5, 9.5, 10.4], [8.3] * 3, scale=scale, percent=percent)
    assert found.verdict == "supported"
    assert found.p_adjusted > 0.01
    value, step = ("830", "10") if percent else ("8.3", "0.1")
    assert f"All 3 runs of a configuration report {value} in steps of {step}" in noted(found)


@SCALES
@pytest.mark.parametrize("percent", [False, True])
@pytest.mark.parametrize("copy", [8.3, 8.312])
def test_three_equal_runs_of_more_digits_are_one(copy: float, percent: bool, scale: str) -> None:
    found = judged([9.512, 9.534, 10.427], [copy] * 3, scale=scale, percent=percent)
    assert (found.verdict, noted(found)) == ("undecided", "")
    assert COPIES in found.sentence


@pytest.mark.parametrize("count", [3, 5, 10])
def test_many_equal_runs_of_two_digits_are_one(count: int) -> None:
    arm = [9.1 + 0.3 * seed for seed in range(count)]
    found = judged(arm, [8.3] * count)
    assert found.verdict == ("supported" if count == 3 else "undecided")


def test_runs_of_a_block_that_all_are_equal_are_copies_where_other_blocks_vary() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, size=(2, 3))
    rows = [(x, "varies", seed, round(4 - x + noise[x, seed], 4)) for x in (0, 1) for seed in range(3)]
    rows += [(x, "copied", seed, 5.1234 - 0.4567 * x) for x in (0, 1) for seed in range(3)]
    frame = pd.DataFrame(rows, columns=["x", "block", "seed", "loss"])
    claims = [
        {"id": block, "contrast": {"factor": "x", "from": 0, "to": 1, "where": {"block": block}}, "expect": "decrease"}
        for block in ("varies", "copied")
    ]
    found = sweeper.judge(frame, metric="loss", strata=["block"], claims=claims)
    assert [each.verdict for each in found] == ["supported", "undecided"]
    assert COPIES in found[1].sentence


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([0.61, 0.75, 0.48], [1.0] * 3),  # all questions answered
        ([7, 7, 8], [5, 5, 5]),  # counts
        ([25 / 30, 26 / 30, 28 / 30], [23 / 30] * 3),
        ([0.6, 0.61, 0.7], [0.5, 0.5, 0.5]),  # chance
    ],
)
def test_counts_and_values_that_runs_come_to_may_be_equal(first: list[float], second: list[float]) -> None:
    found = judged(first, second)
    assert found.verdict in ("supported", "refuted")
    assert "All 3 runs of a configuration report" in noted(found)


@SCALES
@pytest.mark.parametrize(("digits", "verdict"), [(4, "undecided"), (3, "undecided"), (2, "supported")])
def test_equal_differences_are_one_difference_where_digits_would_show_more(
    digits: int, verdict: str, scale: str
) -> None:
    first = [round(value, digits) for value in ARM]
    found = judged(first, [round(value - 0.0788, digits) for value in first], scale=scale)
    assert found.verdict == verdict
    if verdict == "undecided":
        assert "the difference is the same to the last digit in all 3 seeds: 1 difference, not 3" in found.sentence
    else:
        assert "The difference is the same with every seed in steps of 0.01" in noted(found)


def test_so_are_equal_ratios_and_differences_that_only_rounding_keeps_apart() -> None:
    ratios = judged(ARM, [round(0.9688 * value, 4) for value in ARM], scale="log")
    assert "the ratio is the same within rounding in all 3 seeds: 1 ratio, not 3" in ratios.sentence
    exact = [2.89012, 2.87598, 3.08674]
    rounded = judged([round(value, 4) for value in exact], [round(value - 0.07876, 4) for value in exact])
    assert "the difference is the same within rounding in all 3 seeds: 1 difference, not 3" in rounded.sentence


@pytest.mark.parametrize("arm", [ARM, (1.31, 1.36, 1.18)])
def test_equal_values_on_both_sides_are_a_setting_that_changes_nothing(arm: Sequence[float]) -> None:
    assert "both sides gave the same values to the last digit" in judged(arm, arm).sentence


def test_a_factor_that_is_never_read_is_not_found_to_change_nothing() -> None:
    """Steps of 1/3,000, which are as large as the spread, but all six pairs agree."""
    rows = [(lr, wd, seed, (lr + seed / 1000) / 3) for lr in (0.1, 0.2) for wd in (0, 1) for seed in range(3)]
    claim = {"id": "c", "equivalence": {"factor": "wd", "from": 0, "to": 1}, "within": 0.01}
    (found,) = sweeper.judge(pd.DataFrame(rows, columns=["lr", "wd", "seed", "loss"]), metric="loss", claims=[claim])
    assert found.verdict == "undecided"


def test_equal_values_of_few_digits_on_both_sides_are_noted() -> None:
    found = judged([0.91, 0.92, 0.93], [0.91, 0.92, 0.93])
    assert "The difference is the same with every seed in steps of 0.01" in noted(found)


def test_two_equal_differences_of_two_seeds_are_noted() -> None:
    first = [2.8901, 2.8760]
    assert "The difference is the same with every seed" in noted(judged(first, [each - 0.0788 for each in first]))


def test_a_seed_that_repeats_another_on_both_sides_is_no_seed() -> None:
    found = judged([2.8901, 2.8901, 3.0867], [2.1234, 2.1234, 2.1987])
    assert found.verdict == "undecided"
    assert "some seeds gave the same values on both sides: 2 runs, not 3" in found.sentence
    assert judged([2.9, 2.9, 3.1], [2.1, 2.1, 2.2]).verdict == "supported"  # two digits, which agree by chance


def test_a_seed_that_repeats_another_on_one_side_is_noted() -> None:
    found = judged([2.8901, 2.8901, 3.0867], [2.1234, 2.2345, 2.1987])
    assert found.verdict == "supported"
    assert "2 of 3 runs of a configuration report 2.8901, the same to the last digit" in noted(found)
    assert noted(judged([2.9, 2.9, 3.1], [2.1, 2.3, 2.2])) == ""


@pytest.mark.parametrize("digits", [2, 3, 4])
@pytest.mark.parametrize("shared", [0.0, 0.9])
def test_runs_that_vary_are_hardly_ever_refused_or_noted(digits: int, shared: float) -> None:
    """Values of 3.15 with a standard deviation of 0.05, a share of whose variance comes from the seed."""
    rng, refused, told = np.random.default_rng(digits), 0, 0
    for _ in range(60):
        seeds = rng.normal(0, 0.05 * shared**0.5, 3)
        arms = [np.round(3.15 + seeds + rng.normal(0, 0.05 * (1 - shared) ** 0.5, 3), digits) for _ in range(3)]
        found = judged(*[arm.tolist() for arm in arms])
        refused += any(text in found.sentence for text in ("1 run, not", "the same to the last digit", "same values"))
        told += bool(noted(found))
    assert refused <= 1
    assert told <= (6 if digits == 2 else 1)
