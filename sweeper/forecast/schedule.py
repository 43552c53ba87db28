"""The schedule of a plan on some slots, played with predicted durations: when it ends, and which slots idle why."""

import heapq
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sweeper.designs.kinds import PromoteDesign
from sweeper.errors import UsageError
from sweeper.planning.plan import Plan, Reference
from sweeper.planning.queue_order import length_class

Order = Literal["queue", "longest_first"]


@dataclass(frozen=True, slots=True)
class Gap:
    """A time in which a slot has nothing to do, in seconds from the start."""

    start: float
    end: float
    reason: str

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class SlotTimes:
    """What a slot does until the study ends."""

    busy_s: float
    trials: int
    gaps: tuple[Gap, ...]

    @property
    def idle_s(self) -> float:
        """Seconds without a trial."""
        return sum(gap.seconds for gap in self.gaps)


@dataclass(frozen=True, slots=True)
class Schedule:
    """A play of the plan.

    Attributes:
        phase_ends_s: when the last trial of each phase ends.
    """

    order: Order
    finish_s: float
    slots: tuple[SlotTimes, ...]
    phase_ends_s: Mapping[str, float]

    @property
    def idle_s(self) -> float:
        """Seconds without a trial, of all slots together."""
        return sum(slot.idle_s for slot in self.slots)

    @property
    def idle_share(self) -> float:
        """The idle part of what the slots could have done."""
        return self.idle_s / (self.finish_s * len(self.slots)) if self.finish_s > 0 else 0.0


def simulate(plan: Plan, seconds: Mapping[Reference, float], slots: int, *, order: Order = "queue") -> Schedule:
    """Play a plan.

    A promotion waits for the phase that it takes its configurations from. Otherwise a free slot takes the next trial:
    by ``queue`` as the store's queue does, of the phase with the longest trials in their planned order; by
    ``longest_first`` the longest of all that may start.

    Args:
        seconds: how long each trial holds its slot.

    Raises:
        UsageError: a trial's duration is unknown, or there is no slot.
    """
    if slots < 1:
        raise UsageError(f"--slots: {slots} slots run nothing. Give at least 1")
    unknown = [trial for trial in plan.trials if (trial.phase, trial.number) not in seconds]
    if unknown:
        raise UsageError(
            f"{len(unknown)} of {len(plan.trials)} trials have no predicted duration, the first in phase "
            f"{unknown[0].phase!r}: the program has not run yet. Give one: --trial-seconds 60, or let a "
            "pilot measure it: sweeper plan STUDY.yaml --pilot"
        )
    return _Play(plan, seconds, slots, order).run()


class _Play:
    """The state of a play: what is ready, what runs, which slots are free."""

    def __init__(self, plan: Plan, seconds: Mapping[Reference, float], num_slots: int, order: Order) -> None:
        self.phases = plan.phases
        self.seconds = seconds
        self.order: Order = order
        self.now = 0.0
        self.ready: list[tuple[float, int, int]] = []  # a heap: rank, phase's place, trial's number
        self.running: list[tuple[float, int, Reference]] = []  # a heap: end, slot, trial
        self.free = [(0.0, slot) for slot in range(num_slots)]  # since when; a heap: the slot longest free starts
        self.busy = [0.0] * num_slots
        self.trials = [0] * num_slots
        self.gaps: list[list[Gap]] = [[] for _ in range(num_slots)]
        self.left = Counter({phase.name: len(phase.members) for phase in plan.phases})
        self.ends = {phase.name: 0.0 for phase in plan.phases}
        self.wanted_by: dict[Reference, list[str]] = {}
        for phase in plan.phases:
            for member in phase.members:
                self.wanted_by.setdefault(member, []).append(phase.name)

    def run(self) -> Schedule:
        held = list(range(len(self.phases)))
        reason = ""
        while True:
            opened = [place for place in held if self._is_open(place)]
            held = [place for place in held if place not in opened]
            for place in opened:
                self._let_start(place)
                reason = self._why(place)
            self._start(reason)
            if not self.running:
                break
            self._end_next()
        for since, slot in self.free:
            if self.now > since:
                self.gaps[slot].append(Gap(since, self.now, "no trial is left to start"))
        times = tuple(SlotTimes(*each) for each in zip(self.busy, self.trials, map(tuple, self.gaps), strict=True))
        return Schedule(self.order, self.now, times, self.ends)

    def _is_open(self, place: int) -> bool:
        phase = self.phases[place]
        design = phase.phase.design
        return not isinstance(design, PromoteDesign) or self.left[design.phase] == 0

    def _let_start(self, place: int) -> None:
        lengths = {trial.number: self.seconds[trial.phase, trial.number] for trial in self.phases[place].trials}
        rank = -length_class(max(lengths.values(), default=None))
        for number, length in lengths.items():
            heapq.heappush(self.ready, (rank if self.order == "queue" else -length, place, number))

    def _start(self, reason: str) -> None:
        while self.ready and self.free:
            since, slot = heapq.heappop(self.free)
            if self.now > since:
                self.gaps[slot].append(Gap(since, self.now, reason))
            _, place, number = heapq.heappop(self.ready)
            trial = (self.phases[place].name, number)
            self.busy[slot] += self.seconds[trial]
            self.trials[slot] += 1
            heapq.heappush(self.running, (self.now + self.seconds[trial], slot, trial))

    def _end_next(self) -> None:
        self.now, slot, trial = heapq.heappop(self.running)
        heapq.heappush(self.free, (self.now, slot))
        for name in self.wanted_by[trial]:
            self.left[name] -= 1
            self.ends[name] = self.now

    def _why(self, place: int) -> str:
        phase = self.phases[place]
        design = phase.phase.design
        if not isinstance(design, PromoteDesign):
            return ""
        return f"phase {phase.name} waits for the end of phase {design.phase}"
