"""A short chaos in the suite; `make chaos` plays a hundred rounds."""

from pathlib import Path

import pytest

from tests.chaos import harness


@pytest.mark.slow
def test_whatever_dies_every_trial_ends_exactly_once(empty_store: Path, tmp_path: Path) -> None:
    url = harness.copy_of(empty_store, tmp_path / "undisturbed")
    expected = harness.undisturbed(url, tmp_path / "undisturbed")
    for seed in (1, 2):
        folder = tmp_path / f"round-{seed}"
        disturbed = harness.copy_of(empty_store, folder)
        harness.play(disturbed, folder, seed, misdeeds=4)
        assert harness.exported(disturbed) == expected
