"""A store for each test: copied from one that is made once, since Optuna takes a second to make its tables."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sweeper.store.engine import open_store
from tests.sweeper.store.builders import new_store


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("empty_store")
    new_store(folder)
    return folder / "store.db"


@pytest.fixture
def url(empty_store: Path, tmp_path: Path) -> str:
    shutil.copy(empty_store, tmp_path / "store.db")
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture
def engine(url: str) -> Iterator[Engine]:
    engine = open_store(url, create=False)
    yield engine
    engine.dispose()
