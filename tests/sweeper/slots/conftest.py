"""The store's fixtures, and one that sees that no process of a test outlives it."""

from collections.abc import Iterator

import psutil
import pytest


def fakes() -> list[psutil.Process]:
    """The processes of the fake program that are alive."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        words = process.info["cmdline"] or []
        if process.info["status"] != psutil.STATUS_ZOMBIE and any("fake_program.py" in word for word in words):
            found.append(process)
    return found


@pytest.fixture
def no_process_left() -> Iterator[None]:
    """Fails the test if it leaves a process that was not there before."""
    before = {(process.pid, process.create_time()) for process in fakes()}
    yield
    left = [process for process in fakes() if (process.pid, process.create_time()) not in before]
    assert left == []
