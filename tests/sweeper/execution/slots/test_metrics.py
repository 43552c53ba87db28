"""Reading what a trial reports: every whole line once, whatever becomes of the file."""

import json
import math
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.execution.slots.metrics import READ_BYTES, LineReader, PatternReader, Tail
from sweeper.store.records import Measurement


def write(path: Path, text: str, mode: str = "a") -> None:
    with path.open(mode) as file:
        file.write(text)


def test_a_file_that_is_not_there_yet_has_no_lines(tmp_path: Path) -> None:
    assert Tail(tmp_path / "absent").lines() == []


def test_half_a_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    tail = Tail(path)
    write(path, '{"step": 1}\n{"st')
    assert tail.lines() == [b'{"step": 1}']
    assert tail.lines() == []
    write(path, 'ep": 2}\n')
    assert tail.lines() == [b'{"step": 2}']


def test_the_rest_is_taken_when_nothing_follows(tmp_path: Path) -> None:
    path = tmp_path / "out"
    tail = Tail(path)
    write(path, "loss 3\nloss 2")
    assert tail.lines(rest=True) == [b"loss 3", b"loss 2"]
    assert tail.lines(rest=True) == []


def test_a_file_that_was_cut_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    tail = Tail(path)
    write(path, "one\ntwo\nthree\n")
    assert len(tail.lines()) == 3
    write(path, "one\n", "w")
    assert tail.lines() == [b"one"]
    assert tail.restarts == 1


def test_a_file_that_was_cut_and_has_grown_again_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    tail = Tail(path)
    write(path, '{"step": 1, "s": 0.1}\n{"step": 2, "s": 0.2}\n')
    tail.lines()
    write(path, '{"step": 1, "s": 0.1}\n{"step": 2, "s": 0.25}\n{"step": 3, "s": 0.3}\n', "w")
    assert [json.loads(line)["step"] for line in tail.lines()] == [1, 2, 3]


def test_a_long_file_comes_in_pieces_and_a_long_line_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    long = "x" * (READ_BYTES + 10)
    write(path, "short\n" * (READ_BYTES // 6 + 5) + long + "\n")
    tail, found = Tail(path), []
    while lines := tail.lines():
        found += lines
    assert found == [b"short"] * (READ_BYTES // 6 + 5) + [long.encode()]


@given(
    lines=st.lists(st.text(st.characters(codec="ascii", exclude_categories=["C"]), max_size=20), max_size=20),
    cuts=st.lists(st.integers(0, 400), max_size=6),
)
def test_lines_come_once_and_in_order_however_they_are_written(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], cuts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("tail") / "file"
    content = "".join(f"{line}\n" for line in lines)
    places = sorted({0, len(content), *(cut for cut in cuts if cut < len(content))})
    tail, found = Tail(path), []
    for start, end in pairwise(places):
        write(path, content[start:end])
        found += tail.lines()
    assert [line.decode() for line in found] == lines


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
    assert r"use (\S+)" in error


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
    assert "acc: '95.3%' is not a number; keep only the number in the group of 'acc" in error
