"""How far a study is: counts by phase, device-hours spent, and when it ends; and `sweeper status --json`."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sweeper.forecast.packing import Packing
from sweeper.monitor.claims import ClaimStatus
from sweeper.spec.price import Price
from sweeper.store.records import TRIAL_STATES, TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseStatus:
    """The counts of one phase; a trial counts in the first phase that has it."""

    name: str
    counts: Mapping[TrialState, int]  # of all states

    @property
    def planned(self) -> int:
        """All its trials, whatever their state."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTrial:
    """A trial that runs now, as far as the store knows."""

    phase: str
    number: int
    attempt: int
    slot: str
    elapsed_s: float  # of this attempt
    fraction: float | None  # of its budget that is done; None if unknown
    value: float | None  # of the study's metric, by its curve so far
    expected_s: float | None  # from start to end, as trials of its kind took
    left_s: float | None = None  # time that it still needs; below 0 if it is overdue
    curve: Sequence[float] = ()  # the study's metric so far, by step; may have NaN


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """A study at one moment."""

    study: str
    metric: str
    phases: Sequence[PhaseStatus]
    running: Sequence[RunningTrial]
    device_hours: float  # of all attempts, running ones included
    device_hours_cap: float | None
    best: float | None  # the best value of a completed trial; None too in strata, of which the easiest would win
    slots: int  # of launchers and workers alive
    eta_seconds: float | None
    ledger: Mapping[str, float] = field(default_factory=dict)  # device-hours by exit reason
    is_log: bool = False  # whether the metric is compared by ratios
    point: str = "best"  # of a curve, that is a trial's value
    claims: Sequence[ClaimStatus] = ()  # of a study that adds seeds until they are decided; else none
    open_round: int | None = None  # of seeds, from 0, -1 before the first; None if no seeds are to be added
    budget_ended: bool = False  # as a slot has found, and no trial has been claimed since
    price: Price | None = None  # of a device-hour, if the study names one
    packings: Sequence[Packing] = ()  # how many trials share a GPU, as pilots chose
    claims_are_old: bool = False  # the file was edited after the claims' last look; they have to be worked out

    def total(self, state: TrialState) -> int:
        """Return how many trials of the study are in a state."""
        return sum(phase.counts[state] for phase in self.phases)

    @property
    def planned(self) -> int:
        """All trials of the study."""
        return sum(phase.planned for phase in self.phases)

    @property
    def round(self) -> int | None:
        """The round of seeds that runs, from 1; None before it is decided, and once no seeds are to be added."""
        return None if self.open_round is None or self.open_round < 0 else self.open_round + 1

    @property
    def is_over(self) -> bool:
        """Whether all trials have ended and no further ones are to be added."""
        return self.ended == self.planned and self.open_round is None

    @property
    def late_s(self) -> float:
        """How much longer than expected the most overdue running trial has taken; 0 if none is overdue."""
        return max([0.0, *(-trial.left_s for trial in self.running if trial.left_s is not None)])

    @property
    def ended(self) -> int:
        """Trials that are completed, pruned or failed for good."""
        return self.planned - self.total("waiting") - self.total("running")


def status_json(status: Status) -> dict[str, object]:
    """Return the JSON of `sweeper status STUDY --json`; only studies that add seeds have a round and claims in it."""
    phases = [{"name": phase.name, "planned": phase.planned, **dict(phase.counts)} for phase in status.phases]
    return {
        "study": status.study,
        "phases": phases,
        "planned": status.planned,
        **{state: status.total(state) for state in TRIAL_STATES},
        "device_hours": status.device_hours,
        "eta_seconds": status.eta_seconds,
        **({"packing": [packing.row() for packing in status.packings]} if status.packings else {}),
        **({} if status.price is None else {"cost": status.price.row(status.device_hours)}),
        **({"round": status.round, "claims": [claim.row() for claim in status.claims]} if status.claims else {}),
    }


def finish_in_s(running_left_s: Sequence[float], waiting_s: Sequence[float], slots: int) -> float:
    """Return when the last trial ends, in seconds from now, if each free slot takes the next waiting trial.

    Args:
        running_left_s: seconds that each running trial still needs; it keeps its slot. Negative values count as 0.
        waiting_s: seconds that each waiting trial takes, in the order of the queue.
        slots: number of trials that run in parallel; at least as many as run now.
    """
    free_at = [max(0.0, left) for left in running_left_s]
    free_at += [0.0] * (max(1, slots) - len(free_at))
    heapq.heapify(free_at)
    for seconds in waiting_s:
        heapq.heappush(free_at, heapq.heappop(free_at) + seconds)
    return max(free_at)
