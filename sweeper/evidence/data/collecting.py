"""Python's cyclic garbage collector, paused while millions of objects without reference cycles are created.

It would scan all of them repeatedly: a quarter of the time that the report of a study of 10,000 trials takes.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Disable the garbage collector, and enable it again at the end if it was enabled; also a decorator."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
