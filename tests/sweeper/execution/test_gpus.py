"""The GPUs that a process may use, as a fake nvidia-smi and CUDA_VISIBLE_DEVICES have them."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.execution import gpus
from sweeper.execution.gpus import Gpu, admitted, find_gpus, indices, listed, unseen
from sweeper.execution.slots.programs import environment_of
from sweeper.execution.slots.resources import find_slots
from sweeper.spec.program import CommandProgram, Trial
from tests.sweeper.execution.slots.test_programs import lease_of

TWO = """GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-aaaa1111-0000-0000-0000-000000000000)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-bbbb2222-0000-0000-0000-000000000000)
"""
CUT = """GPU 0: NVIDIA A100-SXM4-40GB (UUID: GPU-aaaa1111-0000-0000-0000-000000000000)
  MIG 3g.20gb     Device  0: (UUID: MIG-11111111-0000-0000-0000-000000000000)
  MIG 3g.20gb     Device  1: (UUID: MIG-22222222-0000-0000-0000-000000000000)
GPU 1: NVIDIA A100-SXM4-40GB (UUID: GPU-bbbb2222-0000-0000-0000-000000000000)
"""
INSTANCES = ("MIG-11111111-0000-0000-0000-000000000000", "MIG-22222222-0000-0000-0000-000000000000")


@pytest.fixture
def smi(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Puts an nvidia-smi on the path that lists what it is told, and only when asked for a list."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path) + os.pathsep + os.environ["PATH"])

    def answer(text: str) -> None:
        (tmp_path / "list.txt").write_text(text)
        program = tmp_path / "nvidia-smi"
        program.write_text(f'#!/bin/sh\n[ "$1" = -L ] && exec cat {tmp_path}/list.txt\nexit 6\n')
        program.chmod(0o755)

    return answer


def test_gpus_are_asked_of_nvidia_smi(smi: Callable[[str], None]) -> None:
    smi(TWO)
    assert find_gpus() == ("0", "1")


def test_each_instance_of_a_gpu_that_is_cut_up_is_a_device(smi: Callable[[str], None]) -> None:
    smi(CUT)
    assert find_gpus() == (*INSTANCES, "1")
    assert [gpu.uuid[:8] for gpu in listed(CUT)] == ["GPU-aaaa", "GPU-bbbb"]


def test_a_driver_that_does_not_answer_has_no_gpus(smi: Callable[[str], None], tmp_path: Path) -> None:
    smi("")
    assert find_gpus() == ()
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho 'NVIDIA-SMI has failed'\nexit 9\n")
    assert find_gpus() == ()


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        ("1", ("1",)),
        (" 1, 0", ("1", "0")),
        ("", ()),
        ("-1", ()),
        ("1,-1,0", ("1",)),  # CUDA looks no further than what it does not know
        ("0,7,1", ("0",)),
        ("0,0", ("0",)),
        ("GPU-bbbb2222", ("GPU-bbbb2222",)),
        ("GPU-bbbb2222,1,0", ("GPU-bbbb2222", "0")),
        ("GPU-", ()),  # which of them?
        ("none", ()),
    ],
)
def test_a_variable_that_is_set_already_limits_what_is_found(
    smi: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, visible: str, found: tuple[str, ...]
) -> None:
    smi(TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert find_gpus() == found


def test_instances_may_be_named(smi: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    smi(CUT)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", f"{INSTANCES[1]},1")
    assert find_gpus() == (INSTANCES[1], "1")
    assert admitted("MIG-33333333", listed(CUT)) == ()
    assert admitted("MIG-33333333", listed(TWO)) == ("MIG-33333333",)  # a container sees its own alone


def test_a_number_without_a_gpu_makes_no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gpus, "DEVICE_NODES", tmp_path)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert find_gpus() == ()


def test_without_nvidia_smi_the_devices_of_the_system_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(gpus, "DEVICE_NODES", tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name in ("nvidia10", "nvidia2", "nvidiactl", "nvidia-uvm"):
        (tmp_path / name).touch()
    assert find_gpus() == ("2", "10")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-cccc")
    assert find_gpus() == ("GPU-cccc",)


def test_names_are_traced_back_to_their_gpus() -> None:
    machine = (Gpu("0", "GPU-aaaa", INSTANCES), Gpu("1", "GPU-bbbb"))
    assert indices((INSTANCES[1],), machine) == {"0"}
    assert indices(("GPU-bb", "5"), machine) == {"1"}


def test_a_trial_sees_its_slot_s_gpu_whatever_the_launcher_saw(
    smi: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    smi(TWO)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "GPU-aaaa1111,GPU-bbbb2222")
    slots = find_slots("auto", None, gpus_per_trial=0.5, threads_per_trial=2)
    inherited = {"CUDA_VISIBLE_DEVICES": "GPU-aaaa1111,GPU-bbbb2222", "OMP_NUM_THREADS": "64"}
    seen = [environment_of(Trial(program=CommandProgram(())), lease_of(tmp_path), slot, inherited) for slot in slots]
    assert [each["CUDA_VISIBLE_DEVICES"] for each in seen] == ["GPU-aaaa1111", "GPU-bbbb2222"] * 2
    assert {each["OMP_NUM_THREADS"] for each in seen} == {"2"}


@pytest.mark.parametrize(
    ("visible", "told"),
    [("MIG-1/2/3", True), ("GPU-deadbeef", True), ("7", True), ("", False), ("-1", False), (None, False)],
)
def test_a_device_that_is_not_there_gives_no_slot_and_is_told(
    monkeypatch: pytest.MonkeyPatch, visible: str | None, told: bool
) -> None:
    monkeypatch.setattr(gpus, "gpus_of_machine", lambda: ())
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert find_gpus() == ()
    remark = unseen()
    assert (remark is not None) == told
    if remark is not None:
        assert str(visible) in remark
