"""Reading a growing file: every whole line once, whatever becomes of the file."""

import json
import os
from itertools import pairwise, takewhile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.execution.slots.tail import LINE_BYTES, READ_BYTES, Tail


def write(path: Path, text: str, mode: str = "a") -> None:
    with path.open(mode) as file:
        file.write(text)


def read_all(tail: Tail) -> list[bytes]:
    """All lines that are there; a call may come back without one although there are more."""
    found, before = [], -1
    while tail.offset != before:
        before = tail.offset
        found += tail.lines()
    return found


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


def test_a_file_that_was_cut_goes_on_after_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    tail = Tail(path)
    write(path, "one\ntwo\nthree\n")
    assert len(tail.lines()) == 3
    write(path, "one\n", "w")
    assert tail.lines() == []
    write(path, "2\n")
    assert tail.lines() == [b"2"]
    assert (tail.restarts, tail.cut_at) == (1, 4)


def test_a_file_that_was_cut_and_has_grown_again_goes_on_after_what_is_left(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    tail = Tail(path)
    write(path, '{"step": 1, "s": 0.1}\n{"step": 2, "s": 0.2}\n')
    tail.lines()
    write(path, '{"step": 1, "s": 0.1}\n{"step": 2, "s": 0.25}\n{"step": 3, "s": 0.3}\n', "w")
    assert [json.loads(line)["step"] for line in tail.lines()] == [2, 3]


def test_a_cut_below_what_was_skipped_is_found_as_well(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    write(path, "one\ntwo\nthree\n")
    tail = Tail(path)
    tail.skip()
    assert (tail.lines(), tail.offset, tail.num_lines) == ([], 14, 3)
    write(path, "one\n2\n3\nfour and more\n", "w")
    assert tail.lines() == [b"2", b"3", b"four and more"]


@given(
    before=st.lists(st.sampled_from(["a", "b", "cc"]), max_size=12),
    kept=st.integers(0, 12),
    added=st.lists(st.sampled_from(["a", "x", "yy"]), max_size=12),
    read=st.integers(0, 12),
)
def test_lines_that_a_cut_leaves_are_read_once(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], kept: int, added: list[str], read: int
) -> None:
    path = tmp_path_factory.mktemp("tail") / "file"
    write(path, "".join(f"{line}\n" for line in before[:read]))
    tail = Tail(path)
    found = tail.lines()
    write(path, "".join(f"{line}\n" for line in before[read:]))
    found += tail.lines()
    assert found == [line.encode() for line in before]
    after = before[:kept] + added
    write(path, "".join(f"{line}\n" for line in after), "w")
    again = [line.decode() for line in tail.lines()]
    unchanged = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False)))
    assert again == after[unchanged:] or again == []  # a change that leaves no trace is none
    if len(after) < len(before) or unchanged < len(before):
        assert again == after[unchanged:]


def test_a_long_file_comes_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    number = 2 * READ_BYTES // 6 + 5
    write(path, "short\n" * number)
    tail, found = Tail(path), []
    while lines := tail.lines():
        found.append(len(lines))
    assert sum(found) == number
    assert len(found) > 1


@pytest.mark.parametrize("redrawn", [False, True])
def test_a_line_that_is_too_long_is_cut_and_the_next_is_read(tmp_path: Path, redrawn: bool) -> None:
    path = tmp_path / "out"
    write(path, "first\n" + "x" * LINE_BYTES + "\n" + "y" * (3 * LINE_BYTES))
    tail = Tail(path, redrawn=redrawn)
    found = read_all(tail)
    write(path, "y\nlast\n")
    found += read_all(tail)
    assert found == [b"first", b"x" * LINE_BYTES, b"y" * READ_BYTES, b"last"]


def test_what_follows_a_line_of_many_megabytes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with path.open("wb") as file:
        file.truncate(200 * LINE_BYTES)
        file.seek(0, os.SEEK_END)
        file.write(b"\nloss 1\n")
    assert read_all(Tail(path))[1:] == [b"loss 1"]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_of_a_line_that_is_redrawn_the_last_text_counts(tmp_path: Path) -> None:
    path = tmp_path / "out"
    tail = Tail(path, redrawn=True, clock=Clock())
    write(path, "\r1/3\r2/3\r3/3\nplain\nwindows\r\n\rcleared\r       \r\n")
    assert tail.lines() == [b"3/3", b"plain", b"windows", b"cleared"]


def test_an_unfinished_line_that_is_redrawn_is_read_once_a_second(tmp_path: Path) -> None:
    path, clock = tmp_path / "out", Clock()
    tail = Tail(path, redrawn=True, clock=clock)
    found = []
    for number in range(80):  # ten seconds
        write(path, f"\r{number}")
        found += tail.lines()
        clock.now += 0.125
    assert [int(text) for text in found] == list(range(7, 79, 8))
    write(path, "\n")
    assert tail.lines() == [b"79"]
    assert tail.lines() == []


def test_what_was_drawn_last_counts_when_nothing_follows(tmp_path: Path) -> None:
    path = tmp_path / "out"
    tail = Tail(path, redrawn=True, clock=Clock())
    write(path, "\r1/3\r2/3\r3")
    assert tail.lines() == []
    assert tail.lines(closed=True) == [b"2/3"]
    assert tail.lines(closed=True, rest=True) == [b"3"]


def test_what_was_drawn_and_not_read_yet_stays_to_be_read(tmp_path: Path) -> None:
    path = tmp_path / "out"
    tail = Tail(path, redrawn=True, clock=Clock())
    write(path, "\r1/3\r2/3\r")
    tail.lines()
    later = Tail(path, redrawn=True, clock=Clock())
    later.start_at(tail.offset)
    assert later.lines(closed=True) == [b"2/3"]


def test_a_flood_of_redrawn_texts_is_a_handful_of_lines(tmp_path: Path) -> None:
    path = tmp_path / "out"
    write(path, "".join(f"\r{number}/200000 loss={1 / number:.5f}" for number in range(1, 200_001)) + "\n")
    assert read_all(Tail(path, redrawn=True, clock=Clock())) == [b"200000/200000 loss=0.00001"]


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
