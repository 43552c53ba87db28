"""Slots for what a machine has, and none for what it lacks."""

import pytest

from sweeper.errors import UsageError
from sweeper.execution.slots import resources
from sweeper.execution.slots.resources import find_slots, shared_slots


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
    (four,) = find_slots("cuda", None, gpus_per_trial=4, threads_per_trial=1)
    assert (four.device, four.device_share) == ("cuda:0,1,2,3", 4.0)
    assert four.environment["CUDA_VISIBLE_DEVICES"] == "0,1,2,3"


@pytest.mark.usefixtures("four_gpus")
def test_more_slots_than_the_gpus_carry_are_refused() -> None:
    with pytest.raises(UsageError, match="which have room for 4"):
        find_slots("cuda", 5, gpus_per_trial=1, threads_per_trial=1)


@pytest.mark.usefixtures("four_gpus")
def test_the_cpu_is_used_where_it_is_asked_for() -> None:
    assert find_slots("cpu", 1, gpus_per_trial=1, threads_per_trial=1)[0].device == "cpu"


@pytest.mark.usefixtures("four_gpus")
def test_a_third_of_a_gpu_lets_three_trials_share_it_and_odd_gpus_out_are_left() -> None:
    thirds = find_slots("cuda", None, gpus_per_trial=1 / 3, threads_per_trial=1)
    assert len(thirds) == 12
    triples = find_slots("cuda", None, gpus_per_trial=3, threads_per_trial=1)
    assert [slot.environment["CUDA_VISIBLE_DEVICES"] for slot in triples] == ["0,1,2"]
    assert triples[0].device_share == 3


@pytest.mark.usefixtures("four_gpus")
def test_our_numbers_are_those_of_the_bus_unless_the_user_gave_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (slot,) = find_slots("cuda", 1, gpus_per_trial=1, threads_per_trial=1)
    assert slot.environment["CUDA_DEVICE_ORDER"] == "PCI_BUS_ID"
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,1")
    (slot,) = find_slots("cuda", 1, gpus_per_trial=1, threads_per_trial=1)
    assert "CUDA_DEVICE_ORDER" not in slot.environment


def test_several_instances_of_a_gpu_make_no_slot(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "find_gpus", lambda: ("MIG-a", "MIG-b"))
    assert len(find_slots("cuda", None, gpus_per_trial=1, threads_per_trial=1)) == 2
    with pytest.raises(UsageError, match="a program sees only one MIG instance, not 2"):
        find_slots("cuda", None, gpus_per_trial=2, threads_per_trial=1)


def test_a_variable_that_hides_every_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    monkeypatch.setattr(resources, "find_gpus", tuple)
    with pytest.raises(UsageError, match="CUDA_VISIBLE_DEVICES=7 selects none"):
        find_slots("cuda", None, gpus_per_trial=1, threads_per_trial=1)


def test_gpus_are_shared_by_as_many_trials_as_each_carries() -> None:
    slots = shared_slots({"0": 2, "1": 1, "GPU-x": 4}, None, threads_per_trial=3)
    assert [(slot.name, slot.device_share) for slot in slots] == [
        ("cuda-0-0", 0.5),
        ("cuda-1", 1.0),
        ("cuda-GPU-x-0", 0.25),
        ("cuda-0-1", 0.5),
        ("cuda-GPU-x-1", 0.25),
        ("cuda-GPU-x-2", 0.25),
        ("cuda-GPU-x-3", 0.25),
    ]
    assert sum(slot.device_share for slot in slots) == 3.0
    shown = [
        (slot.environment["CUDA_VISIBLE_DEVICES"], slot.environment.get("SWEEPER_TRIALS_PER_GPU")) for slot in slots
    ]
    assert shown[:3] == [("0", "2"), ("1", None), ("GPU-x", "4")]


def test_fewer_slots_share_fewer_and_their_shares_are_what_is_left() -> None:
    slots = shared_slots({"0": 4, "1": 4}, 3, threads_per_trial=1)
    assert [(slot.device, slot.device_share) for slot in slots] == [("cuda:0", 0.5), ("cuda:1", 1.0), ("cuda:0", 0.5)]


@pytest.mark.usefixtures("four_gpus")
def test_trials_know_how_many_share_their_gpu() -> None:
    for share, number in ((0.5, "2"), (0.25, "4"), (0.3, "3"), (1, None), (2, None)):
        slot = find_slots("cuda", 1, gpus_per_trial=share, threads_per_trial=1)[0]
        assert slot.environment.get("SWEEPER_TRIALS_PER_GPU") == number
    slot = shared_slots({"0": 49}, None, threads_per_trial=1)[0]
    assert slot.environment["SWEEPER_TRIALS_PER_GPU"] == "49"  # though 1 / (1 / 49) is less
