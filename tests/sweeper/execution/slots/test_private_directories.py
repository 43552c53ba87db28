"""Directories for temporary files: private, removed after use, and after their process was killed by the next one."""

import errno
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from sweeper.execution.slots import private_directories
from sweeper.execution.slots.private_directories import private_directory

HOLDER = """
import time
from sweeper.execution.slots.private_directories import private_directory
with private_directory("test") as directory:
    print(directory, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)


def test_a_directory_is_private_and_removed() -> None:
    with private_directory("test") as directory:
        assert directory.stat().st_mode & 0o777 == 0o700
    assert not directory.exists()


def test_a_directory_that_a_killed_process_left_is_removed_by_the_next_one_and_a_living_one_s_is_not() -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        left = Path(holder.stdout.readline().strip())
        with private_directory("test"), private_directory("other"):
            assert left.exists()
        holder.kill()
        holder.wait()
        assert left.exists()
        with private_directory("other"):
            assert left.exists()
        with private_directory("test"):
            assert not left.exists()


def test_one_within_another_directory_is_hidden_and_outlives_those_that_are_made_beside_it(tmp_path: Path) -> None:
    (tmp_path / ".test-killed").mkdir()
    (tmp_path / ".test-killed" / "lock").touch()
    with private_directory("test", tmp_path) as first, private_directory("test", tmp_path) as second:
        assert first.name.startswith(".test-")
        assert set(tmp_path.iterdir()) == {first, second}
    assert list(tmp_path.iterdir()) == []


def test_where_the_file_system_has_no_locks_only_its_own_process_removes_a_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: object, operation: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(private_directories.fcntl, "flock", fail)
    with private_directory("test", tmp_path) as first:
        with private_directory("test", tmp_path) as second:
            assert set(tmp_path.iterdir()) == {first, second}
        assert list(tmp_path.iterdir()) == [first]
    assert list(tmp_path.iterdir()) == []
