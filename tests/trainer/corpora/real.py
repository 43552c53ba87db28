"""Find the corpora that may not be distributed."""

import os
from pathlib import Path

import pytest


def real_folder(corpus: str) -> Path:
    """Return the directory of a corpus, or skip the test if it is absent."""
    base = Path(os.environ.get("SWEEPER_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
    if not (base / corpus).is_dir():
        pytest.skip(f"{corpus} is not at {base}; set SWEEPER_DATA")
    return base / corpus
