"""What GPUs are and how much of their memory is in use, by NVML, else by nvidia-smi; and whether MPS shares them.

A GPU is called a card here: `Slot` and `CUDA_VISIBLE_DEVICES` name it by index or UUID, and a card is what is behind
that name.
"""

import csv
import ctypes
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sweeper.execution.gpus import ask_nvidia_smi
from sweeper.execution.slots.nvml import SUCCESS, Nvml, nvml

UNKNOWN: Final = "GPU"  # the kind of a card whose driver says nothing
MPS_VARIABLE: Final = "CUDA_MPS_PIPE_DIRECTORY"
# The default directory of the daemon of MPS, which nothing is written to.
MPS_DIRECTORY: Final = Path("/tmp/nvidia-mps")  # noqa: S108 # nosec B108
NAME_BYTES: Final = 96
MEBIBYTE: Final = 2**20
QUERY: Final = ("index", "uuid", "name", "memory.total", "memory.used")
LOOK_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Card:
    """A GPU or an instance of one.

    Attributes:
        kind: its product name.
        total_bytes: its memory; None if unknown.
        used_bytes: the memory that all programs use now; None if unknown.
    """

    kind: str = UNKNOWN
    total_bytes: int | None = None
    used_bytes: int | None = None

    @property
    def free_bytes(self) -> int | None:
        """The memory that no program uses now; None if unknown."""
        return None if self.total_bytes is None or self.used_bytes is None else self.total_bytes - self.used_bytes


ReadCards = Callable[[Sequence[str]], Mapping[str, Card]]


class _Memory(ctypes.Structure):
    """nvmlMemory_t."""

    _fields_ = (("total", ctypes.c_ulonglong), ("free", ctypes.c_ulonglong), ("used", ctypes.c_ulonglong))


def read_cards(gpus: Sequence[str]) -> dict[str, Card]:
    """Return the cards behind the names of GPUs."""
    library = nvml()
    found = {} if library is None else {gpu: _from_nvml(library, gpu) for gpu in gpus}
    if any(found.get(gpu, Card()) == Card() for gpu in gpus):
        listed = _from_nvidia_smi(gpus)
        found = {gpu: listed[gpu] if found.get(gpu, Card()) == Card() else found[gpu] for gpu in gpus}
    return found


def shares_by_mps() -> bool:
    """Return whether the user runs NVIDIA's Multi-Process Service, which then carries all CUDA programs."""
    return MPS_VARIABLE in os.environ or (MPS_DIRECTORY / "control").exists()


class MemoryWatch:
    """Notes the most memory that is in use on each card while the block runs."""

    def __init__(self, read: ReadCards, gpus: Sequence[str], every_s: float = LOOK_EVERY_S) -> None:
        self._read = read
        self._gpus = tuple(gpus)
        self._every_s = every_s
        self._most: dict[str, int] = {}
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="memory", daemon=True)

    def __enter__(self) -> Self:
        self._look()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ends.set()
        self._thread.join()

    @property
    def most(self) -> Mapping[str, int]:
        """Bytes by GPU; without those whose memory cannot be read."""
        return self._most

    def _run(self) -> None:
        while not self._ends.wait(self._every_s):
            self._look()

    def _look(self) -> None:
        for gpu, card in self._read(self._gpus).items():
            if card.used_bytes is not None:
                self._most[gpu] = max(card.used_bytes, self._most.get(gpu, 0))


def _from_nvml(library: Nvml, gpu: str) -> Card:
    handle = library.handle(gpu)
    if handle is None:
        return Card()
    name, memory = ctypes.create_string_buffer(NAME_BYTES), _Memory()
    has_name = library.library.nvmlDeviceGetName(handle, name, ctypes.c_uint(NAME_BYTES)) == SUCCESS
    kind = name.value.decode(errors="replace") if has_name else UNKNOWN
    if library.library.nvmlDeviceGetMemoryInfo(handle, ctypes.byref(memory)) != SUCCESS:
        return Card(kind)
    return Card(kind, int(memory.total), int(memory.used))


def _from_nvidia_smi(gpus: Sequence[str]) -> dict[str, Card]:
    text = ask_nvidia_smi(f"--query-gpu={','.join(QUERY)}", "--format=csv,noheader,nounits") or ""
    rows = [[cell.strip() for cell in row] for row in csv.reader(text.splitlines()) if len(row) == len(QUERY)]
    return {gpu: next((_of(row) for row in rows if _is(gpu, row)), Card()) for gpu in gpus}


def _is(gpu: str, row: Sequence[str]) -> bool:
    return gpu == row[0] or (gpu.startswith("GPU-") and row[1].startswith(gpu))


def _of(row: Sequence[str]) -> Card:
    total, used = (int(cell) * MEBIBYTE if cell.isdigit() else None for cell in row[3:])
    return Card(row[2], total, used)
