"""The slots of this machine: GPUs, shares of a GPU, or CPU threads."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from sweeper.errors import UsageError
from sweeper.execution.gpus import VISIBLE, find_gpus
from sweeper.spec.study import Device

__all__ = ["SHARERS", "Device", "Slot", "available_cores", "find_gpus", "find_slots", "shared_slots", "trials_on"]

SHARERS: Final = "SWEEPER_TRIALS_PER_GPU"  # how many trials share the GPU of a slot; only set if several do
ROUNDING: Final = 1e-9  # 1 / (1 / 49) is less than 49


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place where one trial runs at a time.

    Attributes:
        name: unique on the machine, e.g. ``cpu-0``, ``cuda-1-0``.
        device: the trial's kind of device and its numbers: ``cpu``, ``cuda:1``.
        device_share: the slot's share of a device, or its number of devices; 1 for a CPU slot.
        threads: CPU threads that a trial may use.
        environment: variables that confine the trial to its slot.
        prefix: the command that starts the trial's, e.g. ``srun`` for a slot of several nodes.
    """

    name: str
    device: str
    device_share: float = 1.0
    threads: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()


def find_slots(
    device: Device, num_slots: int | None, *, gpus_per_trial: float, threads_per_trial: int
) -> tuple[Slot, ...]:
    """Return the slots of this machine.

    Args:
        device: ``auto`` uses GPUs if there are any, else CPU threads.
        num_slots: how many; None for as many as run without two trials sharing what each needs alone.
        gpus_per_trial: whole GPUs, or a share of one.
        threads_per_trial: CPU threads of each trial.

    Raises:
        UsageError: the machine does not have the required GPUs.
    """
    gpus = find_gpus() if device != "cpu" else ()
    if device == "cuda" and not gpus:
        raise UsageError(
            f"resources.device: 'cuda' needs an NVIDIA GPU, but {_why_none()}. Use device: auto to run on the CPU."
        )
    if gpus:
        return _gpu_slots(gpus, num_slots, gpus_per_trial, threads_per_trial)
    cores = available_cores()
    number = num_slots if num_slots is not None else max(1, cores // threads_per_trial)
    environment = _thread_environment(threads_per_trial)
    return tuple(
        Slot(name=f"cpu-{index}", device="cpu", threads=threads_per_trial, environment=environment)
        for index in range(number)
    )


def shared_slots(numbers: Mapping[str, int], num_slots: int | None, *, threads_per_trial: int) -> tuple[Slot, ...]:
    """Return slots that share GPUs, one per GPU before a second on any.

    Args:
        numbers: the most trials of each GPU, by its name.
        num_slots: how many slots at most; None for all.
    """
    parts = [(gpu, part) for part in range(max(numbers.values())) for gpu, most in numbers.items() if part < most]
    places = parts if num_slots is None else parts[:num_slots]
    counts = Counter(gpu for gpu, _ in places)
    return tuple(
        Slot(
            name=f"cuda-{gpu}-{part}" if counts[gpu] > 1 else f"cuda-{gpu}",
            device=f"cuda:{gpu}",
            device_share=1 / counts[gpu],
            threads=threads_per_trial,
            environment=_gpu_environment((gpu,), threads_per_trial, 1 / counts[gpu]),
        )
        for gpu, part in places
    )


def trials_on(num_gpus: int, gpus_per_trial: float) -> int:
    """Return how many trials run on some GPUs at once, at least 1."""
    return max(1, int(num_gpus / gpus_per_trial + ROUNDING))


def available_cores() -> int:
    """Return the number of CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpu_slots(gpus: tuple[str, ...], num_slots: int | None, gpus_per_trial: float, threads: int) -> tuple[Slot, ...]:
    groups: list[tuple[tuple[str, ...], str]]
    if gpus_per_trial < 1:
        parts = [(gpu, part) for part in range(trials_on(1, gpus_per_trial)) for gpu in gpus]
        groups = [((gpu,), f"cuda-{gpu}-{part}") for gpu, part in parts]
    else:
        width = round(gpus_per_trial)
        if width > 1 and any(gpu.startswith("MIG-") for gpu in gpus):
            raise UsageError(
                f"resources.gpus_per_trial: a program sees only one MIG instance, not {width}. "
                "Use gpus_per_trial: 1, or have MIG disabled."
            )
        starts = range(0, len(gpus) - width + 1, width)
        groups = [(gpus[start : start + width], "cuda-" + "-".join(gpus[start : start + width])) for start in starts]
    if not groups or (num_slots is not None and num_slots > len(groups)):
        raise UsageError(
            f"{num_slots or 1} slots of {gpus_per_trial:g} GPUs each need more than this machine's {len(gpus)} GPUs, "
            f"which have room for {len(groups)}. Use fewer slots or a smaller gpus_per_trial (0.5: two share one)."
        )
    chosen = groups[:num_slots] if num_slots is not None else groups
    return tuple(
        Slot(
            name=name,
            device=f"cuda:{','.join(group)}",
            device_share=gpus_per_trial,
            threads=threads,
            environment=_gpu_environment(group, threads, gpus_per_trial),
        )
        for group, name in chosen
    )


def _gpu_environment(gpus: Sequence[str], threads: int, share: float) -> dict[str, str]:
    sharers = {SHARERS: str(trials_on(1, share))} if share < 1 else {}
    return {**_thread_environment(threads), **_order(), VISIBLE: ",".join(gpus), **sharers}


def _thread_environment(threads: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return dict.fromkeys(names, str(threads))


def _order() -> dict[str, str]:
    """Number GPUs by bus as nvidia-smi does; CUDA's own order is by speed, and an existing variable uses that."""
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if VISIBLE not in os.environ else {}


def _why_none() -> str:
    visible = os.environ.get(VISIBLE)
    return "this machine has none" if visible is None else f"{VISIBLE}={visible} selects none of this machine"
