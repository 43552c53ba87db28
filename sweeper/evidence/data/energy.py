"""The energy of a study's attempts, from what the counters of their machines showed over them.

A counter is of a whole machine's processors, or of a whole GPU. Where several attempts ran on one at once, each
gets an equal share of every moment. What else ran there, and what the device takes when idle, counts too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from sweeper.store.reading.reader import AttemptRow

Source = Literal["cpu_joules", "gpu_joules"]
SOURCES: Final[tuple[Source, ...]] = ("cpu_joules", "gpu_joules")
JOULES_PER_KWH: Final = 3.6e6

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyUse:
    """What is known of the energy of some attempts.

    Attributes:
        cpu_kwh: of processors; NaN if it is known of no attempt.
        gpu_kwh: of GPUs; NaN if it is known of no attempt.
        cpu_share: the share of the attempts' device time for which that of processors is known.
        gpu_share: the same of GPUs, of the device time of attempts on GPUs.
    """

    cpu_kwh: float
    gpu_kwh: float
    cpu_share: float
    gpu_share: float

    @property
    def is_known(self) -> bool:
        """Whether anything is known."""
        return self.cpu_share > 0 or self.gpu_share > 0


def with_shares(attempts: pd.DataFrame) -> pd.DataFrame:
    """Return attempts with what each used of the energy of its machine in place of what its counters showed."""
    if not len(attempts):
        return attempts
    start = attempts["started_at"].to_numpy(dtype=np.float64)
    end = np.maximum(start, attempts["ended_at"].fillna(attempts["heartbeat_at"]).to_numpy(dtype=np.float64))
    found = attempts.copy()
    host = attempts["host"].astype(str)
    places = {"cpu_joules": host, "gpu_joules": host + "\0" + attempts["device"].astype(str)}
    for source, place in places.items():
        shares = np.ones(len(attempts))
        for members in place.groupby(place).indices.values():
            shares[members] = _shares(start[members], end[members])
        found[source] = attempts[source].to_numpy(dtype=np.float64) * shares
    return found


def energy_use(shared: pd.DataFrame) -> EnergyUse:
    """Return the energy of some of the attempts that `with_shares` returned."""
    if not len(shared):
        return EnergyUse(cpu_kwh=float("nan"), gpu_kwh=float("nan"), cpu_share=0.0, gpu_share=0.0)
    on_gpu = shared[shared["device"].astype(str).str.startswith("cuda")]
    cpu, gpu = shared["cpu_joules"], on_gpu["gpu_joules"]
    return EnergyUse(
        cpu_kwh=float(cpu.sum(min_count=1)) / JOULES_PER_KWH,
        gpu_kwh=float(gpu.sum(min_count=1)) / JOULES_PER_KWH,
        cpu_share=_known(shared, cpu),
        gpu_share=_known(on_gpu, gpu),
    )


def mean_watts(rows: Sequence[AttemptRow], *, device: str) -> float | None:
    """Return the mean power of a device over some attempts: processors, and GPUs if it is one; None if unknown.

    Args:
        device: cpu or cuda; attempts on others are left out.
    """
    sources: tuple[Source, ...] = SOURCES if device == "cuda" else ("cpu_joules",)
    names = [field.name for field in fields(AttemptRow)]
    frame = pd.DataFrame([[getattr(row, name) for name in names] for row in rows], columns=names)
    shared = with_shares(frame.astype({**dict.fromkeys(SOURCES, float), "ended_at": float, "heartbeat_at": float}))
    mine = shared[shared["device"].astype(str).str.startswith(device)]
    known = mine[mine[list(sources)].notna().all(axis=1)]
    seconds = float(known["device_seconds"].sum())
    return float(known[list(sources)].sum().sum()) / seconds if seconds > 0 else None


def _known(attempts: pd.DataFrame, joules: pd.Series) -> float:
    """Return for what share of their device time the energy of attempts is known."""
    seconds = attempts["device_seconds"]
    total = float(seconds.sum())
    return float(seconds[joules.notna()].sum()) / total if total > 0 else 0.0


def _shares(start: Floats, end: Floats) -> Floats:
    """Return of each interval the mean over its time of one over the number of intervals at that time."""
    times = np.unique(np.concatenate([start, end]))
    if len(times) < 2:
        return np.ones(len(start))
    steps = np.zeros(len(times))
    np.add.at(steps, np.searchsorted(times, start), 1.0)
    np.add.at(steps, np.searchsorted(times, end), -1.0)
    running = np.cumsum(steps)[:-1]
    parts = np.diff(times) / np.maximum(running, 1.0)
    until = np.concatenate([[0.0], np.cumsum(parts)])
    own = until[np.searchsorted(times, end)] - until[np.searchsorted(times, start)]
    length = end - start
    return np.where(length > 0, own / np.where(length > 0, length, 1.0), 1.0)
