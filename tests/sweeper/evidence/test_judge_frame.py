"""`sweeper.judge`: verdicts on a frame of runs are those on a study of the same runs, and mistakes are explained."""

import math
import time

import numpy as np
import pandas as pd
import pytest

import sweeper
from sweeper.errors import UsageError
from sweeper.evidence.claims.judge import judge_claims
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"a": factor(0.0, 0.1, 0.2), "b": factor("off", "on"), "c": factor(1, 2)}
BASE = {"a": 0.0, "b": "off", "c": 1}
ROWS = [BASE, *({**BASE, **change} for change in ({"a": 0.1}, {"a": 0.2}, {"b": "on"}, {"c": 2}))]
SEEDS = (0, 1, 2)
CLAIMS = [
    {"id": "less", "contrast": {"factor": "a", "from": 0.0, "to": 0.2}, "expect": "decrease", "at_least": "1%"},
    {"id": "short", "contrast": {"factor": "a", "from": 0.0, "to": 0.1}, "expect": "decrease", "at_least": "9%"},
    {"id": "safe", "contrast": {"factor": "c", "from": 1, "to": 2}, "expect": "no_worse", "within": "2%"},
    {"id": "same", "equivalence": {"factor": "c", "from": 1, "to": 2}, "within": "2%"},
    {"id": "best", "ordering": {"largest": "a", "among": ["a", "b", "c"]}},
    {"id": "order", "ordering": {"order": ["b", "c"]}},
    {"id": "figure", "constant": {"levels": {"a": 0.2}, "value": 100.0}, "expect": "below"},
    {"id": "arms", "contrast": {"from": {"levels": {}}, "to": {"levels": {"b": "on"}}}, "expect": "decrease"},
]


def perplexity(levels, seed):
    draw = np.random.default_rng([seed, *str(sorted(levels.items())).encode()]).normal(0, 0.002)
    return math.exp(4.6 - 0.5 * levels["a"] - 0.03 * (levels["b"] == "on") + 0.02 * seed + draw)


def frame_of(rows=ROWS, value=perplexity, seeds=SEEDS):
    return pd.DataFrame([{**row, "seed": seed, "valid_perplexity": value(row, seed)} for row in rows for seed in seeds])


def in_phase(claim):
    """The claim as a study file has it."""
    (form,) = claim.keys() & {"contrast", "equivalence", "ordering", "constant"}
    statement = claim[form]
    arms = isinstance(statement.get("from"), dict)
    placed = {end: {**arm, "phase": "p"} for end, arm in statement.items()} if arms else {**statement, "phase": "p"}
    return {**claim, form: placed}


def judged(frame, claims, **options):
    return sweeper.judge(frame, metric="valid_perplexity", claims=claims, **options)


def test_verdicts_are_those_of_a_study_with_the_same_runs():
    data = study_data(
        FACTORS, Phase("p", "one_at_a_time", ROWS, perplexity), claims=[in_phase(each) for each in CLAIMS]
    )
    for mine, other in zip(judged(frame_of(), CLAIMS), judge_claims(data), strict=True):
        assert (mine.id, mine.verdict, mine.n, mine.notes) == (other.id, other.verdict, other.n, other.notes)
        numbers = [(each.estimate, each.low, each.high, each.percent, each.p_adjusted) for each in (mine, other)]
        assert numbers[0] == pytest.approx(numbers[1], nan_ok=True)
    assert [each.verdict for each in judge_claims(data)][:4] == ["supported", "refuted", "supported", "supported"]


def test_forty_rows_and_twelve_claims_take_less_than_fifty_milliseconds():
    frame, claims = frame_of(seeds=range(8)), [*CLAIMS, *({**each, "id": f"{each['id']}-2"} for each in CLAIMS[:4])]
    judged(frame, claims)
    began = time.process_time()
    for _ in range(5):
        judged(frame, claims)
    assert (time.process_time() - began) / 5 < 0.05


def test_factors_are_the_columns_that_vary_and_are_nothing_else():
    frame = frame_of().assign(host="here", comment="x")
    assert judged(frame, CLAIMS[:1])[0].verdict == "supported"
    noisy = frame.assign(started_at=range(len(frame)))
    assert judged(noisy, CLAIMS[:1])[0].verdict == "untested"  # no two runs agree in when they started
    assert judged(noisy, CLAIMS[:1], factors=["a", "b", "c"])[0].verdict == "supported"


def test_a_level_null_is_a_level_of_its_own():
    def value(row, seed):
        return 3.0 + (0 if row["a"] is None else row["a"]) + 0.01 * seed + 0.001 * (seed * len(str(row)) % 3)

    frame = frame_of([{"a": 0.1}, {"a": None}, {"a": 1.0}], value)
    claims = [
        {"id": "x", "contrast": {"factor": "a", "from": 0.1, "to": 1.0}, "expect": "increase"},
        {"id": "y", "contrast": {"factor": "a", "from": None, "to": 1.0}, "expect": "increase"},
    ]
    first, second = judged(frame, claims, scale="linear")
    assert (first.estimate, second.estimate) == (pytest.approx(0.9, abs=0.01), pytest.approx(1.0, abs=0.01))


def test_text_that_looks_like_json_is_text():
    rows = [{"a": level} for level in ("", "{x}", "null", "1")]
    frame = frame_of(rows, lambda row, seed: 50.0 + len(row["a"]) + 0.1 * seed)
    claim = {"id": "x", "contrast": {"factor": "a", "from": "", "to": "{x}"}, "expect": "increase"}
    (found,) = judged(frame, [claim])
    assert (found.n, found.evidence.label) == (3, 'a from "" to {x} in runs')


def test_strata_are_compared_within_and_vary_by_themselves():
    def value(row, seed):
        generator = np.random.default_rng([seed, *str(row).encode()])
        noisy = 10.0 if row["data"] == "y" else 1.0
        return 3.0 + 5.0 * (row["data"] == "y") - 0.5 * row["a"] + noisy * generator.normal(0, 0.01)

    frame = frame_of([{"data": name, "a": a} for name in ("x", "y") for a in (0, 1)], value, seeds=range(6))
    claim = {"id": "x", "contrast": {"factor": "a", "from": 0, "to": 1}, "expect": "decrease"}
    (with_strata,) = judged(frame, [claim], strata=["data"], scale="linear")
    (pooled,) = judged(frame, [claim], scale="linear")
    assert with_strata.n == pooled.n == 12
    assert with_strata.estimate == pytest.approx(pooled.estimate)
    assert with_strata.low != pytest.approx(pooled.low)


@pytest.mark.parametrize(
    ("state", "note"),
    [
        ("failed", "1 failed trial counts as the worst"),
        ("diverged", "1 failed trial counts as the worst"),
        ("pruned", "and the runs paired with them"),
    ],
)
def test_runs_that_did_not_complete_are_left_out_and_noted(state, note):
    frame = frame_of()
    frame["state"] = ["completed"] * (len(frame) - 1) + [state]
    whole, lost = judged(frame_of(), CLAIMS[2:3])[0], judged(frame, CLAIMS[2:3])[0]
    assert (whole.n, lost.n) == (3, 2)
    assert note in lost.notes[0]
    assert lost.verdict != "supported"


def test_another_metric_has_a_direction_of_its_own():
    frame = frame_of()
    frame["accuracy"] = 0.9 - 0.05 * (frame["a"] == 0.2) + 0.001 * (frame["seed"] * 7 % 3)
    metric = {"name": "accuracy", "direction": "maximize"}
    claim = {"id": "x", "contrast": {"factor": "a", "from": 0.0, "to": 0.2}, "expect": "no_worse", "within": 0.01}
    (found,) = judged(frame, [{**claim, "metric": metric}])
    assert (found.verdict, found.metric.direction, found.estimate) == ("refuted", "maximize", pytest.approx(-0.05))
    with pytest.raises(UsageError, match=r"claims\[0\]\.metric: the direction of 'accuracy' is unknown\. Use \{'name'"):
        judged(frame, [{**claim, "metric": "accuracy"}])


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        (5, r"claims\[0\]: 5 is not a mapping"),
        ({"id": "x"}, r"claims\[0\]: has no statement\. Use exactly one of contrast"),
        ({**CLAIMS[0], "expect": "up"}, r"claims\[0\]\.expect: 'up' is not one of decrease"),
        ({**CLAIMS[0], "expect": None}, r"claims\[0\]\.expect: is missing"),
        ({**CLAIMS[0], "at_least": "x"}, r"claims\[0\]\.at_least: 'x'"),
        ({**CLAIMS[0], "atleast": 1}, r"claims\[0\]\.atleast"),
        (
            {"id": "x", "contrast": {"factor": "A", "from": 0, "to": 1}, "expect": "decrease"},
            r"claims\[0\]\.contrast\.factor: 'A' is not a factor\..* Factors: a, b, c\.",
        ),
        (
            {"id": "x", "ordering": {"largest": "a", "among": ["a", "z"]}},
            r"claims\[0\]\.ordering\.among\[1\]: 'z' is not a factor",
        ),
    ],
)
def test_mistakes_in_claims_are_explained(claim, message):
    with pytest.raises(UsageError, match=message):
        judged(frame_of(), [claim])


def test_all_mistakes_in_claims_are_reported_at_once():
    with pytest.raises(UsageError) as caught:
        judged(frame_of(), [{"id": "x"}, {**CLAIMS[0], "expect": "up"}, CLAIMS[0], CLAIMS[0]])
    lines = str(caught.value).split("\n")
    assert [line.split(":")[0] for line in lines] == ["claims[0]", "claims[1].expect", "claims[3].id"]


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({}, {"seed": "run"}, "seed: the frame has no column 'run'. Columns: a, b, c, seed, valid_perplexity."),
        ({}, {"factors": ["x"]}, "factors: the frame has no column 'x'."),
        ({}, {"factors": ["a", "seed"]}, "column 'seed' is a factor or stratum and something else too."),
        ({}, {"direction": "up"}, "metric.direction: 'up' is not one of minimize, maximize."),
        (
            {"state": "lost"},
            {},
            "column 'state', rows 0, 1, 2, 3, 4 and 10 more: 'lost' is not a state. States: completed, pruned, failed",
        ),
        ({"seed": math.nan}, {}, "column 'seed', rows 0, 1, 2, 3, 4 and 10 more: the runs have no seed."),
        (
            {"valid_perplexity": "good"},
            {},
            "column 'valid_perplexity', rows 0, 1, 2, 3, 4 and 10 more: 'good' is not a number.",
        ),
    ],
)
def test_faults_of_a_frame_name_the_column_the_row_and_the_remedy(changes, options, message):
    frame = frame_of().astype(object)
    for column, value in changes.items():
        frame[column] = value
    with pytest.raises(UsageError) as caught:
        judged(frame, CLAIMS[:1], **options)
    assert str(caught.value).startswith(message)


def test_a_frame_is_left_as_it_is_and_may_be_empty():
    frame = frame_of()
    before = frame.copy()
    judged(frame, CLAIMS)
    pd.testing.assert_frame_equal(frame, before)
    (found,) = judged(frame.iloc[:0], CLAIMS[:1], factors=["a", "b", "c"])
    assert found.verdict == "untested"


def runs_of(levels, value, seeds=range(4)):
    rows = [dict(zip("xy", level, strict=False)) for level in levels]
    return pd.DataFrame([{**row, "seed": seed, "loss": value(row, seed)} for row in rows for seed in seeds])


def change(factor, start, end, **options):
    return {"id": factor, "contrast": {"factor": factor, "from": start, "to": end}, "expect": "decrease", **options}


@pytest.mark.parametrize("columns", [["x", "y"], ["y", "x"]])
def test_factors_that_change_only_together_are_both_untested(columns):
    frame = runs_of([(0, 0.01), (1, 0.1)], lambda row, seed: 1 - 0.5 * row["x"] + 0.01 * (seed * 7 % 5))
    claims = [change("x", 0, 1), change("y", 0.01, 0.1)]
    both = sweeper.judge(frame[[*columns, "seed", "loss"]], metric="loss", claims=claims)
    assert [each.verdict for each in both] == ["untested", "untested"]
    assert both[0].sentence.startswith("Factor x changes only together with y,")
    assert "if y is no setting, judge with factors=['x']; else add runs in which x changes" in both[0].sentence
    (alone,) = sweeper.judge(frame, metric="loss", claims=claims[:1], factors=["x"])
    assert alone.verdict == "supported"


def test_a_metric_has_one_direction_and_one_scale():
    frame = frame_of().assign(accuracy=0.9)
    claims = [
        {**CLAIMS[2], "id": name, "metric": {"name": "accuracy", "direction": direction}}
        for name, direction in (("first", "maximize"), ("second", "minimize"))
    ]
    with pytest.raises(UsageError, match=r"claims\[1\].metric: 'second' declares 'accuracy' as minimize.*'first'"):
        judged(frame, claims)
    own = {"name": "valid_perplexity", "direction": "maximize"}
    with pytest.raises(UsageError, match=r"claims\[0\].metric: 'safe' declares .* but the call as minimize, log scale"):
        judged(frame, [{**CLAIMS[2], "metric": own}])
    assert judged(frame, [{**CLAIMS[2], "metric": {**own, "direction": "minimize"}}])[0].verdict == "supported"
    averaged = {"name": "accuracy", "direction": "maximize", "value": {"mean_of_last": 3}}
    with pytest.raises(UsageError, match=r"claims\[0\].metric.value: a frame has no curves"):
        judged(frame, [{**CLAIMS[2], "metric": averaged}])


def two_arms(first, second):
    return pd.DataFrame(
        [
            {"x": x, "seed": seed, "loss": value}
            for x, arm in enumerate((first, second))
            for seed, value in enumerate(arm)
        ]
    )


@pytest.mark.parametrize(
    ("values", "scale", "reason"),
    [
        ((0.5, 0.61, 0.72, 1e200), "linear", "1.000e200 is too large to compute with"),
        ((0.5, 0.61, 0.72, -1e200), "linear", "1.000e200 is too large to compute with"),
        ((0.5, 0.61, 0.72, 0.0), "log", "0 has no logarithm"),
        ((0.5, 0.61, 0.72, -1.0), "log", "1.000 has no logarithm"),
    ],
)
def test_a_completed_run_whose_value_cannot_be_compared_leaves_a_claim_undecided(values, scale, reason):
    frame = two_arms((1.0, 1.1, 1.2, 1.05), values)
    claims = [change("x", 0, 1), {**change("x", 1, 0), "id": "back"}]
    found = sweeper.judge(frame, metric="loss", claims=claims, scale=scale)
    assert [each.verdict for each in found] == ["undecided", "undecided"]
    assert reason in found[0].notes[0] and "so the claim is undecided" in found[0].notes[1]
    assert found[0].caveats.reachable == ()
    assert "with probability 0.8" not in found[0].sentence
    (kept,) = sweeper.judge(frame.iloc[:7], metric="loss", claims=claims[:1], scale=scale)
    assert kept.verdict == "supported"


@pytest.mark.parametrize(("effects", "verdict"), [((-0.9, 0.3), "undecided"), ((-0.9, -0.3), "supported")])
def test_a_mean_over_strata_is_no_verdict_where_the_effect_has_both_signs(effects, verdict):
    rows = [
        {"x": x, "data": name, "seed": seed, "loss": 2 + x * effect + 0.01 * (seed * 7 % 5) + 0.01 * x * (seed * 3 % 4)}
        for name, effect in zip("ab", effects, strict=True)
        for x in (0, 1)
        for seed in range(6)
    ]
    (found,) = sweeper.judge(pd.DataFrame(rows), metric="loss", claims=[change("x", 0, 1)], strata=["data"])
    assert found.verdict == verdict
    assert "at data = a and" in found.notes[0]
    assert ("so the claim on it is undecided" in found.notes[0]) == (verdict == "undecided")


FRAME = two_arms((1.0, 1.1, 1.2), (0.5, 0.61, 0.72)).astype(object)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        (
            {"contrast": {"factor": "x", "from": 0, "to": 0.0}, "expect": "decrease"},
            "contrast.to: 0.0 is the same level",
        ),
        (
            {"contrast": {"from": {"levels": {"x": 1}}, "to": {"levels": {"x": 1}}}, "expect": "decrease"},
            "contrast.to.lev",
        ),
        ({"ordering": {"largest": "x", "among": ["x"]}}, "ordering.among: ['x'] leaves nothing to compare"),
        ({"ordering": {"largest": "x", "among": ["x", "x"]}}, "ordering.among: ['x', 'x'] leaves nothing to compare"),
        ({"ordering": {"order": ["x"]}}, "ordering.order: ['x'] leaves nothing to compare"),
        (change("x", 0, 1, at_least=math.nan), "at_least: nan is not a finite number."),
    ],
)
def test_a_claim_that_compares_nothing_is_a_mistake(statement, message):
    with pytest.raises(UsageError) as caught:
        sweeper.judge(FRAME, metric="loss", claims=[{**statement, "id": "c"}])
    assert str(caught.value).startswith("claims[0]." + message)
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("loss", 10**400, "column 'loss', row 0: an integer of 401 digits is too large"),
        ("loss", pd.Timedelta(1, "s"), "column 'loss', row 0: Timedelta('0 days 00:00:01') is not a real number"),
        ("loss", 1 + 2j, "column 'loss', row 0: (1+2j) is not a real number"),
        ("seed", [0], "column 'seed', row 0: [0] is not a seed"),
        ("state", ["completed"], "column 'state', row 0: ['completed'] is not a state"),
        ("x", [1j], "column 'x', row 0: [1j] cannot be a level"),
        ("x", {1: 1, "a": 2}, "column 'x', row 0: {1: 1, 'a': 2} cannot be a level"),
    ],
)
def test_cells_of_no_use_are_explained(column, value, message):
    frame = FRAME.assign(state="completed").astype(object)
    frame[column] = pd.Series([value, *frame[column].tolist()[1:]], dtype=object)
    with pytest.raises(UsageError) as caught:
        sweeper.judge(frame, metric="loss", claims=[change("x", 0, 1)])
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("unit", ["timedelta64[s]", "datetime64[s]", "complex128"])
def test_a_metric_is_made_of_real_numbers(unit):
    frame = FRAME.assign(loss=pd.Series([1, 2, 3, 4, 5, 6]).astype(unit))
    with pytest.raises(UsageError, match=r"column 'loss' has .*, which are no metric\. Use real numbers"):
        sweeper.judge(frame, metric="loss", claims=[change("x", 0, 1)])


def test_a_frame_is_a_frame_and_its_columns_are_named_once():
    claims = [change("x", 0, 1)]
    with pytest.raises(UsageError, match=r"frame: dict is not a pandas frame\. Use pandas\.DataFrame"):
        sweeper.judge({"x": [0]}, metric="loss", claims=claims)
    with pytest.raises(UsageError, match=r"frame: it has several columns 'x'\. Rename"):
        sweeper.judge(pd.concat([FRAME, FRAME[["x"]]], axis=1), metric="loss", claims=claims)
    with pytest.raises(UsageError, match=r"factors: 'x' is one name\. Use a list: factors=\['x'\]"):
        sweeper.judge(FRAME, metric="loss", claims=claims, factors="x")
    (found,) = sweeper.judge(FRAME, metric="loss", claims=claims, factors=(name for name in ["x"]))
    assert found.n == 3


@pytest.mark.parametrize(
    ("levels", "texts"),
    [
        ([np.datetime64("2020-01-01"), np.datetime64("2021-01-01")], ["2020-01-01", "2021-01-01"]),
        ([1 + 2j, 3 + 4j], ["(1+2j)", "(3+4j)"]),
        ([np.complex128(1 + 2j), np.complex128(3 + 4j)], ["(1+2j)", "(3+4j)"]),
        ([np.longdouble(1), np.longdouble(2)], ["1.0", "2.0"]),
    ],
)
def test_a_level_that_json_cannot_write_is_text(levels, texts):
    frame = FRAME.assign(x=pd.Series([levels[0]] * 3 + [levels[1]] * 3, dtype=object))
    assert sweeper.judge(frame, metric="loss", claims=[change("x", *texts)])[0].n == 3


def test_a_pruned_run_without_a_curve_could_have_ended_anywhere():
    frame = two_arms((1.0, 1.1, 1.2, 1.05, 1.15, 1.08), (0.5, 0.61, 0.72, 0.55, 0.66, math.nan))
    frame["state"] = ["completed"] * 11 + ["pruned"]
    claims = [change("x", 0, 1), {**change("x", 1, 0), "id": "back"}]
    found = sweeper.judge(frame, metric="loss", claims=claims)
    assert [(each.verdict, each.p_adjusted) for each in found] == [("undecided", 1.0)] * 2
    assert sweeper.judge(frame.iloc[:11], metric="loss", claims=claims)[0].verdict == "supported"


@pytest.mark.parametrize(
    "claim",
    [
        change("x", 0, 7),
        {"id": "c", "constant": {"levels": {"x": 7}, "value": 1.0}, "expect": "below"},
        {"id": "c", "divergence": {"factor": "x", "from": 0, "to": 7}, "expect": "decrease"},
    ],
)
def test_a_level_that_no_run_has_is_named_with_the_others(claim):
    (found,) = sweeper.judge(FRAME, metric="loss", claims=[claim])
    assert found.verdict == "untested"
    assert found.sentence == "No trial of phase runs has x = 7; its levels there: 0, 1."


def test_a_factor_that_is_the_sum_of_others_is_untested():
    rows = [(0, 0, 0), (1, 1, 0), (1, 0, 1)]
    frame = pd.DataFrame(
        [
            {"x": x, "a": a, "b": b, "seed": s, "loss": 1 - 0.5 * x + 0.01 * (s * 7 % 5)}
            for x, a, b in rows
            for s in range(4)
        ]
    )
    claims = [change(name, 0, 1) for name in ("x", "a", "b")]
    found = sweeper.judge(frame, metric="loss", claims=claims)
    assert [each.verdict for each in found] == ["untested"] * 3
    assert found[0].sentence.startswith("The levels of a and b determine x, so nothing shows which has the effect; add")


DAYS = (np.datetime64("2024-01-31"), np.datetime64("2024-02-29"))
AS_DATES = {
    "numpy": list, "pandas": lambda days: [pd.Timestamp(day) for day in days],
    "library": lambda days: [day.item() for day in days], "text": lambda days: [str(day) for day in days],
    "nanoseconds": lambda days: [day.astype("M8[ns]") for day in days],
}  # fmt: skip


@pytest.mark.parametrize("claimed", AS_DATES)
@pytest.mark.parametrize("kept", AS_DATES)
def test_dates_are_levels_whatever_their_type(kept, claimed):
    column = [day for day in AS_DATES[kept](DAYS) for _ in SEEDS]
    values = [1.2345, 1.2415, 1.2388, 0.9123, 0.9224, 0.9131]
    frame = pd.DataFrame({"day": pd.Series(column, dtype=object), "seed": [*SEEDS, *SEEDS], "valid_perplexity": values})
    start, end = AS_DATES[claimed](DAYS)
    claim = {"id": "c", "contrast": {"factor": "day", "from": start, "to": end}, "expect": "decrease"}
    (found,) = judged(frame, [claim])
    assert (found.verdict, found.n) == ("supported", 3)
    assert "day from 2024-01-31 to 2024-02-29" in found.sentence


@pytest.mark.parametrize(
    ("start", "end", "shown"),
    [
        ([8], [8, 16], "x from [8] to [8, 16] in runs"),
        ((8,), (8, 16), "x from [8] to [8, 16] in runs"),
        (np.array([8]), np.array([8, 16]), "x from [8] to [8, 16] in runs"),
        ({"kind": "a"}, "b", 'x from {"kind": "a"} to b in runs'),
        (None, {"eps": 0.5}, 'x from null to {"eps": 0.5} in runs'),
    ],
)
def test_lists_and_mappings_are_levels(start, end, shown):
    rows = [(level, seed, 90.0 + seed + place + 0.123 * place * seed) for place, level in enumerate((start, end))
            for seed in SEEDS]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["x", "seed", "valid_perplexity"], dtype=object)
    claim = {"id": "c", "contrast": {"factor": "x", "from": start, "to": end}, "expect": "increase"}
    (found,) = judged(frame, [claim])
    assert (found.evidence.label, found.n) == (shown, 3)


def test_times_and_durations_are_levels_too():
    levels = [pd.Timestamp("2024-01-31 12:30"), np.timedelta64(90, "m"), pd.Interval(0, 1), pd.NaT]
    rows = [(level, seed, 90.0 + seed + 0.123 * place * seed) for place, level in enumerate(levels) for seed in SEEDS]
    frame = pd.DataFrame(rows, columns=["x", "seed", "valid_perplexity"], dtype=object)
    claims = [
        {"id": f"c{place}", "contrast": {"factor": "x", "from": levels[0], "to": level}, "expect": "decrease"}
        for place, level in enumerate(levels[1:])
    ]
    found = [each.evidence.label for each in judged(frame, claims)]
    assert found == [f"x from 2024-01-31 12:30:00 to {end} in runs" for end in ("0 days 01:30:00", "(0, 1]", "null")]


def test_a_claim_may_name_arms():
    arms = {"bare": {}, "b-on": {"b": "on"}}
    by_levels = {"from": {"levels": {}}, "to": {"levels": {"b": "on"}}}
    claims = [
        {"id": "by-name", "contrast": {"from": "bare", "to": "b-on"}, "expect": "decrease"},
        {"id": "one-by-name", "contrast": {"from": {"levels": {}}, "to": "b-on"}, "expect": "decrease"},
        {"id": "by-levels", "contrast": by_levels, "expect": "decrease"},
        {"id": "constant", "constant": {"arm": "b-on", "value": 100.0}, "expect": "below"},
    ]
    first, mixed, last, constant = judged(frame_of(), claims, arms=arms)
    numbers = [(each.verdict, each.estimate, each.low, each.high) for each in (first, mixed, last)]
    assert numbers[0] == numbers[1] == numbers[2]
    assert first.verdict == "supported"
    assert constant.n == 3


@pytest.mark.parametrize(
    ("arms", "message"),
    [
        ({"bare": {}}, r"^claims\[0\]\.contrast\.to: 'both' is not an arm of this study\. Arms: bare\."),
        ({"bare": {}, "both": {"d": 1}}, r"^arms\.both\.d: 'd' is not a factor\. Factors: a, b, c\.$"),
        ({"bare": {}, "both": {"a": 0.0}}, r"^claims\[0\]\.contrast\.to\.levels: are the same as those of from\."),
        (["bare"], r"^arms: \['bare'\] is not a mapping\. Use e\.g\."),
        ({"bare": 3}, r"^arms\.bare: 3 is not a mapping of factors to levels\."),
        (None, r"^claims\[0\]\.contrast\.from: 'bare' is not an arm: this study has none\. Define it in arms\."),
    ],
)
def test_mistakes_in_arms_are_told(arms, message):
    claim = {"id": "x", "contrast": {"from": "bare", "to": "both"}, "expect": "decrease"}
    with pytest.raises(UsageError, match=message):
        judged(frame_of(), [claim], arms=arms)


def test_an_arm_that_was_not_run_is_not_another_one():
    rows = [BASE, {**BASE, "c": 2}, {**BASE, "b": "on"}, {**BASE, "b": "on", "a": 0.2}]
    rows = [*rows, {**BASE, "a": 0.1}]
    start = {"levels": {"a": 0.2}}  # with b off, as nobody ran it
    claims = [
        {"id": "x", "contrast": {"from": start, "to": {"levels": {"a": 0.2, "b": "on"}}}, "expect": "decrease"},
        {"id": "y", "contrast": {"from": start, "to": {"levels": {"b": "on"}}}, "expect": "decrease"},
    ]
    for found in judged(frame_of(rows), claims):
        assert found.verdict == "untested"
        assert found.sentence == "The study has no trial of a = 0.2 in runs with everything else at the baseline."
