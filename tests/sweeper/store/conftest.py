"""Stores are made here as users' are: that is what is tested."""

import pytest

from sweeper.store import engine
from tests import new_stores


@pytest.fixture(autouse=True)
def stores_are_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_fill_sqlite", new_stores.fill_sqlite)
