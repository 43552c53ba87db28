"""Where the corpora lie that others hold rights in."""

import os
from pathlib import Path

import pytest


def real_folder(corpus: str) -> Path:
    """The folder of a corpus; the test that asks is skipped where it is absent."""
    base = Path(os.environ.get("SWEEPER_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
    if not (base / corpus).is_dir():
        pytest.skip(f"{corpus} is not at {base}; set SWEEPER_DATA")
    return base / corpus
