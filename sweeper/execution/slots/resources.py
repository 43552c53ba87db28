"""Which slots this machine has: GPUs, fractions of one, or CPU threads."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sweeper.errors import UsageError
from sweeper.execution.gpus import VISIBLE, find_gpus

__all__ = ["Device", "Slot", "available_cores", "find_gpus", "find_slots"]

Device = Literal["auto", "cpu", "cuda"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A place where one trial runs at a time.

    Attributes:
        name: unique on the machine, e.g. ``cpu-0``, ``cuda-1-0``.
        device: what the trial sees as its device's kind and number: ``cpu``, ``cuda:1``.
        device_share: the share of one device that the slot is, or how many devices; a CPU slot is one of its own.
        threads: CPU threads that a trial may use.
        environment: variables that hold the trial to its slot.
    """

    name: str
    device: str
    device_share: float = 1.0
    threads: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


def find_slots(device: Device, slots: int | None, *, gpus_per_trial: float, threads_per_trial: int) -> tuple[Slot, ...]:
    """The slots of this machine.

    Args:
        device: ``auto`` takes GPUs where there are some, else CPU threads.
        slots: how many; None for as many as the machine carries without two trials sharing what they need alone.
        gpus_per_trial: whole GPUs, or a fraction of one.
        threads_per_trial: CPU threads of each trial.

    Raises:
        UsageError: GPUs are asked for that the machine does not have.
    """
    gpus = find_gpus() if device != "cpu" else ()
    if device == "cuda" and not gpus:
        raise UsageError(
            f"resources.device: 'cuda' needs an NVIDIA GPU, but {_why_none()}. Use device: auto to run on the CPU."
        )
    if gpus:
        return _gpu_slots(gpus, slots, gpus_per_trial, threads_per_trial)
    cores = available_cores()
    number = slots if slots is not None else max(1, cores // threads_per_trial)
    environment = _thread_environment(threads_per_trial)
    return tuple(
        Slot(name=f"cpu-{index}", device="cpu", threads=threads_per_trial, environment=environment)
        for index in range(number)
    )


def available_cores() -> int:
    """The CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _gpu_slots(gpus: tuple[str, ...], slots: int | None, gpus_per_trial: float, threads: int) -> tuple[Slot, ...]:
    groups: list[tuple[tuple[str, ...], str]]
    if gpus_per_trial < 1:
        per_gpu = int(1 / gpus_per_trial)
        places = [(gpu, part) for part in range(per_gpu) for gpu in gpus]
        groups = [((gpu,), f"cuda-{gpu}-{part}") for gpu, part in places]
    else:
        width = round(gpus_per_trial)
        if width > 1 and any(gpu.startswith("MIG-") for gpu in gpus):
            raise UsageError(
                f"resources.gpus_per_trial: {width} MIG instances cannot work for one program, which sees one of them. "
                "Use gpus_per_trial: 1, or let MIG be switched off."
            )
        starts = range(0, len(gpus) - width + 1, width)
        groups = [(gpus[start : start + width], "cuda-" + "-".join(gpus[start : start + width])) for start in starts]
    if not groups or (slots is not None and slots > len(groups)):
        raise UsageError(
            f"{slots or 1} slots of {gpus_per_trial:g} GPUs each need more than the {len(gpus)} GPUs of this machine, "
            f"which carry {len(groups)}. Ask for fewer slots or a smaller gpus_per_trial (0.5: two share one)."
        )
    chosen = groups[:slots] if slots is not None else groups
    return tuple(
        Slot(
            name=name,
            device=f"cuda:{','.join(group)}",
            device_share=gpus_per_trial,
            threads=threads,
            environment={**_thread_environment(threads), **_order(), VISIBLE: ",".join(group)},
        )
        for group, name in chosen
    )


def _thread_environment(threads: int) -> dict[str, str]:
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
    return dict.fromkeys(names, str(threads))


def _order() -> dict[str, str]:
    """Our numbers are nvidia-smi's, by the bus; CUDA's own are by speed. What the user has set means CUDA's."""
    return {"CUDA_DEVICE_ORDER": "PCI_BUS_ID"} if VISIBLE not in os.environ else {}


def _why_none() -> str:
    visible = os.environ.get(VISIBLE)
    return "there is none on this machine" if visible is None else f"{VISIBLE}={visible} admits none of this machine"
