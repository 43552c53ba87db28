"""Test that files are written atomically, and that the log can be truncated."""

import errno
import json
from io import BytesIO
from pathlib import Path
from typing import IO

import pytest
import torch

from trainer.errors import Unreadable
from trainer.files import LineLog, remove_leftovers, write_atomically, write_json


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_atomically(path, lambda file: file.write(b"old"))

    def fail(file: IO[bytes]) -> None:
        file.write(b"half of the n")
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_by_its_own_error_and_not_by_pytorch_s(tmp_path: Path) -> None:
    class Full(BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left on device"):
        write_atomically(tmp_path / "a.pt", lambda _: torch.save({"a": torch.zeros(9)}, Full()))
    assert not list(tmp_path.iterdir())


def test_json_with_values_that_json_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_leftovers_of_a_killed_process_are_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".a.json.xyz", "a.json", ".b.json.xyz"):
        (tmp_path / name).touch()
    remove_leftovers(tmp_path, ("a.json",))
    assert sorted(path.name for path in tmp_path.iterdir()) == [".b.json.xyz", "a.json"]


def test_a_log_grows_by_lines_that_are_readable_at_once(tmp_path: Path) -> None:
    log = LineLog(tmp_path / "log", 0)
    for step in range(3):
        log.append({"step": step})
        assert [json.loads(line)["step"] for line in (tmp_path / "log").read_text().splitlines()] == list(
            range(step + 1)
        )
    log.close()


def test_a_log_is_cut_to_what_the_checkpoint_knows(tmp_path: Path) -> None:
    path = tmp_path / "log"
    log = LineLog(path, 0)
    log.append({"step": 1})
    log.sync()
    length = log.length
    log.append({"step": 2})
    log.close()
    with path.open("ab") as file:
        file.write(b'{"step": 3')  # killed within a line
    log = LineLog(path, length)
    log.append({"step": 2, "again": True})
    log.close()
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"step": 1}, {"step": 2, "again": True}]


def test_a_log_that_is_shorter_than_its_checkpoint_knows_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_text("{}\n")
    with pytest.raises(
        Unreadable,
        match=r"log: has 3 bytes, but the checkpoint beside it expects at least 100\. Restore it, or",
    ):
        LineLog(path, 100)
    assert path.read_text() == "{}\n"
