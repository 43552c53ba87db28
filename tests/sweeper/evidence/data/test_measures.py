"""Values that cannot be compared, and why."""

import math
import sys

import pytest

from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.data.measures import make_measure
from sweeper.spec.metric import CurveValue, Metric, Scale, mean_of
from tests.reports.studies import Phase, factor, study_data


def metric(scale: Scale) -> Metric:
    return Metric(name="valid_perplexity", direction="minimize", scale=scale)


@pytest.mark.parametrize(
    ("scale", "value", "reason"),
    [
        ("log", 0.0, "0 has no logarithm"),
        ("log", -1.2, "\u22121.200 has no logarithm"),
        ("log", 1e308, ""),
        ("log", 5e-324, ""),
        ("linear", -1.2, ""),
        ("linear", 0.0, ""),
        ("linear", 1e308, "1.000e308 is too large to compute with"),
        ("linear", -1e160, "\u22121.000e160 is too large to compute with"),
        ("linear", 1e-200, "1.000e\u2212200 is too small to compute with"),
    ],
)
def test_a_value_that_cannot_be_compared_is_left_out_alone_and_says_why(
    scale: Scale, value: float, reason: str
) -> None:
    found = make_measure(metric(scale), {1: value, 2: 3.5})
    assert found.why_not(value) == reason
    assert set(found.values) == ({2} if reason else {1, 2})
    assert found.raw == {1: value, 2: 3.5}


def test_a_step_on_a_log_scale_is_a_share_of_the_value() -> None:
    values = {0: 50.0, 1: 200.0, 2: 99.9}  # to one digit after the point
    log, linear = make_measure(metric("log"), values), make_measure(metric("linear"), values)
    assert log.step_at(50.0) == pytest.approx(math.log(50.05 / 49.95), rel=1e-5)
    assert log.step_at(200.0) == pytest.approx(math.log(200.05 / 199.95), rel=1e-5)
    assert [linear.step_at(value) for value in (50.0, 200.0)] == pytest.approx([0.1, 0.1])


def test_an_unknown_resolution_is_no_step() -> None:
    assert make_measure(metric("linear"), {}).step_at(1.0) == 0.0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_that_of_a_run_that_diverged(value: float) -> None:
    found = make_measure(metric("log"), {1: value, 2: 3.5})
    assert (found.diverged, found.raw) == ({1}, {2: 3.5})


def test_the_mean_of_very_large_values_is_finite() -> None:
    largest = sys.float_info.max
    assert mean_of([largest] * 7) == pytest.approx(largest)
    assert CurveValue("mean_of_last", 3).of([1e308, 1e308, 1e308], "minimize") == pytest.approx(1e308)
    assert make_measure(metric("log"), {}).measured(math.log(largest) + 1e-9) == largest


CLAIM = {
    "id": "c", "text": "C.", "metric": None, "expect": "increase", "at_least": 0, "within": None,
    "contrast": {"phase": "p", "factor": "k", "from": "a", "to": "b", "where": None},
}  # fmt: skip


def judged(values: dict[str, float], scale: str, results=lambda row: {}, **changes):  # type: ignore[no-untyped-def]
    """The claim on levels whose runs have these values, a little more for each seed."""
    noise = {"a": [0.0, 0.01, 0.02], "b": [0.0, 0.013, 0.021]}
    phase = Phase(
        "p", "grid", [{"k": "a"}, {"k": "b"}], lambda row, seed: values[row["k"]] * (1 + noise[row["k"]][seed])
    )
    options = {"claims": [{**CLAIM, **changes}], "scale": scale, "results": results, "program": {"python": "a:b"}}
    data = study_data({"k": factor("a", "b")}, phase, **options)
    return judge_claims(data)[0]


def test_perplexities_that_blew_up_are_compared_in_powers_of_ten() -> None:
    found = judged({"a": 2.4, "b": 1e308}, "log")
    assert found.verdict == "supported"
    assert "4.17e309% higher" in found.sentence
    found = judged({"a": 2.4, "b": 1e160}, "log")
    assert "4.17e161% higher" in found.sentence


def test_values_without_a_logarithm_are_the_reason_that_is_given() -> None:
    found = judged({"a": -1.2, "b": -1.1}, "log")
    assert found.verdict == "untested"
    assert found.notes == (
        "6 completed trials cannot be compared: valid_perplexity of \u22121.200, \u22121.212 and \u22121.224 has no "
        "logarithm. Set metric.scale: linear to compare them as they are.",
    )
    assert judged({"a": -1.2, "b": -1.1}, "linear").verdict != "untested"


def test_values_too_large_to_compute_with_are_the_reason_that_is_given() -> None:
    found = judged({"a": 2.4, "b": 1e308}, "linear")
    assert found.verdict == "untested"
    assert "3 completed trials cannot be compared" in found.notes[0]
    assert "is too large to compute with" in found.notes[0]


@pytest.mark.parametrize("bad", [math.inf, math.nan])
def test_a_test_that_gave_no_number_counts_as_diverged(bad: float) -> None:
    def results(row):  # type: ignore[no-untyped-def]
        on = row.configuration["k"] == "b"
        return {"score": bad if on and row.seed == 0 else 1.0 + 0.5 * on + 0.01 * row.seed}

    score = {"name": "score", "direction": "minimize", "scale": "linear"}
    found = judged({"a": 1.0, "b": 1.0}, "linear", results, metric=score, expect="decrease")
    assert found.verdict != "supported"
    assert "1 failed trial counts as the worst" in " ".join(found.notes)


@pytest.mark.parametrize(("digits", "verdict"), [(15, "undecided"), (1, "supported")])
def test_arms_that_are_the_same_to_the_last_of_many_digits_decide_nothing(digits: int, verdict: str) -> None:
    phase = Phase("p", "grid", [{"k": "a"}, {"k": "b"}], lambda row, seed: round(0.1 / 3 + 5.1 * seed / 7, digits))
    equal = {**CLAIM, "expect": None, "within": 0.5, "contrast": None, "equivalence": CLAIM["contrast"]}
    options = {"claims": [equal], "scale": "linear", "program": {"python": "a:b"}}
    found = judge_claims(study_data({"k": factor("a", "b")}, phase, **options))[0]
    assert found.verdict == verdict
    assert ("the same values to the last digit" in found.sentence) == (verdict == "undecided")
