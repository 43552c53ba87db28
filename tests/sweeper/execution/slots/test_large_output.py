"""The remark on a trial whose output takes much room."""

from pathlib import Path

from sweeper.execution.slots.tail import LARGE_BYTES, large_output


def test_only_large_output_is_remarked_upon_with_its_size(tmp_path: Path) -> None:
    path = tmp_path / "output.log"
    assert large_output(path) == []
    with path.open("wb") as file:
        file.truncate(LARGE_BYTES - 1)
    assert large_output(path) == []
    with path.open("wb") as file:
        file.truncate(30_000_000)
    (remark,) = large_output(path)
    assert remark.startswith("output.log has 30 MB, all of which is kept")
