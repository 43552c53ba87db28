"""What the patterns of metrics matched: lines, examples, and names that differ."""

import re
from pathlib import Path

import pytest

from sweeper.execution.slots.metrics import OUTPUT_FILE, PatternReader
from sweeper.execution.slots.pattern_use import uses_text
from sweeper.execution.slots.reports import pattern_uses

LOGLOSS = r"logloss: (\S+)"


def read(pattern: str, *lines: str) -> PatternReader:
    reader = PatternReader({"logloss": re.compile(pattern)})
    for line in lines:
        reader.read(line.encode(), device_seconds=0.0)
    return reader


def test_a_pattern_that_takes_lines_of_two_names_is_noted() -> None:
    (note,) = read(LOGLOSS, "binary_logloss: 0.1028", "logloss: 0.10285845").errors
    assert "'binary_logloss: 0.1028' as well as 'logloss: 0.10285845'" in note
    assert r"(?:^|\s)" in note


@pytest.mark.parametrize(
    "lines",
    [
        ("valid_logloss: 0.1", "valid_logloss: 0.2"),  # the only name that there is
        ("step 1 logloss: 0.1", "[00:01] logloss: 0.2", "2026-01-01 logloss: 0.3"),
        ("fold1_logloss: 0.1", "fold2_logloss: 0.2"),  # numbers are no names
    ],
)
def test_one_name_in_different_surroundings_is_not(lines: tuple[str, ...]) -> None:
    assert read(LOGLOSS, *lines).errors == []


def test_a_pattern_without_a_name_has_none_that_differ() -> None:
    assert read(r"(\d+\.\d+)", "loss 0.5", "acc=0.5", "v0.5").errors == []


def test_show_counts_lines_and_has_an_example_of_each_name(tmp_path: Path) -> None:
    (tmp_path / OUTPUT_FILE).write_text("binary_logloss: 0.1028\nlogloss: 0.10285845\nlogloss: 0.2\nother\n")
    patterns = {"logloss": LOGLOSS, "step": r"step (\d+)"}
    found = pattern_uses(tmp_path, patterns)
    assert found is not None
    assert uses_text(patterns, found) == {
        "logloss": {
            "pattern": LOGLOSS,
            "lines": 3,
            "examples": ["0.1028 in 'binary_logloss: 0.1028'", "0.10285845 in 'logloss: 0.10285845'"],
        },
        "step": {"pattern": r"step (\d+)", "lines": 0, "examples": []},
    }


def test_an_output_that_is_not_here_has_no_uses(tmp_path: Path) -> None:
    assert pattern_uses(tmp_path, {"loss": "loss (.+)"}) is None
    assert pattern_uses(tmp_path, {}) is None
