"""Test that checkpoints are plain data, are written atomically, and that other files are refused."""

import pickle
import struct
from pathlib import Path

import pytest
import torch

from trainer import checkpoint
from trainer.errors import UsageError


class Trap:
    """An object that writes a file when it is unpickled as code."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return open, (self.path, "w")


def test_what_was_saved_is_loaded(tmp_path: Path) -> None:
    state = {"weights": {"a": torch.tensor([1.5, -0.0])}, "step": 3, "best": float("inf"), "text": "é", "none": None}
    checkpoint.save(tmp_path / "c.pt", state)
    loaded = checkpoint.load(tmp_path / "c.pt")
    assert torch.equal(loaded["weights"].pop("a"), state["weights"].pop("a"))
    assert loaded == {"format": checkpoint.FORMAT, **state}
    assert [path.name for path in tmp_path.iterdir()] == ["c.pt"]


def test_code_in_a_checkpoint_is_not_run(tmp_path: Path) -> None:
    torch.save({"format": checkpoint.FORMAT, "trap": Trap(str(tmp_path / "sprung"))}, tmp_path / "c.pt")
    with pytest.raises(UsageError, match="cannot be read as a checkpoint"):
        checkpoint.load(tmp_path / "c.pt")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "content", [b"", b"text", b"PK\x03\x04 broken", pickle.dumps([1], protocol=2), struct.pack("<q", 7)]
)
def test_a_file_that_is_no_checkpoint_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "c.pt"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=r"c\.pt: cannot be read as a checkpoint: .*Restore it, or run again"):
        checkpoint.load(path)


def test_a_truncated_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c.pt"
    checkpoint.save(path, {"weights": torch.zeros(1000)})
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(UsageError, match="cannot be read as a checkpoint"):
        checkpoint.load(path)


def test_a_checkpoint_of_another_format_is_refused(tmp_path: Path) -> None:
    torch.save({"format": 99}, tmp_path / "c.pt")
    with pytest.raises(
        UsageError, match=r"has format 99, but this version reads format \d+\. Start in another directory"
    ):
        checkpoint.load(tmp_path / "c.pt")


def test_a_snapshot_does_not_follow_later_changes() -> None:
    state = {"means": [torch.zeros(2)], "losses": [1.0], "memory": (torch.ones(1),), "averages": None, "count": 3}
    taken = checkpoint.snapshot(state)
    state["means"][0].fill_(5.0)
    state["losses"].append(2.0)
    assert taken["means"][0].tolist() == [0.0, 0.0]
    assert taken == {**taken, "losses": [1.0], "memory": [torch.ones(1)], "averages": None, "count": 3}


def test_a_slice_is_saved_without_the_storage_behind_it(tmp_path: Path) -> None:
    whole = torch.zeros(100_000, requires_grad=True)
    checkpoint.save(tmp_path / "c.pt", {"model": checkpoint.snapshot({"a": whole[:10]})})
    assert (tmp_path / "c.pt").stat().st_size < 10_000
    assert not checkpoint.load(tmp_path / "c.pt")["model"]["a"].requires_grad
