"""The NVIDIA GPUs that this process may use, by the names that CUDA_VISIBLE_DEVICES takes: indices, GPU- or MIG-UUIDs.

A GPU that is divided into MIG instances counts as that many devices. If CUDA_VISIBLE_DEVICES is set, the entries that
CUDA would use count: those up to the first that names no device of this machine (CUDA C++ Programming Guide, "CUDA
Environment Variables").
"""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
NVIDIA_SMI: Final = "nvidia-smi"
ASK_S: Final = 30.0
DEVICE_NODES: Final = Path("/dev")
_GPU: Final = re.compile(r"^GPU (\d+):.*\(UUID: (GPU-[^)]+)\)")
_MIG: Final = re.compile(r"^\s+MIG .*\(UUID: (MIG-[^)]+)\)")
_NODE: Final = re.compile(r"nvidia(\d+)")


@dataclass(frozen=True, slots=True)
class Gpu:
    """A GPU: its index in PCI bus order, its UUID if known, and the UUIDs of its MIG instances."""

    index: str
    uuid: str = ""
    instances: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The values of CUDA_VISIBLE_DEVICES for trials on it: the GPU's, or those of its instances."""
        return self.instances or (self.index,)


def find_gpus() -> tuple[str, ...]:
    """Return the names of the devices that this process may use, each once."""
    visible = os.environ.get(VISIBLE)
    if visible is not None and not visible.strip():
        return ()
    machine = gpus_of_machine()
    if visible is None:
        return tuple(name for gpu in machine for name in gpu.names)
    return admitted(visible, machine)


def unseen() -> str | None:
    """Return a remark if CUDA_VISIBLE_DEVICES names devices that are not there; None if it names none, or any is."""
    visible = os.environ.get(VISIBLE, "").strip()
    if not visible or visible == "-1" or find_gpus():
        return None
    return f"{VISIBLE} is {visible}, but this machine has no such device"


def admitted(visible: str, machine: tuple[Gpu, ...]) -> tuple[str, ...]:
    """Return the entries of a CUDA_VISIBLE_DEVICES that name a device, up to the first that does not."""
    found: dict[str, str] = {}  # entries by device: an index and a UUID may name the same GPU
    for entry in (part.strip() for part in visible.split(",")):
        named = _named(entry, machine)
        if named is None:
            break
        found.setdefault(named, entry)
    return tuple(found.values())


def indices(names: tuple[str, ...], machine: tuple[Gpu, ...]) -> set[str]:
    """Return the indices of the GPUs that names stand for, whole or an instance of them."""
    return {
        gpu.index
        for gpu in machine
        for name in names
        if name in (gpu.index, *gpu.instances) or (name.startswith("GPU-") and gpu.uuid.startswith(name))
    }


def gpus_of_machine() -> tuple[Gpu, ...]:
    """Return the GPUs that nvidia-smi lists; without it, as in a small container, those in /dev."""
    if shutil.which(NVIDIA_SMI) is None:
        numbers = (match[1] for path in DEVICE_NODES.glob("nvidia*") if (match := _NODE.fullmatch(path.name)))
        return tuple(Gpu(index) for index in sorted(numbers, key=int))
    return listed(ask_nvidia_smi("-L") or "")


def ask_nvidia_smi(*arguments: str) -> str | None:
    """Return what nvidia-smi prints; None where it is missing, fails or does not answer."""
    program = shutil.which(NVIDIA_SMI)
    if program is None:
        return None
    try:
        answer = subprocess.run(
            [program, *arguments], capture_output=True, text=True, errors="replace", timeout=ASK_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None


def listed(text: str) -> tuple[Gpu, ...]:
    """Return the GPUs in the output of `nvidia-smi -L`."""
    gpus: list[Gpu] = []
    for line in text.splitlines():
        if gpu := _GPU.match(line):
            gpus.append(Gpu(gpu[1], gpu[2]))
        elif gpus and (instance := _MIG.match(line)):
            last = gpus.pop()
            gpus.append(Gpu(last.index, last.uuid, (*last.instances, instance[1])))
    return tuple(gpus)


def _named(entry: str, machine: tuple[Gpu, ...]) -> str | None:
    """Return what an entry names: a GPU's index, or an instance's UUID. A UUID may be abbreviated if it stays unique.

    CUDA uses the first instance if an index or a GPU's UUID names a GPU that is divided.
    """
    if entry.startswith("MIG-"):
        # nvidia-smi does not list instances if this process may use only one of them, as in a container.
        known = [name for gpu in machine for name in gpu.instances]
        alike = [name for name in known if name.startswith(entry)]
        return (alike[0] if len(alike) == 1 else None) if known or not machine else entry
    if entry.isdigit():
        alike_gpus = [gpu for gpu in machine if gpu.index == str(int(entry))]
    else:
        alike_gpus = [gpu for gpu in machine if entry.startswith("GPU-") and gpu.uuid.startswith(entry)]
        # Without nvidia-smi no UUID is known, so trust the variable.
        if not alike_gpus and entry.startswith("GPU-") and machine and not any(gpu.uuid for gpu in machine):
            return entry
    return alike_gpus[0].names[0] if len(alike_gpus) == 1 else None
