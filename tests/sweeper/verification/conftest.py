"""A store with a study, and its bundle."""

import pytest

from sweeper.cli.bundling import export_bundle
from tests.reports.builders import Plot, longer, screen, store_with
from tests.reports.conftest import mixed_endings
from tests.sweeper.verification.bundles import FILE


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return store_with(tmp_path_factory.mktemp("store"), Plot([screen(), longer()], source=FILE), mixed_endings)


@pytest.fixture(scope="module")
def whole(store: str, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("bundle") / "study.zip"
    export_bundle(store, "quickstart", "csv", path)
    return path.read_bytes()
