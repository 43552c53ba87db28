"""A short chaos in the suite; `make chaos` plays a hundred rounds."""

from pathlib import Path

import pytest

from tests.chaos import harness
from tests.sweeper.store.builders import new_store


@pytest.mark.slow
def test_whatever_dies_every_trial_ends_exactly_once(tmp_path: Path) -> None:
    new_store(tmp_path)
    url = harness.copy_of(tmp_path / "store.db", tmp_path / "undisturbed")
    expected = harness.undisturbed(url, tmp_path / "undisturbed")
    folder = tmp_path / "disturbed"
    disturbed = harness.copy_of(tmp_path / "store.db", folder)
    harness.play(disturbed, folder, seed=1, misdeeds=4)
    assert harness.exported(disturbed) == expected
