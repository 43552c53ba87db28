"""Python's collector of reference cycles, paused where millions of objects are made that have none.

It would look at all of them again and again: a quarter of the time that the report of a study of 10,000 trials takes.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Pause the collector, and let it go on afterwards if it was going; also a decorator."""
    was_going = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_going:
            gc.enable()
