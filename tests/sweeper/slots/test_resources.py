"""Slots for what a machine has, and none for what it lacks."""

import os
from pathlib import Path

import pytest

from sweeper.errors import UsageError
from sweeper.slots import resources
from sweeper.slots.resources import find_gpus, find_slots


@pytest.fixture
def four_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "find_gpus", lambda: ("0", "1", "2", "3"))


def test_cpu_slots_share_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "available_cores", lambda: 8)
    slots = find_slots("cpu", None, gpus_per_trial=1, threads_per_trial=3)
    assert [slot.name for slot in slots] == ["cpu-0", "cpu-1"]
    assert slots[0].environment["OMP_NUM_THREADS"] == "3"


def test_a_machine_with_fewer_cores_than_threads_still_has_a_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "available_cores", lambda: 1)
    assert len(find_slots("cpu", None, gpus_per_trial=1, threads_per_trial=4)) == 1


def test_cuda_without_a_gpu_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "find_gpus", tuple)
    with pytest.raises(UsageError, match="'cuda' needs an NVIDIA GPU"):
        find_slots("cuda", None, gpus_per_trial=1, threads_per_trial=1)


@pytest.mark.usefixtures("four_gpus")
def test_each_gpu_is_a_slot() -> None:
    slots = find_slots("auto", None, gpus_per_trial=1, threads_per_trial=2)
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots] == ["0", "1", "2", "3"]
    assert [slot.device for slot in slots] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3"]


@pytest.mark.usefixtures("four_gpus")
def test_half_a_gpu_is_a_slot_and_the_gpus_fill_evenly() -> None:
    slots = find_slots("cuda", 5, gpus_per_trial=0.5, threads_per_trial=1)
    assert [slot.device for slot in slots] == ["cuda:0", "cuda:1", "cuda:2", "cuda:3", "cuda:0"]
    assert {slot.device_share for slot in slots} == {0.5}
    assert len({slot.name for slot in slots}) == 5


@pytest.mark.usefixtures("four_gpus")
def test_several_gpus_make_one_slot() -> None:
    slots = find_slots("cuda", None, gpus_per_trial=2, threads_per_trial=1)
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in slots] == ["0,1", "2,3"]


@pytest.mark.usefixtures("four_gpus")
def test_more_slots_than_the_gpus_carry_are_refused() -> None:
    with pytest.raises(UsageError, match="which carry 4"):
        find_slots("cuda", 5, gpus_per_trial=1, threads_per_trial=1)


@pytest.mark.usefixtures("four_gpus")
def test_the_cpu_is_used_where_it_is_asked_for() -> None:
    assert find_slots("cpu", 1, gpus_per_trial=1, threads_per_trial=1)[0].device == "cpu"


def test_visible_devices_limit_what_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2, 3")
    assert find_gpus() == ("2", "3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert find_gpus() == ()


def test_gpus_are_asked_of_nvidia_smi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 0\necho 1\n")
    program.chmod(0o755)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])
    assert find_gpus() == ("0", "1")
