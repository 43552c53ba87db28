"""What GPUs are and how much of their memory is in use: from a fake library of the driver and a fake nvidia-smi."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any, cast

import pytest

from sweeper.execution.slots import cards
from sweeper.execution.slots.cards import Card, MemoryWatch, read_cards, shares_by_mps
from sweeper.execution.slots.nvml import Nvml
from tests.sweeper.execution.slots.test_energy import FakeLibrary

LIST = """0, GPU-aaaa, NVIDIA H100 80GB HBM3, 81559, 4
1, GPU-bbbb, "Tesla, T4", [N/A], [N/A]
"""


@dataclass
class FakeMemory(FakeLibrary):
    """NVML with names and memory."""

    uuids: dict[bytes, int] = field(default_factory=lambda: {b"GPU-abc": 1, b"MIG-def": 0})
    has_memory: bool = True

    def nvmlDeviceGetName(self, handle: Any, name: Any, length: Any) -> int:
        assert length.value == len(name)
        name.value = f"card {handle.value - 1}".encode()
        return 0

    def nvmlDeviceGetMemoryInfo(self, handle: Any, memory: Any) -> int:
        found = memory._obj
        found.total, found.free, found.used = 100, 70, 30 + handle.value
        return 0 if self.has_memory else 3


@pytest.fixture
def smi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    monkeypatch.setattr(cards, "nvml", lambda: None)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])

    def answer(text: str) -> None:
        (tmp_path / "list.txt").write_text(text)
        program = tmp_path / "nvidia-smi"
        wanted = "--query-gpu=index,uuid,name,memory.total,memory.used"
        program.write_text(f'#!/bin/sh\n[ "$1" = {wanted} ] && exec cat {tmp_path}/list.txt\nexit 6\n')
        program.chmod(0o755)

    return answer


def test_the_driver_names_gpus_and_instances_and_their_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "nvml", lambda: Nvml(cast(Any, FakeMemory())))
    assert read_cards(["0", "GPU-abc", "MIG-def"]) == {
        "0": Card("card 0", 100, 31),
        "GPU-abc": Card("card 1", 100, 32),
        "MIG-def": Card("card 0", 100, 31),
    }
    assert Card("card 0", 100, 31).free_bytes == 69


def test_memory_that_cannot_be_read_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cards, "nvml", lambda: Nvml(cast(Any, FakeMemory(has_memory=False))))
    assert read_cards(["0"]) == {"0": Card("card 0")}
    assert Card("card 0").free_bytes is None


def test_without_the_library_nvidia_smi_is_asked(smi: Callable[[str], None]) -> None:
    smi(LIST)
    found = read_cards(["0", "GPU-bb", "7"])
    assert found["0"] == Card("NVIDIA H100 80GB HBM3", 81559 * 2**20, 4 * 2**20)
    assert (found["GPU-bb"].total_bytes, found["7"]) == (None, Card())


def test_a_driver_that_does_not_answer_has_cards_of_an_unknown_kind(smi: Callable[[str], None]) -> None:
    smi("")
    assert read_cards(["0"]) == {"0": Card("GPU", None, None)}


def test_the_most_memory_in_use_is_noted_while_the_block_runs() -> None:
    used, seen = iter([10, 50, 20]), Event()

    def read(gpus: Sequence[str]) -> dict[str, Card]:
        found = next(used, None)
        if found is None:
            seen.set()
        return {"0": Card("a", 100, found or 20), "1": Card("a")}

    with MemoryWatch(read, ["0", "1"], every_s=0.001) as watch:
        assert seen.wait(60)
    assert watch.most == {"0": 50}


def test_mps_is_what_the_user_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("CUDA_MPS_PIPE_DIRECTORY", raising=False)
    monkeypatch.setattr(cards, "MPS_DIRECTORY", tmp_path)
    assert not shares_by_mps()
    (tmp_path / "control").touch()
    assert shares_by_mps()
    monkeypatch.setattr(cards, "MPS_DIRECTORY", tmp_path / "none")
    monkeypatch.setenv("CUDA_MPS_PIPE_DIRECTORY", str(tmp_path))
    assert shares_by_mps()
