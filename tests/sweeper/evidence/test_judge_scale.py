"""`sweeper.judge` on values of any size, and on those that differ in their last digits only."""

import numpy as np
import pandas as pd
import pytest

import sweeper

CONTRAST = {"factor": "a", "from": 0, "to": 1}
CLAIMS = [
    {"id": "less", "contrast": CONTRAST, "expect": "decrease", "at_least": "0.5%"},
    {"id": "same", "equivalence": CONTRAST, "within": "5%"},
    {"id": "order", "ordering": {"order": ["a", "b"]}},
]


def grid(size=1.0):
    generator = np.random.default_rng(3)
    rows = [
        {"a": a, "b": b, "seed": seed, "loss": 1.0 + 0.01 * seed - 0.05 * a + 0.01 * generator.normal()}
        for a in (0, 1)
        for b in (0, 1)
        for seed in range(4)
    ]
    return pd.DataFrame(rows).assign(loss=lambda frame: frame["loss"] * size)


def judged(frame, claims):
    return sweeper.judge(frame, metric="loss", factors=["a", "b"], claims=claims)


@pytest.mark.parametrize("size", [1e-148, 1e-84, 1e82, 1e148])
def test_the_unit_of_a_metric_changes_no_verdict(size):
    known = judged(grid(), CLAIMS)
    for mine, other in zip(judged(grid(size), CLAIMS), known, strict=True):
        assert (mine.verdict, mine.evidence.method) == (other.verdict, other.evidence.method)
        assert mine.p_adjusted == pytest.approx(other.p_adjusted)
        assert [mine.estimate, mine.low, mine.high] == pytest.approx(
            [e * size for e in (other.estimate, other.low, other.high)]
        )


@pytest.mark.parametrize("noise", [1e-12, 1e-10, 1e-9, 2e-8])
def test_sums_in_another_order_decide_no_claim_of_any_kind(noise):
    generator = np.random.default_rng(0)
    means = {(a, b): 10.0 + a - 0.5 * b for a in (0, 1) for b in (0, 1)}
    frame = pd.DataFrame(
        [
            {"a": a, "b": b, "seed": seed, "loss": mean * (1.0 + noise * generator.normal())}
            for (a, b), mean in means.items()
            for seed in range(3)
        ]
    )
    claims = [
        *({**each, "within": "50%"} if "within" in each else each for each in CLAIMS),
        {"id": "rise", "contrast": CONTRAST, "expect": "increase"},
        {"id": "below", "constant": {"value": 20.0}, "expect": "below"},
        {"id": "above", "constant": {"value": 20.0, "levels": {"a": 1}}, "expect": "above"},
        {"id": "equal", "constant": {"value": 10.0}, "expect": "equal", "within": "50%"},
    ]
    assert {each.verdict for each in judged(frame, claims)} == {"undecided"}


def test_a_side_whose_seeds_agree_to_eight_digits_decides_no_claim_on_it():
    generator = np.random.default_rng(1)
    spread = {0: 0.1, 1: 1e-10}
    frame = pd.DataFrame(
        [
            {"a": a, "b": 0, "seed": seed, "loss": 10.0 + a + sd * generator.normal()}
            for a, sd in spread.items()
            for seed in range(4)
        ]
    )
    claims = [
        {"id": "same", "equivalence": CONTRAST, "within": "50%"},
        {"id": "copy", "constant": {"value": 20.0, "levels": {"a": 1}}, "expect": "below"},
        {"id": "other", "constant": {"value": 20.0, "levels": {"a": 0}}, "expect": "below"},
    ]
    assert [each.verdict for each in judged(frame, claims)] == ["undecided", "undecided", "supported"]
