"""Small studies that once came out wrong: each is written to a directory of its own and played there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sweeper.cli.conftest import Answer, sweeper

__all__ = ["sweeper"]

Sweeper = Callable[..., Answer]
Play = Callable[..., Answer]


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Write a study file and its programs into the working directory."""

    def write(study: str, **programs: str) -> None:
        (tmp_path / "study.yaml").write_text(study)
        for name, text in programs.items():
            (tmp_path / f"{name}.py").write_text(text)

    monkeypatch.chdir(tmp_path)
    return write
