"""A process that makes the pages of `sweeper dashboard`, so that its server answers meanwhile."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing.connection import wait

from sweeper.errors import SweeperError
from sweeper.run_module import load_own_packages
from sweeper.subprocesses import safe_path

NICENESS = 10  # trials come first


class PageProcess:
    """Makes pages in a process of its own, which is started with the first page, and again should it die."""

    def __init__(self, store: str) -> None:
        self._store = store
        self._executor = _executor()

    def build(self, study: str, version: str) -> bytes:
        """Return the page of a study.

        Raises:
            SweeperError: it cannot be made; the message says why.
        """
        try:
            with safe_path():  # the process starts with the first page
                asked = self._executor.submit(page, self._store, study, version)
            content, error = asked.result()
        except BrokenProcessPool as broken:
            self._executor = _executor()
            raise SweeperError("The process that makes this page died. The next change makes it again.") from broken
        if error is not None:
            raise SweeperError(error)
        return content

    def close(self) -> None:
        """End the process."""
        self._executor.shutdown(wait=False, cancel_futures=True)


@contextmanager
def page_process(store: str) -> Iterator[PageProcess]:
    """Yield a process that makes pages of a store, and end it."""
    found = PageProcess(store)
    try:
        yield found
    finally:
        found.close()


def page(store: str, study: str, version: str) -> tuple[bytes, str | None]:
    """Return a study's page, or why there is none: errors of ours do not survive the way between processes."""
    from reports.live import live_page  # noqa: PLC0415 - loads matplotlib and pandas, in this process alone

    try:
        return live_page(store, study, version), None
    except SweeperError as error:
        return b"", str(error)


def _executor() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """Leave Ctrl-C to the server, give way to trials, and end with the server however that ends."""
    load_own_packages()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait([sentinel])
    os._exit(0)
