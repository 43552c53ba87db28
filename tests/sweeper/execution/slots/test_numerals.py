"""What in a program's output is a number, and what is not."""

import math
import re

import pytest

from sweeper.execution.slots.metrics import LineReader, PatternReader
from sweeper.execution.slots.numerals import number_in, without_escapes


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("0.5", 0.5), ("-3.2", -3.2), ("+4", 4.0), (".5", 0.5), ("3.", 3.0), ("1.25e-05", 1.25e-05), ("1E5", 1e5),
        ("1,234.5", 1234.5), ("-12,345,678", -12345678.0), ("3.5,", 3.5), ("3.5.", 3.5), ("1,234.5;", 1234.5),
        ("inf", math.inf), ("-Infinity", -math.inf),
    ],
)  # fmt: skip
def test_words_that_are_numbers(word: str, number: float) -> None:
    assert number_in(word) == number


@pytest.mark.parametrize(
    "word",
    [
        "3,14", "0,5", "1.234,56", "1,2,3", "12,34", "0,123", "1,2345", "1_000", "tensor(4.0)", "95.3%", "", "0x10",
        "\u0663",
    ],
)  # fmt: skip
def test_words_that_are_not_numbers(word: str) -> None:
    assert number_in(word) is None


def test_nan_is_a_number_that_diverged() -> None:
    assert math.isnan(number_in("nan") or 0.0)
    assert math.isnan(number_in("NaN,") or 0.0)


def reading(pattern: str, *lines: str, step: str | None = None) -> tuple[list[tuple[int, float]], PatternReader]:
    patterns = {"loss": re.compile(pattern), **({} if step is None else {"step": re.compile(step)})}
    reader = PatternReader(patterns)
    found = [one for line in lines for one in reader.read(line.encode(), device_seconds=0.0)]
    return [(one.step, one.value) for one in found], reader


@pytest.mark.parametrize("line", ["loss=3,14", "loss=0,5", "loss=1.234,56"])
def test_a_decimal_comma_is_never_read_and_fails_the_trial_with_the_line(line: str) -> None:
    found, reader = reading(r"loss=(\S+)", line)
    assert found == []
    assert list(reader.misread) == ["loss"]
    assert len(reader.errors) == 1
    assert repr(line.removeprefix("loss=")) in reader.errors[0]
    assert "decimal point" in reader.errors[0]


@pytest.mark.parametrize(("line", "part"), [("loss=3,14", "3,14"), ("loss=1,234.5", "1,234.5")])
def test_a_group_that_ends_before_a_comma_within_a_number_is_noticed(line: str, part: str) -> None:
    found, reader = reading(r"loss=([0-9.]+)", line)
    assert found == []
    assert repr(part) in reader.misread["loss"]


def test_a_pattern_with_a_comma_of_its_own_says_what_commas_are() -> None:
    assert reading(r"^(\d+),", "3,100,200")[0] == [(1, 3.0)]
    assert reading(r"loss: ([^,]+)", "loss: 3,100")[0] == [(1, 3.0)]


def test_colors_are_removed_before_patterns_are_matched() -> None:
    found, _ = reading(r"loss=(\S+)", "epoch 1: \x1b[1m\x1b[31mloss=\x1b[32m4.000\x1b[0m")
    assert found == [(1, 4.0)]
    assert without_escapes("\x1b]0;title\x07a\x1b[2Kb\x1b[38;5;12mc") == "abc"


def test_fractional_steps_keep_every_report_and_are_told() -> None:
    lines = ["epoch 0.25 loss 5", "epoch 0.5 loss 2", "epoch 0.75 loss 3", "epoch 1.0 loss 4"]
    found, reader = reading(r"loss (\S+)", *lines, step=r"epoch (\S+)")
    assert found == [(0, 5.0), (1, 2.0), (2, 3.0), (3, 4.0)]
    assert "matched 0.25, which is not an integer" in reader.errors[0]


def test_matches_that_are_not_numbers_are_counted() -> None:
    _, reader = reading(r"loss=(\S+)", *["loss=tensor(5.000)"] * 5)
    assert "loss: found 5 times, but 'tensor(5.000)' is not a number" in reader.errors[0]


def test_a_metric_that_vanishes_from_the_lines_with_steps_is_told() -> None:
    lines = ["step 1 loss 0.5", "step 2 loss nan", "step 3 loss nan"]
    found, reader = reading(r"loss ([0-9.]+)", *lines, step=r"step (\d+)")
    assert found == [(1, 0.5)]
    assert "loss: found on every line with a step up to 1, and on none of the 2 after it" in reader.errors[0]
    assert reading(r"valid ([0-9.]+)", "step 1 x", "step 2 valid 3", "valid 4", step=r"step (\d+)")[1].errors == []


def test_a_number_written_as_text_in_json_is_told() -> None:
    reader = LineReader()
    for line in (b'{"step": 1, "loss": "4.0", "note": "ok"}', b'{"step": 2, "loss": "3.0"}'):
        assert reader.read(line, device_seconds=0.0) == []
    assert reader.errors == ["metrics.jsonl: loss is the text '4.0'; write it as a number, without quotes"]
    reader.read(b'{"step": 3, "loss": 2.0}', device_seconds=0.0)
    assert reader.errors == ["metrics.jsonl: loss is the text '4.0' on line 1; write it as a number, without quotes"]
