"""A file is whole or not there."""

import os
from pathlib import Path

import pytest

from sweeper.files import write_atomically


def test_a_file_is_replaced_and_its_folder_made(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file"
    write_atomically(path, b"first")
    write_atomically(path, b"second")
    assert path.read_bytes() == b"second"
    assert [each.name for each in path.parent.iterdir()] == ["file"]


def test_what_cannot_be_replaced_stays_and_nothing_temporary_is_left(tmp_path: Path) -> None:
    (tmp_path / "file" / "within").mkdir(parents=True)
    with pytest.raises(OSError):
        write_atomically(tmp_path / "file", b"content")
    assert [each.name for each in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").is_dir()


def test_a_private_file_is_its_owner_s_alone_and_others_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "shared", b"")
        write_atomically(tmp_path / "private", b"", private=True)
    finally:
        os.umask(before)
    assert (tmp_path / "shared").stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "private").stat().st_mode & 0o777 == 0o600
