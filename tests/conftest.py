"""What holds for all tests."""

import gc
import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from sweeper.store import engine
from tests import new_stores

# Machines are shared and noisy: a slow example is no failure. CI tries the same examples each time,
# developers new ones.
settings.register_profile("sweeper", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", parent=settings.get_profile("sweeper"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "sweeper")

# A shell that starts a suite in the background has it ignore ^C, and what tests start would inherit that.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Have the collector of reference cycles look only at what tests make, and seldom: else it takes a quarter."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session", autouse=True)
def stores_are_copied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Make the tables of new stores once. Those of processes that a test starts are made as users' are."""
    template = tmp_path_factory.mktemp("template") / "store.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "_fill_sqlite", new_stores.copying(template))
        yield
