"""From the lines that a trial reports to measurements."""

import json
import math
import re

import pytest

from sweeper.execution.slots.metrics import MATCHED_BYTES, LineReader, PatternReader
from sweeper.execution.slots.tail import LINE_BYTES, READ_BYTES
from sweeper.store.records import Measurement


def test_a_line_gives_its_metrics_with_their_coordinates() -> None:
    line = b'{"step": 100, "tokens": 6400, "flops": 1e9, "device_seconds": 2.5, "loss": 4.5, "note": "hi", "ok": true}'
    assert LineReader().read(line, device_seconds=9.0) == [
        Measurement(metric="loss", step=100, value=4.5, tokens=6400, flops=1e9, device_seconds=2.5)
    ]


def test_lines_without_a_step_are_counted() -> None:
    reader = LineReader()
    found = [reader.read(b'{"loss": 1}', device_seconds=3.0)[0] for _ in range(2)]
    assert [(one.step, one.device_seconds) for one in found] == [(1, 3.0), (2, 3.0)]


def test_values_that_are_not_finite_are_kept() -> None:
    found = LineReader().read(b'{"step": 1, "loss": NaN, "norm": Infinity}', device_seconds=0.0)
    assert math.isnan(found[0].value)
    assert found[1].value == math.inf


@pytest.mark.parametrize("line", [b"not json", b"[1]", b"\xff\xfe", b'{"step": 1.5, "loss": 1}', b'{"step": -1}'])
def test_what_cannot_be_read_is_complained_of_and_skipped(line: bytes) -> None:
    reader = LineReader()
    assert reader.read(line, device_seconds=0.0) == []
    assert "line 1" in reader.errors[0]


def test_complaints_are_few() -> None:
    reader = LineReader()
    for _ in range(50):
        reader.read(b"?", device_seconds=0.0)
    assert len(reader.errors) == 3


def test_patterns_find_numbers_in_output() -> None:
    patterns = {"step": r"step (\d+)", "loss": r"loss[= ](?P<value>[\d.e+-]+)", "ppl": r"ppl ([\d,.]+)"}
    reader = PatternReader({name: re.compile(text) for name, text in patterns.items()})
    found = [
        measurement
        for line in (b"hello", b"step 10 loss 4.5", b"ppl 1,234.5", b"step 20 loss nan", b"loss 1e-3")
        for measurement in reader.read(line, device_seconds=1.0)
    ]
    assert [(one.metric, one.step, one.value) for one in found[:2]] == [("loss", 10, 4.5), ("ppl", 10, 1234.5)]
    assert [(one.metric, one.step) for one in found[2:]] == [("loss", 20)]
    assert found[2].value == 1e-3


def test_patterns_without_a_step_are_counted_each() -> None:
    reader = PatternReader({"loss": re.compile(r"loss (\S+)"), "time": re.compile(r"time (\S+)")})
    found = [one for line in (b"loss 3", b"loss 2 time 7") for one in reader.read(line, device_seconds=0.0)]
    assert [(one.metric, one.step) for one in found] == [("loss", 1), ("loss", 2), ("time", 1)]


@pytest.mark.parametrize(
    ("pattern", "line", "whole"),
    [
        (r"loss ([0-9.]+)", b"step 3 loss 9.200e-05", "9.200e-05"),
        (r"loss (\d+)", b"loss 12.5", "12.5"),
        (r"loss.*([0-9.]+)", b"loss: 12.5", "12.5"),
        (r"loss (-?\d\.\d\d)", b"loss -1.234", "-1.234"),
    ],
)
def test_a_part_of_a_number_is_not_a_value(pattern: str, line: bytes, whole: str) -> None:
    reader = PatternReader({"loss": re.compile(pattern)})
    assert reader.read(line, device_seconds=0.0) == []
    assert list(reader.misread) == ["loss"]
    (error,) = reader.errors
    assert repr(whole) in error
    assert repr(pattern) in error
    assert "use {number}" in error


@pytest.mark.parametrize(
    ("pattern", "line", "value"),
    [
        (r"loss-([\d.]+)", b"loss-0.5", 0.5),
        (r"loss (\d+)", b"loss 3.", 3.0),
        (r"(\d+)/10", b"3/10 12:30", 3.0),
        (r"ppl ([\d,.]+)", b"ppl 1,234.5 of 2", 1234.5),
        (r"^\d+,([^,]+)", b"3,100,0.5", 100.0),
    ],
)
def test_a_whole_number_is_a_value_whatever_is_beside_it(pattern: str, line: bytes, value: float) -> None:
    reader = PatternReader({"loss": re.compile(pattern)})
    assert [each.value for each in reader.read(line, device_seconds=0.0)] == [value]
    assert reader.errors == []


def test_a_step_may_be_the_integer_part_of_a_number() -> None:
    reader = PatternReader({"step": re.compile(r"epoch (\d+)"), "loss": re.compile(r"loss (\S+)")})
    assert [(each.step, each.value) for each in reader.read(b"epoch 1.5 loss 2", device_seconds=0.0)] == [(1, 2.0)]


def test_a_metric_of_which_no_match_is_a_number_is_reported() -> None:
    reader = PatternReader({"acc": re.compile(r"acc (\S+)"), "loss": re.compile(r"loss (\S+)")})
    for line in (b"loss function: l2", b"loss 3 acc 95.3%"):
        reader.read(line, device_seconds=0.0)
    (error,) = reader.errors
    assert "acc: '95.3%' is not a number (in 'loss 3 acc 95.3%'); keep only the number in the group of 'acc" in error


@pytest.mark.parametrize("step", ["-1", "9223372036854775808", "nan"])
def test_metrics_beside_a_step_that_is_none_are_left_out_with_a_word(step: str) -> None:
    reader = PatternReader({"step": re.compile(r"step (\S+)"), "loss": re.compile(r"loss (\S+)")})
    lines = [b"step 1", b"loss 4", f"step {step} loss 9".encode(), b"loss 8", b"step 2", b"loss 3"]
    found = [each for line in lines for each in reader.read(line, device_seconds=0.0)]
    assert [(each.step, each.value) for each in found] == [(1, 4.0), (2, 3.0)]
    (error,) = reader.errors
    assert error.startswith(f"step: its pattern, 'step (\\\\S+)', matched {float(step):g}, which is not an integer")


def test_a_number_written_as_text_among_numbers_is_told_with_its_line() -> None:
    reader = LineReader()
    assert steps_of(reader, b'{"step": 1, "loss": 2}', b'{"step": 2, "loss": "0.5"}') == [1]
    assert reader.errors == ["metrics.jsonl: loss is the text '0.5' on line 2; write it as a number, without quotes"]


def steps_of(reader: LineReader | PatternReader, *lines: bytes) -> list[int]:
    return [found.step for line in lines for found in reader.read(line, device_seconds=0.0)]


def test_lines_are_counted_on_from_the_step_that_a_program_resumes_from() -> None:
    reader = LineReader()
    assert steps_of(reader, b'{"resumed_from": 30}', b'{"loss": 1}', b'{"loss": 1}') == [31, 32]
    assert reader.resumed_from == 30
    assert steps_of(LineReader(), b'{"resumed_from": 30, "loss": 1}', b'{"loss": 1}') == [31, 32]


def test_a_program_may_say_that_it_begins_anew() -> None:
    reader = LineReader(count=7)
    assert steps_of(reader, b'{"resumed_from": null}', b'{"loss": 1}') == [1]
    assert reader.resumed_from == -1


@pytest.mark.parametrize("value", ["-1", "1.5", '"3"', "true", "NaN"])
def test_a_place_to_resume_from_that_is_no_step_is_complained_of(value: str) -> None:
    reader = LineReader()
    assert reader.read(b'{"resumed_from": %s, "loss": 1}' % value.encode(), device_seconds=0.0) == []
    assert reader.resumed_from is None
    (error,) = reader.errors
    assert error == f"metrics.jsonl: line 1: resumed_from {json.loads(value)!r} is neither an integer ≥ 0 nor null"


@pytest.mark.parametrize("kind", ["json", "patterns"])
def test_that_steps_fall_is_told_once(kind: str) -> None:
    patterns = {"step": re.compile(r"step.*?(\d+)"), "loss": re.compile(r"loss.*?([\d.]+)")}
    reader = LineReader() if kind == "json" else PatternReader(patterns)
    lines = [json.dumps({"step": step, "loss": 1.5}).encode() for step in (1, 3, 2, 2, 0)]
    assert steps_of(reader, *lines) == [1, 3, 2, 2, 0]
    assert reader.errors == ["loss: steps fell from 3 to 2; steps must rise within an attempt"]
    assert reader.steps.go_backwards("loss")
    assert not reader.steps.go_backwards("other")
    steps_of(reader, b'{"step": 3, "loss": 1.5}')
    assert not reader.steps.go_backwards("loss")


def test_metrics_may_take_turns_without_their_steps_falling() -> None:
    reader = LineReader()
    steps_of(reader, b'{"step": 10, "loss": 1}', b'{"step": 9, "accuracy": 1}', b'{"step": 11, "loss": 1}')
    assert reader.errors == []


def test_steps_may_go_back_to_where_a_program_says_that_it_resumes() -> None:
    reader = LineReader()
    steps_of(reader, b'{"step": 9, "loss": 1}', b'{"resumed_from": 4}', b'{"step": 5, "loss": 1}')
    assert reader.errors == []


def test_a_line_that_is_too_long_is_one_error_whatever_it_holds() -> None:
    reader = LineReader()
    assert reader.read(b'{"a": "' + b"x" * LINE_BYTES, device_seconds=0.0) == []
    assert reader.errors == ["metrics.jsonl: line 1 is longer than 1,048,576 bytes"]


def test_patterns_see_only_the_beginning_of_a_long_line() -> None:
    reader = PatternReader({"loss": re.compile(r"loss (\S+)")})
    beginning = b"loss 2 ".ljust(MATCHED_BYTES)
    assert [found.value for found in reader.read(beginning + b"loss 3", device_seconds=0.0)] == [2.0]
    assert reader.read(b" " * MATCHED_BYTES + b"loss 3", device_seconds=0.0) == []
    assert reader.errors == []
    reader.read(beginning.ljust(READ_BYTES), device_seconds=0.0)
    assert reader.errors == ["output.log: a line is longer than 1,048,576 bytes; only its beginning was read"]
