"""Slots of workers: each GPU, or share of one, belongs to a single worker."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sweeper.errors import UsageError
from sweeper.execution.cluster import worker_slots
from sweeper.execution.cluster.worker_slots import (
    Needs,
    WorkerSlots,
    claim_slots,
    lock_names,
    remove_lock_directory,
)
from sweeper.execution.slots import resources
from sweeper.execution.slots.resources import Slot


def needs(device: str = "auto", gpus: float = 1.0, threads: int = 1) -> Needs:
    return Needs(
        run=f"test-{os.getpid()}",
        device=device,  # type: ignore[arg-type]
        gpus_per_trial=gpus,
        threads_per_trial=threads,
    )


@contextmanager
def workers(wants: Needs, *num_threads: int) -> Iterator[list[WorkerSlots]]:
    """Workers of one machine, which come one after the other."""
    here: list[WorkerSlots] = []
    try:
        for number in num_threads:
            here.append(claim_slots(wants, number))
        yield here
    finally:
        for each in here:
            each.close()
        remove_lock_directory(wants.run)


def names(here: WorkerSlots) -> list[str]:
    return [slot.name for slot in here.slots]


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "find_gpus", lambda: ("0", "1"))
    monkeypatch.setattr(worker_slots, "gpu_identities", lambda: {"0": "GPU-a", "1": "GPU-b"})


def test_a_worker_without_gpus_runs_a_slot_for_so_many_of_its_threads() -> None:
    with workers(needs("cpu", threads=2), 5, 1) as (first, second):
        assert names(first) == ["cpu-0", "cpu-1"]
        assert names(second) == ["cpu-2"]
        assert first.slots[0].threads == 2


@pytest.mark.usefixtures("two_gpus")
def test_workers_share_the_gpus_of_a_machine_out_among_themselves() -> None:
    with workers(needs(), 1, 8, 8) as (first, second, third):
        assert [names(each) for each in (first, second, third)] == [["cuda-0"], ["cuda-1"], []]


@pytest.mark.usefixtures("two_gpus")
def test_a_worker_with_few_threads_leaves_gpus_to_others() -> None:
    with workers(needs(gpus=0.5), 3, 3) as (first, second):
        assert (len(first.slots), len(second.slots)) == (3, 1)
        assert {slot.device_share for slot in first.slots} == {0.5}


@pytest.mark.usefixtures("two_gpus")
def test_the_slots_of_a_worker_that_is_gone_are_free() -> None:
    with workers(needs(), 2) as (first,):
        first.close()
        again = claim_slots(needs(), 2)
        assert len(again.slots) == 2
        again.close()


def test_a_worker_without_the_gpu_that_is_asked_for_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "find_gpus", tuple)
    with pytest.raises(UsageError, match="'cuda' needs an NVIDIA GPU"):
        claim_slots(needs("cuda"), 1)


def test_a_slot_is_taken_until_it_is_given_back() -> None:
    with workers(needs("cpu"), 1) as (here,):
        slot = here.take()
        assert slot is not None
        assert here.take() is None
        here.give_back(slot)
        assert here.take() == slot


def test_a_gpu_is_the_same_whatever_a_job_calls_it() -> None:
    slot = Slot(name="cuda-0", device="cuda:0", environment={"CUDA_VISIBLE_DEVICES": "0"})
    assert lock_names(slot, {"0": "GPU-a"}) == ["GPU-a"]
    assert lock_names(slot, {}) == ["0"]
    half = Slot(name="cuda-0-1", device="cuda:0", device_share=0.5, environment={"CUDA_VISIBLE_DEVICES": "MIG/x"})
    assert lock_names(half, {}) == ["MIG_x-1"]
    both = Slot(name="cuda-0-1", device="cuda:0,1", device_share=2.0, environment={"CUDA_VISIBLE_DEVICES": "0,1"})
    assert lock_names(both, {"1": "GPU-b"}) == ["0", "GPU-b"]


def test_nvidia_smi_tells_which_gpu_is_which(tmp_path: os.PathLike[str], monkeypatch: pytest.MonkeyPatch) -> None:
    program = os.path.join(tmp_path, "nvidia-smi")  # noqa: PTH118
    with open(program, "w") as file:  # noqa: PTH123
        file.write("#!/bin/sh\necho 'GPU 0: X (UUID: GPU-a)'\necho 'GPU 1: X (UUID: GPU-b)'\n")
    os.chmod(program, 0o755)  # noqa: PTH101
    monkeypatch.setenv("PATH", str(tmp_path))
    assert worker_slots.gpu_identities() == {"0": "GPU-a", "1": "GPU-b"}
    monkeypatch.setenv("PATH", "/nonexistent")
    assert worker_slots.gpu_identities() == {}
