"""The frozen records that the reader returns, one per row. Times are seconds since the epoch, UTC."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sweeper.spec.json_form import from_json
from sweeper.spec.metric import Direction
from sweeper.spec.study import Study
from sweeper.store.reading.read_connection import Row
from sweeper.store.records import ExitReason, TrialState


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under named columns."""

    columns: tuple[str, ...]
    rows: Sequence[Row]

    def column(self, name: str) -> list[Any]:
        """Return a column as a list."""
        index = self.columns.index(name)
        return [row[index] for row in self.rows]


@dataclass(frozen=True, kw_only=True)  # no slots: the study is read from its document once
class StudyRow:
    """A study as launched.

    Attributes:
        source: the study file, byte for byte.
        spec: the study's JSON document.
        budget_device_hours: the cap on the whole study; None for no cap.
    """

    id: int
    name: str
    source: str
    source_path: str
    spec: Mapping[str, Any]
    metric: str
    direction: Direction
    budget_device_hours: float | None
    runs_dir: str
    created_at: float
    cancelled_at: float | None

    @cached_property
    def study(self) -> Study:
        """The study of the document."""
        return from_json(self.spec, source=self.source, path=Path(self.source_path))


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseRow:
    """A phase, in the study's order."""

    id: int
    position: int
    name: str
    design: str
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialRow:
    """A trial, with the total cost of its attempts."""

    id: int
    phase: str  # the first that has it
    number: int
    state: TrialState
    configuration: Mapping[str, object] | None  # {factor: level}; None until drawn or promoted
    config: Mapping[str, object] | None
    configuration_hash: str | None
    seed: int
    budget: Mapping[str, float]
    predicted_device_seconds: float | None
    attempts: int
    exit_reason: ExitReason | None
    message: str | None
    value: float | None
    step: int | None
    tokens: int | None
    flops: float | None
    result: Mapping[str, object] | None
    started_at: float | None
    ended_at: float | None
    device_seconds: float
    elapsed_s: float  # wall clock, the sum of its attempts
    peak_memory_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttemptRow:
    """One process run of a trial."""

    id: int
    trial_id: int
    phase: str
    number: int  # of the trial
    attempt: int  # from 1
    host: str
    slot: str
    device: str
    device_share: float
    pid: int | None
    environment_sha256: str | None
    started_at: float
    heartbeat_at: float
    ended_at: float | None
    device_seconds: float
    peak_memory_bytes: int | None
    exit_reason: ExitReason | None
    exit_code: int | None
    exit_signal: int | None
    supervisor_lost: bool
    message: str | None
    cpu_joules: float | None = None  # of all processors of its machine
    gpu_joules: float | None = None  # of the GPUs that it used, or used a share of


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationRow:
    """How long a trial took so far, wall clock over its attempts, and was predicted to take."""

    trial_id: int
    phase: str
    state: TrialState
    predicted_s: float | None
    elapsed_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerRow:
    """A launcher or worker, past or present."""

    id: int
    host: str
    pid: int
    slots: int
    started_at: float
    heartbeat_at: float
    stop_requested: bool
    ended_at: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One metric of one trial over its run, by step; lists of equal length, NaN for unknown values."""

    steps: list[int]
    tokens: list[float]
    device_seconds: list[float]
    flops: list[float]
    values: list[float]
