"""Plain frozen values that pass between the queue and its users."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final, Literal, get_args

from sweeper.spec.metric import Direction
from sweeper.spec.study import Retry

TrialState = Literal["waiting", "running", "completed", "pruned", "failed"]
ExitReason = Literal[
    "completed",
    "pruned",
    "crashed",
    "killed",
    "out_of_memory",
    "diverged",
    "timeout",
    "preempted",
    "budget_exhausted",
    "cancelled",
]

TRIAL_STATES: Final[tuple[TrialState, ...]] = get_args(TrialState)
RETRIED: Final = tuple(field.name for field in fields(Retry))  # within the study's limits
RETURNED: Final = ("preempted", "budget_exhausted")  # not the trial's fault: it always returns to the queue
LONGEST_BACK_OFF_S: Final = 30.0  # before a trial runs again that crashed or ran out of memory
LEASE_S: Final = 60.0  # a slot that is silent for longer loses its trial
BEGUN: Final = -1  # the rank of trials that have begun and wait to be resumed
HELD: Final = 2**31 - 1  # the rank of trials that wait until all claims of their study have stopped
LOST_LIMIT: Final = 20  # attempts in a row that may lose their supervisor before a new step, or the trial is the cause


class LeaseLost(Exception):  # noqa: N818 - a fact about the lease rather than an error of the program
    """Another attempt has the trial: kill the process and write nothing."""


class BudgetTooSmall(Exception):  # noqa: N818 - a fact about the study rather than an error of the program
    """The budget does not allow the next trial; nothing was claimed.

    Attributes:
        others_running: other trials run; if one costs less than predicted, the next may fit after all.
    """

    def __init__(self, message: str, *, others_running: bool) -> None:
        super().__init__(message)
        self.others_running = others_running


@dataclass(frozen=True, slots=True, kw_only=True)
class PastAttempt:
    """An earlier attempt of a trial: where its files are, and which process may still write to them.

    Attributes:
        token: of its claim; None in rows of earlier versions.
        machine: whose process ids these are (`sweeper.execution.slots.machine`); None if unknown.
        pid: of its process, leader of its process group; None if it never had one, or nobody recorded it.
        is_lost: its lease expired, or its supervisor died.
    """

    attempt_id: int
    token: str | None
    run_dir: Path
    machine: str | None
    pid: int | None
    pid_started_at: float | None
    device_share: float
    is_lost: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotIdentity:
    """The slot that claims a trial: where it is and which process supervises it."""

    host: str  # its name, for people: two containers may share it
    machine: str  # whose process ids these are (`sweeper.execution.slots.machine`)
    slot: str
    device: str  # "cpu", "cuda:0"
    device_share: float  # above 0; above 1 for a slot of several devices
    supervisor_pid: int
    supervisor_started_at: float  # of the process, seconds since boot: with the pid, its identity on the machine


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """A trial that a slot holds until its lease expires, and the attempt opened for it."""

    trial_id: int
    attempt_id: int
    study_id: int
    study: str
    metric: str
    direction: Direction
    phase_id: int
    phase: str
    number: int
    fence: int
    attempt: int  # from 1
    configuration: Mapping[str, object] | None  # None for a sampler's trial, to be drawn now
    config: Mapping[str, object] | None
    configuration_hash: str | None
    seed: int
    budget: Mapping[str, object]
    run_dir: Path
    optuna_trial_id: int
    study_revision: int = 0  # of the study when the trial was claimed
    store_uid: str = ""  # tells the store from every other, but not from copies of its database
    token: str = ""  # of the claim; no other attempt has it, in no copy of the store either
    past: tuple[PastAttempt, ...] = ()  # the trial's earlier attempts, newest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """What the counters of a machine showed over an attempt, whatever else ran there; None if they cannot be read.

    Attributes:
        cpu_joules: of all its processors.
        gpu_joules: of the whole GPUs that the attempt used, or used a share of.
    """

    cpu_joules: float | None = None
    gpu_joules: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an attempt ended."""

    exit_reason: ExitReason
    exit_code: int | None = None
    exit_signal: int | None = None
    message: str | None = None
    value: float | None = None  # the value of the study's metric; a completed trial has one
    result: Mapping[str, object] | None = None  # the program's result.json
    device_seconds: float = 0.0
    peak_memory_bytes: int | None = None
    wait_s: float = 0.0  # before a trial that was preempted can be claimed again
    energy: Energy = Energy()
    is_final: bool = False  # it fails whatever retries are left: another attempt would not help


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One value of one metric at one step; the coordinates are cumulative over the trial."""

    metric: str
    step: int
    value: float  # may be NaN
    tokens: int | None = None
    device_seconds: float | None = None
    flops: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningAttempt:
    """An attempt that runs according to the store, and the processes that should exist."""

    attempt_id: int
    trial_id: int
    phase: str
    number: int
    slot: str
    supervisor_pid: int
    supervisor_started_at: float
    pid: int | None
    pid_started_at: float | None
    run_dir: Path
    device_share: float


def storable(text: str) -> str:
    """Return text that every database accepts: without null bytes and unpaired surrogates."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def run_dir_of(directory: Path, phase: str, number: int) -> Path:
    """Return a trial's run directory within its study's directory."""
    return directory / phase / f"{number:05d}"


def plain(value: object) -> object:
    """Return a value as plain JSON with storable text; NaN and infinities, which JSON lacks, become null."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {storable(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value
