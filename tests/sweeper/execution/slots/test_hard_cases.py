"""Disks that are full, stores that cannot be written, many slots on one file: a clear error or a right result."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from sweeper.errors import SweeperError
from tests.sweeper.execution.slots.studies import attempts_of, enrolled, launched, run_loop, trials_of

pytestmark = pytest.mark.usefixtures("no_process_left")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes: the journal of a store alone may grow to four."""
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], check=False)
    if mounted.returncode != 0:
        pytest.skip("this machine does not let a file system be mounted")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path, leave: int = 0) -> Path:
    """A file that takes all room but some bytes."""
    filler = folder / "filler"
    handle = os.open(filler, os.O_WRONLY | os.O_CREAT)
    with suppress(OSError):
        while True:
            os.write(handle, b"x" * 4096)
    os.close(handle)
    if leave:
        os.truncate(filler, filler.stat().st_size - leave)
    return filler


def test_a_full_disk_is_an_error_that_says_so_and_the_same_call_goes_on(empty_store: Path, small_disk: Path) -> None:
    shutil.copy(empty_store, small_disk / "store.db")
    url = f"sqlite:///{small_disk / 'store.db'}"
    study = enrolled(url, [{"value": 0.5}] * 30)
    filler = fill(small_disk, leave=100_000)
    with pytest.raises(SweeperError, match=r"[Ff]ull|No space|room|space"):
        run_loop(url, study, lease_s=1.0)
    filler.unlink()
    assert run_loop(url, study, lease_s=1.0) == "done"
    trials = trials_of(url)
    ended = {trial.state for trial in trials}
    assert ended <= {"completed", "failed"}
    for trial in trials:  # a trial that had no room for its metrics has failed with those words, and can be retried
        assert trial.state == "completed" or "No space left" in (trial.message or "")
    completed = [attempt.trial_id for attempt in attempts_of(url) if attempt.exit_reason == "completed"]
    assert sorted(completed) == [trial.id for trial in trials if trial.state == "completed"]


def test_a_launch_on_a_full_disk_is_told_in_one_sentence(empty_store: Path, small_disk: Path) -> None:
    shutil.copy(empty_store, small_disk / "store.db")
    fill(small_disk)
    with pytest.raises(SweeperError, match="full"):
        launched(f"sqlite:///{small_disk / 'store.db'}", [{"value": 0.5}] * 200, slots=1)


def test_a_store_on_a_disk_that_became_read_only_stops_the_slot(empty_store: Path, small_disk: Path) -> None:
    shutil.copy(empty_store, small_disk / "store.db")
    url = f"sqlite:///{small_disk / 'store.db'}"
    enrolled(url, [{"value": 0.5}])
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(SweeperError, match="read-only"):
        launched(url, [{"value": 0.5}], slots=1)


def test_sixty_four_slots_share_one_file(url: str) -> None:
    study = enrolled(url, [{}] * 128)
    command = [sys.executable, "-m", "tests.sweeper.execution.slots.many_claimers", url, str(study), "64"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    assert [trial.state for trial in trials_of(url)] == ["completed"] * 128
    assert len(attempts_of(url)) == 128
