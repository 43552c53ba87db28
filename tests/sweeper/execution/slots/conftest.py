"""A fixture that sees that no process of a test outlives it."""

import time
import uuid
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest

MARK = "SWEEPER_TEST_MARK"  # in the environment of all that a test starts
PATIENCE_S = 30.0


def marked(mark: str) -> list[psutil.Process]:
    """The processes of a test that are alive, but for this process's own trackers of what pools share."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.status() == psutil.STATUS_ZOMBIE or process.environ().get(MARK) != mark:
                continue
            if "resource_tracker" not in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.fixture
def no_process_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails the test if it leaves a process behind."""
    mark = uuid.uuid4().hex
    monkeypatch.setenv(MARK, mark)
    yield
    deadline = time.monotonic() + PATIENCE_S
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert left == [], [process.cmdline() for process in left]
