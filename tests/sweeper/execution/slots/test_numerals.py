"""What in a program's output is a number, and what is not."""

import math
import re
from typing import Final

import pytest

from sweeper.execution.slots.metrics import LineReader, PatternReader, misread_part
from sweeper.execution.slots.numerals import number_in, without_escapes
from sweeper.spec.patterns import compiled


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


DIVERGED: Final = (
    ("1.#INF", math.inf), ("-1.#INF00", -math.inf), ("-1.#IND", math.nan), ("1.#QNAN0", math.nan),
    ("1.#SNAN", math.nan), ("-nan(ind)", math.nan), ("nan(0x8000000000000)", math.nan), ("1.#inf,", math.inf),
)  # fmt: skip


@pytest.mark.parametrize("pattern", ["loss {number}", r"loss (\S+)"])
@pytest.mark.parametrize(("word", "value"), DIVERGED)
def test_what_c_libraries_print_for_values_that_are_not_finite_is_read(word: str, value: float, pattern: str) -> None:
    reader = PatternReader({"loss": compiled(pattern)})
    (found,) = reader.read(f"loss {word} at 3".encode(), device_seconds=0.0)
    assert found.value == value or (math.isnan(found.value) and math.isnan(value))
    assert reader.errors == []


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("loss 0.9\b\b\b0.5", 0.5), ("loss 12.5\b\b\b\b3.0", 3.05), ("loss 9\b \b4", 4.0), ("\b\bloss 4", 4.0),
        (f"loss 9\x1b[0m{chr(8) * 6}loss 4", 4.0), (f"\u00e9 9{chr(8) * 3}loss 4", 4.0),
        ("".join(f"{chr(8) * 40}loss {n:<35}" for n in range(5000)), 4999.0),
    ],
)  # fmt: skip
def test_backspaces_draw_over_what_a_terminal_no_longer_shows(line: str, value: float) -> None:
    reader = PatternReader({"loss": compiled("loss {number}")})
    assert [each.value for each in reader.read(line.encode(), device_seconds=0.0)] == [value]


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
    assert reader.errors == [
        "metrics.jsonl: loss is the text '4.0' on line 1, the first of 2 values that are no numbers; write it as a "
        "number, without quotes"
    ]


@pytest.mark.parametrize("value", ['"tensor(4.0)"', '"3,14"', "[4.0]", '{"value": 4.0}', "true", '"95.3%"'])
def test_a_value_that_is_no_number_among_numbers_in_json_is_told_once_with_its_line(value: str) -> None:
    reader = LineReader()
    for line in ("2.5", value, value, "2.0"):
        reader.read(f'{{"loss": {line}}}'.encode(), device_seconds=0.0)
    (error,) = reader.errors
    assert error.startswith("metrics.jsonl: loss is ")
    assert " on line 2, the first of 2 values that are no numbers" in error


@pytest.mark.parametrize("value", ["null", '"n/a"', '"warm-up"'])
def test_no_value_and_words_among_numbers_in_json_are_not(value: str) -> None:
    reader = LineReader()
    for line in ("2.5", value):
        reader.read(f'{{"loss": {line}}}'.encode(), device_seconds=0.0)
    assert reader.errors == []


CUT_SHORT: Final = (
    "4:30", "1'000", "1\u2019000.5", "12 345.6", "1 234 567", "12\u202f345", "1 e5", "1.2 e-5", "0.3 e-5", "3*10**4",
    "1.2 x 10^-5", "1.2\u00d710\u207b\u2075", "10^-3", "10^{-3}", "10**-3", "10\u207b\u00b3", "2^10", "1/2", "1 / 2",
    "3\u204410", "1.#J", "1.#R0",
)  # fmt: skip


@pytest.mark.parametrize("group", ["{number}", r"([-\d.]+)"])
@pytest.mark.parametrize("number", CUT_SHORT)
def test_a_number_that_goes_on_after_the_match_is_never_read(number: str, group: str) -> None:
    reader = PatternReader({"loss": compiled(f"loss {group}")})
    assert reader.read(f"loss {number} at step 3".encode(), device_seconds=0.0) == []
    (error,) = reader.errors
    assert f"of {number!r} in {f'loss {number} at step 3'!r}; " in error
    assert reader.misread["loss"] == error
    assert "print it as one plain number; or, if it ends there, let the pattern continue with what follows it" in error


@pytest.mark.parametrize("number", ["1_000", "0x1F", "1.5D-05", "1.5.2"])
def test_other_forms_of_numbers_are_not_cut_short_by_a_group_of_digits(number: str) -> None:
    found, reader = reading(r"loss (\d+(?:\.\d+)?)", f"loss {number}")
    assert found == []
    assert repr(number) in reader.misread["loss"]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (r"loss.*?([\d.]+)$", "loss 1,000"),
        (r"loss.*?([\d.]+)$", "loss 1'000.5"),
        (r"loss.*?(\d+)$", "loss 3,14"),
    ],
)
def test_the_end_of_a_number_is_never_read(pattern: str, line: str) -> None:
    found, reader = reading(pattern, line)
    assert found == []
    assert repr(line.removeprefix("loss ")) in reader.misread["loss"]


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("loss 4: 30 steps", 4.0), ("loss 4 300 steps", 4.0), ("loss 4 30.5 s", 4.0), ("loss 0.31 e5 s100", 0.31),
        ("loss 0.5:acc 3", 0.5), ("loss 4, acc=5", 4.0), ("loss 3. Next", 3.0), ("loss 97%", 97.0), ("loss 4 #3", 4.0),
        ("loss 4' 30", 4.0), ("loss 5 x 100 images", 5.0), ("loss 2024 100.5", 2024.0), ("loss 4e5:2", 4e5),
        ("12:30:04 loss 4", 4.0), ("loss 4 e5m2", 4.0), ("loss 4 / step", 4.0), ("loss 4** ok", 4.0),
        ("loss 0.5/0.4", 0.5),
    ],
)  # fmt: skip
def test_what_only_stands_beside_a_number_does_not_belong_to_it(line: str, value: float) -> None:
    reader = PatternReader({"loss": compiled("loss {number}")})
    assert [each.value for each in reader.read(line.encode(), device_seconds=0.0)] == [value]
    assert reader.errors == []


@pytest.mark.parametrize(
    ("pattern", "line"), [("at {number}:", "at 4:30"), ("{number}'", "1'000"), (r"x {number} \d", "x 1 234.5")]
)
def test_a_pattern_that_goes_on_says_where_its_number_ends(pattern: str, line: str) -> None:
    reader = PatternReader({"loss": compiled(pattern)})
    assert len(reader.read(line.encode(), device_seconds=0.0)) == 1
    assert reader.errors == []


@pytest.mark.parametrize(
    ("step", "is_whole"),
    [
        ("1,234", False),
        ("10^3", False),
        ("1'234", False),
        ("1.5", True),
        ("3:120", True),
        ("3/100", True),
        ("3 / 100", True),
    ],
)
def test_a_step_of_which_the_thousands_are_left_out_is_told(step: str, is_whole: bool) -> None:
    _, reader = reading(r"loss (\S+)", f"step {step} loss 4.5", step=r"step (\d+)")
    assert list(reader.misread) == ([] if is_whole else ["step"])
    part = misread_part("loss", ["loss", "step"], reader.misread)
    assert part == (None if is_whole else "step")


def test_values_that_could_not_be_read_among_others_are_counted_and_told_once() -> None:
    lines = ["loss 4.5", "loss tensor(4.0)", "loss 95.3%", "loss None", "loss function: l2", "loss 4.0"]
    found, reader = reading(r"loss (\S+)", *lines)
    assert found == [(1, 4.5), (2, 4.0)]
    (error,) = reader.errors
    assert error.startswith("loss: 2 values of 6 could not be read, first 'tensor(4.0)' in 'loss tensor(4.0)'; keep")


def test_words_among_numbers_are_not_values() -> None:
    assert reading(r"loss (\S+)", "loss function: l2", "loss None", "loss 4.5")[1].errors == []
