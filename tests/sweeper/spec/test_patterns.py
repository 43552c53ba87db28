"""`{number}` in the patterns that find metrics."""

import math

import pytest

from sweeper.execution.slots.metrics import PatternReader
from sweeper.spec.patterns import compiled


def read(line: str, pattern: str = "loss={number}") -> tuple[list[float], PatternReader]:
    reader = PatternReader({"loss": compiled(pattern)})
    return [each.value for each in reader.read(line.encode(), device_seconds=0.0)], reader


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.5", 0.5), ("1.25e-05;", 1.25e-05), ("-3.2,acc=1", -3.2), ("1,234.5", 1234.5), ("inf)", math.inf), ("7.", 7.0),
     (".5|", 0.5), ("5%", 5.0), ("3, step 4", 3.0), ("+1E3", 1000.0)],
)  # fmt: skip
def test_a_number_is_read_whatever_follows(text: str, value: float) -> None:
    assert read(f"step 1 loss={text} end")[0] == [value]


def test_nan_is_a_number() -> None:
    ((value,), _) = read("loss=NaN,")
    assert math.isnan(value)


@pytest.mark.parametrize("text", ["tensor(4.0)", "3,14", "nano", "0.5ms", "1.2.3"])
def test_what_is_no_number_is_reported_and_not_read_in_part(text: str) -> None:
    values, reader = read(f"loss={text} end")
    assert values == []
    assert text in " ".join(reader.errors)


def test_the_rest_of_the_pattern_decides_where_it_is() -> None:
    assert read("valid (epoch 2) loss: 0.25, acc: 0.9", r"(train|valid) .*loss: {number}, acc")[0] == [0.25]
