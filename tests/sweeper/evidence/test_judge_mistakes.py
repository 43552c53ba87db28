"""`sweeper.judge` on odd frames and claims: levels as people have them, and mistakes that are explained."""

import decimal
import math
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest

import sweeper
from sweeper.errors import UsageError


def frame_of(levels=(0, 1), kind=None):
    generator = np.random.default_rng(0)
    rows = [
        {"a": place, "b": b, "seed": seed, "loss": 10.0 + 0.3 * seed - place + 0.1 * generator.normal()}
        for place in (0, 1)
        for b in (0, 1)
        for seed in range(4)
    ]
    frame = pd.DataFrame(rows)
    return frame.assign(a=pd.Series([levels[place] for place in frame["a"]], dtype=kind))


def a_claim(low=0, high=1, name="c", **more):
    return {"id": name, "contrast": {"factor": "a", "from": low, "to": high, **more}, "expect": "decrease"}


def judged(frame, claims, **options):
    return sweeper.judge(frame, **{"metric": "loss", "factors": ["a", "b"], "claims": claims, **options})


@pytest.mark.parametrize(
    ("levels", "kind", "named"),
    [
        ((0.1, 0.2), "float32", (0.1, 0.2)),
        ((0.1, 0.2), "float32", (np.float32(0.1), float(np.float32(0.2)))),
        ((0.1, 0.2), "float16", (0.1, 0.2)),
        ((0.1, 0.2), "Float32", (0.1, 0.2)),
        ((0.1, 0.2), pd.CategoricalDtype(np.array([0.1, 0.2], dtype=np.float32)), (0.1, 0.2)),
        ((decimal.Decimal("0.10"), decimal.Decimal("0.2")), object, (0.1, decimal.Decimal("0.2"))),
        ((Fraction(1, 3), 1), object, (Fraction(1, 3), 1)),
        ((b"x", b"y"), object, (b"x", b"y")),
        ((math.nan, 1.0), None, (math.nan, 1.0)),
        ((None, 1), "Int64", (pd.NA, 1)),
    ],
)  # fmt: skip
def test_a_level_may_be_named_as_it_is_in_the_frame(levels, kind, named):
    if isinstance(kind, pd.CategoricalDtype):
        levels = tuple(kind.categories)
    (found,) = judged(frame_of(levels, kind), [a_claim(*named)])
    assert (found.verdict, found.n) == ("supported", 8)


def test_a_level_of_a_narrow_column_may_be_named_wherever_levels_are():
    frame = frame_of((0.1, 0.2), "float32")
    claims = [
        {
            "id": "arms",
            "contrast": {"from": {"levels": {"a": 0.1}}, "to": {"levels": {"a": 0.2}}},
            "expect": "decrease",
        },
        {"id": "figure", "constant": {"value": 20.0, "levels": {"a": 0.2}}, "expect": "below"},
        {
            "id": "both",
            "interaction": {"factor": "b", "from": 0, "to": 1, "with": {"factor": "a", "from": 0.1, "to": 0.2}},
            "expect": "increase",
        },
        {"id": "where", "equivalence": {"factor": "b", "from": 0, "to": 1, "where": {"a": 0.2}}, "within": 9.0},
    ]  # fmt: skip
    assert [each.verdict for each in judged(frame, claims)] == ["supported", "supported", "undecided", "supported"]


def cyclic():
    claim = {"id": "c"}
    claim["contrast"] = claim
    return claim


@pytest.mark.parametrize(
    ("claims", "options", "says"),
    [
        (None, {}, "claims: None is not a list of claims. Use claims=[{"),
        (5, {}, "claims: 5 is not a list of claims. Use claims=[{"),
        (a_claim(), {}, "claims: a mapping is one claim. Use claims=[{"),
        ([a_claim()], {"factors": 3}, "factors: 3 is not a list of columns. Use e.g. factors=['dropout']."),
        ([cyclic()], {}, "claims[0]: the claim contains itself"),
        ([a_claim(), a_claim(name="C")], {}, "claims[1].id: 'C' is also the id of an earlier claim."),
        ([a_claim([1], [1.0])], {}, "claims[0].contrast.to: [1.0] is the same level as from. Name another one."),
        (
            [{"id": "c", "contrast": {"from": {}, "to": {"levels": {"a": 0}}}, "expect": "increase"}], {},
            "claims[0].contrast.to.levels: are the same as those of from. Name another configuration.",
        ),
        (
            [{"id": "i", "interaction": {
                "from": {"levels": {"a": 0}}, "to": {"levels": {"a": 1}},
                "with": {"from": {}, "to": {"levels": {"b": 0}}},
            }, "expect": "increase"}], {},
            "claims[0].interaction.with.to.levels: are the same as those of from.",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_explained(claims, options, says):
    with pytest.raises(UsageError) as error:
        judged(frame_of(), claims, **options)
    assert says in str(error.value)
    assert "{a.b: [" not in str(error.value)


def test_a_seed_that_cannot_be_compared_is_explained():
    frame = frame_of()
    with pytest.raises(UsageError, match=r"column 'seed', row 0: \(\[0\],\) is not a seed"):
        judged(frame.assign(seed=[([seed],) for seed in frame["seed"]]), [a_claim()])


@pytest.mark.parametrize("form", ["contrast", "divergence"])
def test_a_level_of_another_factor_that_no_run_has_is_named(form):
    statement = {"factor": "a", "from": 0, "to": 1, "where": {"b": 9}}
    (found,) = judged(frame_of(), [{"id": "c", form: statement, "expect": "decrease"}])
    assert (found.verdict, found.sentence) == ("untested", "No trial of phase runs has b = 9; its levels there: 0, 1.")


def test_decimals_of_arrow_may_be_missing():
    arrow = pytest.importorskip("pyarrow")
    frame = frame_of()
    kind = pd.ArrowDtype(arrow.decimal128(20, 10))
    frame["loss"] = pd.Series([decimal.Decimal(f"{value:.6f}") for value in frame["loss"]], dtype=kind)
    frame.loc[3, "loss"] = pd.NA
    (found,) = judged(frame, [a_claim()])
    assert (found.verdict, found.n) == ("supported", 7)


@pytest.mark.parametrize(
    ("column", "cells", "says"),
    [
        ("seed", {0: None, 2: None}, "column 'seed', rows 0 and 2: the runs have no seed."),
        ("seed", {1: None}, "column 'seed', row 1: the run has no seed."),
        ("loss", {0: "x", 3: "x"}, "column 'loss', rows 0 and 3: 'x' is not a number."),
        ("loss", {0: "x", 3: "y"}, "column 'loss', rows 0 and 3: 'x', 'y' are no numbers."),
        ("state", dict.fromkeys(range(7), "ok"), "column 'state', rows 0, 1, 2, 3, 4 and 2 more: 'ok' is not a state."),
    ],
)
def test_all_rows_with_a_mistake_are_named(column, cells, says):
    frame = pd.DataFrame({"a": [0, 1] * 4, "seed": [0, 0, 1, 1, 2, 2, 3, 3], "loss": 1.5, "state": "completed"})
    frame = frame.astype(object)
    for row, cell in cells.items():
        frame.loc[row, column] = cell
    with pytest.raises(UsageError) as error:
        judged(frame, [a_claim()], factors=["a"])
    assert says in str(error.value)


def test_a_frame_has_no_lengths_to_choose_from():
    claim = {**a_claim(), "at": "best_length"}
    with pytest.raises(
        UsageError, match=r"^claims\[0\]\.at: a frame has no curves, only one value per run\. Remove it\.$"
    ):
        judged(frame_of(), [claim])
