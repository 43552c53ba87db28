"""Baselines of frames: guessed whatever the order of the rows, named where they are guesses, and declared."""

from itertools import product

import pandas as pd
import pytest

import sweeper
from sweeper.errors import UsageError

NOISE = (0.3, -0.5, 0.4, -0.1, 0.2, -0.4, 0.5, 0.1)
CLAIMS = [
    {"id": "b", "ordering": {"largest": "b", "among": ["a"]}},
    {"id": "a", "ordering": {"largest": "a", "among": ["b"]}},
]


def grid(without=(), levels=((0, 1), (0, 1))):
    """Four runs of each combination, in which b gains twice as much as a."""
    rows = [
        {"a": levels[0][a], "b": levels[1][b], "seed": seed, "loss": 50 - 3 * a - 6 * b + seed + noise}
        for (a, b), seed in product(product(range(len(levels[0])), range(len(levels[1]))), range(4))
        if (a, b) not in without
        for noise in [NOISE[(3 * a + 5 * b + 3 * seed + a * seed) % len(NOISE)]]
    ]
    return pd.DataFrame(rows)


def judged(frame, claims=CLAIMS, **options):
    return sweeper.judge(frame, metric="loss", claims=claims, **options)


def verdicts(frame, **options):
    return [each.verdict for each in judged(frame, **options)]


@pytest.mark.parametrize(
    "levels",
    [(0, 1), (None, 0.1), (False, True), ("off", "on"), ("None", "adam"), ("", "x"), ("Baseline", "A"), (0.1, 0.2)],
    ids=str,
)
@pytest.mark.parametrize(
    "order", [lambda frame: frame, lambda frame: frame[::-1], lambda frame: frame.sort_values("loss")]
)
def test_the_order_of_the_rows_changes_no_verdict(levels, order):
    found = judged(order(grid(levels=(levels, levels))))
    assert [each.verdict for each in found] == ["supported", "refuted"]
    assert found[0].estimate == pytest.approx(3, abs=0.5)
    assert all(each.notes[0].startswith("Guessed baselines: b = ") for each in found[:1])


def test_the_first_of_equally_frequent_texts_is_taken_and_named():
    frame = grid(levels=(("sgd", "adam"), ("silu", "gelu")))
    (found, _), (reversed_rows, _) = judged(frame), judged(frame[::-1])
    assert found.notes[0] == (
        "Guessed baselines: b = silu (of equally frequent levels the first in the frame); a = sgd (of equally frequent "
        "levels the first in the frame). If others are meant, declare them, e.g. baselines={'b': 'gelu', 'a': 'adam'}."
    )
    assert reversed_rows.notes[0].startswith("Guessed baselines: b = gelu")
    known = {"a": "sgd", "b": "silu"}
    for each in (frame, frame[::-1]):
        assert judged(each, baselines=known)[0].notes == ()
        assert verdicts(each, baselines=known) == ["supported", "refuted"]


@pytest.mark.parametrize(
    ("gone", "levels", "factor"),
    [
        ((1, 0), ((0, 1), (0, 1)), "b"),
        ((0, 1), ((0, 1), (0, 1)), "a"),
        ((1, 0), ((0, 1), (0, 1, 2)), "b"),
        ((0, 2), ((0, 1), (0, 1, 2)), "a"),
    ],
)
def test_a_configuration_that_is_absent_makes_no_other_level_the_baseline(gone, levels, factor):
    other = "ab".replace(factor, "")
    frame = grid([gone], levels)
    for found in judged(frame):
        assert found.verdict == "undecided"
        assert found.notes[0] == (
            f"The runs do not show the baseline of {factor}: 1 is in 1 configuration more than 0, but {other} = 0, the "
            f"baseline of {other}, means none. So the claim is undecided; declare baselines={{{factor!r}: 0}} or "
            f"baselines={{{factor!r}: 1}}."
        )
    assert verdicts(frame, baselines={factor: 0})[0] == "supported"


def test_factors_that_are_added_one_after_another_have_no_baseline_that_most_configurations_share():
    rows = [
        {**{name: int(place < step) for place, name in enumerate("abc")}, "seed": seed, "loss": loss + 0.1 * noise}
        for step, loss in enumerate((50, 49, 47, 40))
        for seed, noise in enumerate(NOISE[step : step + 4])
    ]
    claim = {"id": "x", "ordering": {"largest": "c", "among": ["a", "b"]}}
    (guessed,), (known,) = (judged(pd.DataFrame(rows), [claim], **each) for each in ({}, {"baselines": {"a": 0}}))
    assert (guessed.verdict, known.verdict) == ("undecided", "supported")
    assert guessed.notes[0].startswith("The runs do not show the baseline of a: 1 is in 2 configurations more than 0")


def test_the_baseline_of_a_design_that_leaves_one_out_is_named():
    for found in judged(grid([(0, 0)])):
        assert found.verdict != "undecided"
        assert "b = 1 (in 1 configuration more than 0)" in found.notes[0]
        assert "a = 1 (in 1 configuration more than 0)" in found.notes[0]


def test_a_plain_baseline_is_not_named():
    rows = [{"a": 0, "b": 0}, *({"a": a, "b": 0} for a in (1, 2, 3)), *({"a": 0, "b": b} for b in (1, 2, 3))]
    frame = pd.DataFrame(
        {**row, "seed": seed, "loss": 50 - row["a"] - 3 * row["b"] + NOISE[(3 * place + seed) % 8]}
        for place, row in enumerate(rows)
        for seed in range(3)
    )
    assert all(each.notes == () for each in judged(frame))


def test_a_configuration_with_a_factor_at_a_guessed_baseline_names_it():
    arms = {"contrast": {"from": {"levels": {"a": 0}}, "to": {"levels": {"a": 1}}}, "id": "x", "expect": "decrease"}
    (found,) = judged(grid(), [arms])
    assert found.notes == (
        "Guessed baseline: b = 0 (of equally frequent levels the one that means none). If another is meant, declare "
        "it, e.g. baselines={'b': 1}.",
    )
    (moved,) = judged(grid(), [arms], baselines={"b": 1})
    assert (moved.notes, moved.n) == ((), 4)
    assert moved.estimate != found.estimate
    (doubtful,) = judged(grid([(1, 0)]), [arms])
    assert doubtful.verdict == "undecided"


def test_strata_count_a_configuration_once():
    frame = pd.concat([grid([(1, 0)]).assign(data=name) for name in "xyz"], ignore_index=True)
    assert {each.verdict for each in judged(frame, strata=["data"])} == {"undecided"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (5, r"baselines: 5 is not a mapping\. Use e\.g\. baselines=\{'dropout': 0\.0\}\."),
        ({"bb": 0}, r"baselines\.bb: 'bb' is not a factor\. Did you mean 'b'\? Factors: a, b\."),
        ({"b": 7}, r"baselines\.b: no run has 7\. Use one of its levels: 0, 1\."),
        ({"b": object}, r"baselines\.b: no run has .*object.*\. Use one of its levels: 0, 1\."),
        ({"b": True}, r"baselines\.b: no run has true\. Use one of its levels: 0, 1\."),
    ],
)
def test_a_baseline_that_is_none_is_refused(given, message):
    with pytest.raises(UsageError, match=message):
        judged(grid(), baselines=given)


def test_a_stratum_has_no_baseline():
    frame = pd.concat([grid().assign(data=name) for name in "xy"], ignore_index=True)
    with pytest.raises(UsageError, match=r"baselines\.data: is one of strata, which have no baseline\. Leave it out"):
        judged(frame, strata=["data"], baselines={"data": "x"})
