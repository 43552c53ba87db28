"""The wheel and the sdist, built once."""

import sys
from pathlib import Path

import pytest

from tests.packaging.environments import run

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling", reason="the build backend is not installed (pip install hatchling)")
    out = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--directory", out, cwd=ROOT)
    return out
