"""The energy that a machine's counters show over an attempt: of its processors (RAPL) and of its GPUs (NVML).

Counters are cumulative, so the energy of an attempt is their difference over it, as far as they can be read: on Linux,
``energy_uj`` of ``/sys/class/powercap`` often only by root. What cannot be read is unknown, and never guessed.

A processor's counter is of the whole package, whatever runs on it, and a GPU's of the whole GPU. How attempts that ran
at the same time share it is not decided here, but where attempts are read (`evidence.data.energy`).
"""

import ctypes
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from sweeper.execution.slots.nvml import SUCCESS, Nvml, nvml
from sweeper.execution.slots.resources import Slot
from sweeper.store.records import Energy

POWERCAP: Final = Path("/sys/class/powercap")
ZONE: Final = re.compile(r"intel-rapl:\d+")  # also of AMD's processors; a package without its parts, cores and memory
PACKAGE: Final = "package"  # how the names of such zones begin: others, such as psys, overlap with them
MOST_WATTS: Final = 1500.0  # of a package: how fast its counter may wrap around


class Counter(Protocol):
    """Counts energy from some moment on."""

    def read(self) -> float | None:
        """Return the joules counted; None if they cannot be read."""

    @property
    def wraps_at(self) -> float | None:
        """The joules after which it begins at 0 again; None if it does not."""


@dataclass(frozen=True, slots=True)
class Package:
    """The counter of a processor package.

    Attributes:
        directory: of its zone in /sys/class/powercap.
    """

    directory: Path
    wraps_at: float | None

    def read(self) -> float | None:
        """Return the joules counted; None if they cannot be read."""
        return _microjoules(self.directory / "energy_uj")


@dataclass(slots=True)
class Meter:
    """Adds up what counters have counted since it began."""

    counters: Sequence[Counter]
    clock: Callable[[], float] = time.monotonic
    _last: list[float | None] = field(default_factory=list)
    _joules: float | None = 0.0
    _at: float = 0.0

    def __post_init__(self) -> None:
        self._last = [counter.read() for counter in self.counters]
        self._at = self.clock()
        if not self.counters or None in self._last:
            self._joules = None

    @property
    def joules(self) -> float | None:
        """The energy until the last sample; None if any counter could not be read, or may have wrapped twice."""
        return self._joules

    def sample(self) -> None:
        """Add what has been counted since the last sample."""
        if self._joules is None:
            return
        now = self.clock()
        elapsed_s, self._at = now - self._at, now
        for place, counter in enumerate(self.counters):
            read, last = counter.read(), self._last[place]
            added = None if read is None or last is None else _difference(read, last, counter.wraps_at, elapsed_s)
            if added is None:
                self._joules = None
                return
            self._joules += added
            self._last[place] = read


@dataclass(slots=True)
class EnergyMeter:
    """Meters the energy of an attempt in a slot."""

    processors: Meter
    gpus: Meter

    def sample(self) -> None:
        """Read all counters; often enough that none wraps around twice in between."""
        self.processors.sample()
        self.gpus.sample()

    @property
    def energy(self) -> Energy:
        """The energy until the last sample."""
        return Energy(cpu_joules=self.processors.joules, gpu_joules=self.gpus.joules)


def unmetered() -> EnergyMeter:
    """Return a meter of nothing, whose energy is unknown."""
    return EnergyMeter(Meter(()), Meter(()))


def meter_for(slot: Slot) -> EnergyMeter:
    """Return a meter that begins now; of nothing for a slot of several nodes, since only this node's could be read."""
    if slot.prefix:
        return unmetered()
    return EnergyMeter(Meter(packages()), Meter(gpu_counters(slot.device)))


def packages(directory: Path = POWERCAP) -> tuple[Package, ...]:
    """Return the counters of all processor packages; none if one of them cannot be read."""
    try:
        zones = sorted(path for path in directory.iterdir() if ZONE.fullmatch(path.name))
        named = [zone for zone in zones if (zone / "name").read_text().startswith(PACKAGE)]
    except OSError:
        return ()
    found = tuple(Package(zone, _microjoules(zone / "max_energy_range_uj")) for zone in named)
    return () if any(package.read() is None for package in found) else found


def gpu_counters(device: str) -> tuple[Counter, ...]:
    """Return the counters of the GPUs of a slot; none if it has none, or one of them cannot be read.

    An instance of a GPU (MIG) has no counter of its own.
    """
    kind, _, names = device.partition(":")
    library = nvml() if kind == "cuda" and names else None
    if library is None:
        return ()
    found = [_counter(library, name) for name in names.split(",")]
    known = tuple(gpu for gpu in found if gpu is not None)
    return known if len(known) == len(found) else ()


@dataclass(frozen=True, slots=True)
class NvmlGpu:
    """The counter of a GPU, in millijoules since its driver was loaded."""

    library: ctypes.CDLL
    handle: ctypes.c_void_p
    wraps_at: float | None = None

    def read(self) -> float | None:
        """Return the joules counted; None if they cannot be read, e.g. on GPUs before Volta."""
        millijoules = ctypes.c_ulonglong()
        code = self.library.nvmlDeviceGetTotalEnergyConsumption(self.handle, ctypes.byref(millijoules))
        return millijoules.value / 1e3 if code == SUCCESS else None


def _counter(library: Nvml, name: str) -> NvmlGpu | None:
    """Return the counter of a GPU by its index or UUID; None if it has none."""
    handle = None if name.startswith("MIG-") else library.handle(name)
    found = NvmlGpu(library.library, handle) if handle is not None else None
    return found if found is not None and found.read() is not None else None


def _difference(now: float, last: float, wraps_at: float | None, elapsed_s: float) -> float | None:
    """Return what a counter has counted; None if it was reset, or may have wrapped around more than once."""
    if wraps_at is None:
        return now - last if now >= last else None
    if elapsed_s * MOST_WATTS >= wraps_at:
        return None
    return now - last if now >= last else now - last + wraps_at


def _microjoules(path: Path) -> float | None:
    try:
        return int(path.read_text()) / 1e6
    except (OSError, ValueError):
        return None
