"""The schedule of a plan on N slots, simulated with predicted run times: when it ends, and why slots are idle."""

import heapq
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from sweeper.designs.kinds import PromoteDesign
from sweeper.errors import UsageError
from sweeper.planning.plan import Plan, Reference
from sweeper.planning.queue_order import length_class
from sweeper.quantities import counted

Order = Literal["queue", "longest_first"]
NO_TRIAL: Final = "no trial is left to start"


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a slot is idle, in seconds from the start."""

    start: float
    end: float
    reason: str

    @property
    def seconds(self) -> float:
        """The length of the gap."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class SlotTimes:
    """The use of one slot until the study ends."""

    busy_s: float
    trials: int
    gaps: tuple[Gap, ...]

    @property
    def idle_s(self) -> float:
        """Seconds without a trial."""
        return sum(gap.seconds for gap in self.gaps)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A simulated schedule.

    Attributes:
        phase_ends_s: when the last trial of each phase ends.
    """

    order: Order
    finish_s: float
    slots: tuple[SlotTimes, ...]
    phase_ends_s: Mapping[str, float]

    @property
    def idle_s(self) -> float:
        """Seconds without a trial, summed over the slots."""
        return sum(slot.idle_s for slot in self.slots)

    @property
    def idle_share(self) -> float:
        """The share of the slots' time that is idle."""
        return self.idle_s / (self.finish_s * len(self.slots)) if self.finish_s > 0 else 0.0


def schedule(plan: Plan, seconds: Mapping[Reference, float], slots: int, *, order: Order = "queue") -> Schedule:
    """Simulate the schedule of a plan.

    A promotion waits for the phase from which it takes its configurations. Otherwise a free slot takes the next trial:
    with ``queue``, as the store's queue does, from the phase with the longest trials, in their planned order; with
    ``longest_first``, the longest of all trials that may start.

    Args:
        seconds: how long each trial occupies its slot.

    Raises:
        UsageError: the run time of a trial is unknown, or there is no slot.
    """
    if slots < 1:
        raise UsageError(f"--slots: {counted(slots, 'slot')} cannot run anything. Use at least 1.")
    unknown = [trial for trial in plan.trials if (trial.phase, trial.number) not in seconds]
    if unknown:
        raise UsageError(
            f"{len(unknown)} of {len(plan.trials)} trials have no predicted run time, the first in phase "
            f"{unknown[0].phase!r}: no trial of this program has completed. Give one: --trial-seconds 60, "
            "or measure it with a pilot: sweeper plan STUDY.yaml --pilot"
        )
    return _Simulation(plan, seconds, slots, order).run()


def schedules_json(plan: Plan, device_hours: float, schedules: Sequence[Schedule]) -> dict[str, object]:
    """Return what `sweeper simulate --json` prints; the totals are those of the first schedule."""
    first = schedules[0]
    return {
        "study": plan.study,
        "trials": len(plan.trials),
        "slots": len(first.slots),
        "device_hours": device_hours,
        "finish_seconds": first.finish_s,
        "idle_seconds": first.idle_s,
        "idle_share": first.idle_share,
        "schedules": [_schedule_json(each) for each in schedules],
    }


def _schedule_json(found: Schedule) -> dict[str, object]:
    return {
        "order": found.order,
        "finish_seconds": found.finish_s,
        "idle_seconds": found.idle_s,
        "idle_share": found.idle_share,
        "phases": [{"name": name, "end_seconds": end} for name, end in found.phase_ends_s.items()],
        "slots": [_slot_json(slot) for slot in found.slots],
    }


def _slot_json(slot: SlotTimes) -> dict[str, object]:
    return {
        "trials": slot.trials,
        "busy_seconds": slot.busy_s,
        "idle_seconds": slot.idle_s,
        "idle": [{"start": gap.start, "end": gap.end, "reason": gap.reason} for gap in slot.gaps],
    }


class _Simulation:
    """The state of a simulation: which trials are ready or running, and which slots are free.

    Phases are known by their index in the plan.
    """

    def __init__(self, plan: Plan, seconds: Mapping[Reference, float], num_slots: int, order: Order) -> None:
        self.phases = plan.phases
        self.seconds = seconds
        self.order: Order = order
        self.now = 0.0
        self.ready: list[tuple[float, int, int]] = []  # a heap of rank, phase and trial number
        self.running: list[tuple[float, int, Reference]] = []  # a heap of end, slot and trial
        self.free = [(0.0, slot) for slot in range(num_slots)]  # a heap of free since, slot
        self.busy = [0.0] * num_slots
        self.trials = [0] * num_slots
        self.gaps: list[list[Gap]] = [[] for _ in range(num_slots)]
        self.left = Counter({phase.name: len(phase.members) for phase in plan.phases})
        self.ends = {phase.name: 0.0 for phase in plan.phases}
        self.members_of: dict[Reference, list[str]] = {}
        for phase in plan.phases:
            for member in phase.members:
                self.members_of.setdefault(member, []).append(phase.name)

    def run(self) -> Schedule:
        held = list(range(len(self.phases)))
        reason = ""
        while True:
            opened = [index for index in held if self._is_open(index)]
            held = [index for index in held if index not in opened]
            for index in opened:
                self._make_ready(index)
                reason = self._waited_for(index)
            self._start(reason)
            if not self.running:
                break
            self._end_next()
        for since, slot in self.free:
            if self.now > since:
                self.gaps[slot].append(Gap(since, self.now, NO_TRIAL))
        times = tuple(SlotTimes(*each) for each in zip(self.busy, self.trials, map(tuple, self.gaps), strict=True))
        return Schedule(self.order, self.now, times, self.ends)

    def _is_open(self, index: int) -> bool:
        design = self.phases[index].phase.design
        return not isinstance(design, PromoteDesign) or self.left[design.phase] == 0

    def _make_ready(self, index: int) -> None:
        lengths = {trial.number: self.seconds[trial.phase, trial.number] for trial in self.phases[index].trials}
        rank = -length_class(max(lengths.values(), default=None))
        for number, length in lengths.items():
            heapq.heappush(self.ready, (rank if self.order == "queue" else -length, index, number))

    def _start(self, reason: str) -> None:
        while self.ready and self.free:
            since, slot = heapq.heappop(self.free)
            if self.now > since:
                self.gaps[slot].append(Gap(since, self.now, reason))
            _, index, number = heapq.heappop(self.ready)
            trial = (self.phases[index].name, number)
            self.busy[slot] += self.seconds[trial]
            self.trials[slot] += 1
            heapq.heappush(self.running, (self.now + self.seconds[trial], slot, trial))

    def _end_next(self) -> None:
        self.now, slot, trial = heapq.heappop(self.running)
        heapq.heappush(self.free, (self.now, slot))
        for name in self.members_of[trial]:
            self.left[name] -= 1
            self.ends[name] = self.now

    def _waited_for(self, index: int) -> str:
        phase = self.phases[index].phase
        design = phase.design
        return f"phase {phase.name} waits for phase {design.phase} to end" if isinstance(design, PromoteDesign) else ""
