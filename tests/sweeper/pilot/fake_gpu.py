"""A fake GPU, whose trials slow each other down, use its memory and fail exactly as a test says."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from sweeper.execution.slots.cards import Card
from sweeper.execution.slots.resources import Slot
from sweeper.pilot.choice import PilotTrial
from sweeper.pilot.copies import Played
from sweeper.pilot.side_by_side import Copy
from sweeper.spec.study import Study

GB = 10**9
STEP_S = 0.5  # of a trial alone
STAGGER_S = 0.25  # between the starts of trials

How = Callable[[int, PilotTrial], str]  # how a trial ends, by the number of trials per GPU


@dataclass
class FakeGpu:
    """Some GPUs of one kind.

    Attributes:
        slow: by number of trials per GPU, the factor by which each step takes longer than alone.
        memory: bytes of a trial; None if programs report none.
        grows: returns the bytes that a number of trials take up as the driver shows it; None if it shows no change.
        used: bytes that other programs use; None if the driver says nothing.
        reports: whether trials report steps; else only their end.
        stops_at: the number of trials per GPU at which the launch is interrupted, by the user or a signal.
        breaks: the number at which the pilot itself fails, and how.
        played: the numbers of trials per GPU that ran, one by one.
    """

    slow: Mapping[int, float]
    kind: str = "H100"
    total: int | None = 80 * GB
    used: int | None = GB
    memory: int | None = 2 * GB
    grows: Callable[[int], int] | None = None
    reports: bool = True
    ends: How = field(default=lambda number, trial: "completed")
    stops_at: int | None = None
    killed_at: int | None = None
    breaks: tuple[int, Exception] | None = None
    played: list[int] = field(default_factory=list)
    lengths: list[float] = field(default_factory=list)
    _runs: int = 0  # trials per GPU now
    _seen: Event = field(default_factory=Event)

    def read(self, gpus: Sequence[str]) -> dict[str, Card]:
        """Read the cards as the driver shows them."""
        used = self.used
        if self._runs and self.grows is not None and used is not None:
            used += self.grows(self._runs)
            self._seen.set()
        return dict.fromkeys(gpus, Card(self.kind, self.total, used))

    def run(
        self,
        study: Study,
        kinds: Sequence[tuple[str, PilotTrial]],
        slots: tuple[Slot, ...],
        directory: Path,
        on_tick: Callable[[str], None],
    ) -> Played | None:
        """Run trials without running anything."""
        assert directory.is_dir()
        (number,) = set(Counter(slot.device for slot in slots).values())
        self.played.append(number)
        if number == self.killed_at:
            raise KeyboardInterrupt
        if self.breaks is not None and number == self.breaks[0]:
            raise self.breaks[1]
        if number == self.stops_at:
            return None
        copies = [
            self._copy(kind, trial, slots[place % len(slots)], number, place)
            for place, (kind, trial) in enumerate(kinds)
        ]
        if self.grows is not None:
            self._seen.clear()
            self._runs = number
            assert self._seen.wait(60)
            self._runs = 0
        self.lengths.append(max(copy.amount for copy in copies))
        spent = sum(copy.seconds for copy in copies) / number
        return Played(copies=tuple(copies), runs=(), device_seconds=spent)

    def _copy(self, kind: str, trial: PilotTrial, slot: Slot, number: int, place: int) -> Copy:
        reason = self.ends(number, trial)
        step_s, began = STEP_S * self.slow[number], 1000.0 + STAGGER_S * place
        seconds = trial.amount * step_s
        reports = [(began + step * step_s, step) for step in (trial.amount * k / 20 for k in range(1, 21))]
        return Copy(
            kind=kind,
            amount=trial.amount,
            card=slot.device,
            reason=reason,
            message=f"trial of {number}\nwhat it said last",
            began=began,
            seconds=seconds,
            reports=tuple(reports) if self.reports and reason == "completed" else (),
            memory_bytes=self.memory,
        )
