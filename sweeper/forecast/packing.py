"""How many trials of a study share a GPU: what a pilot measured with 1, 2 and 4 at once, and the choice from it.

The throughput of a GPU is the sum of its trials' speeds, each relative to the same kind of trial alone on such a GPU:
2 trials that run at 80% of their speed have a throughput of 1.6. The number with the highest throughput is chosen, if
its memory fits; a larger number has to gain `LEAST_GAIN` over a smaller one, since no two measurements are the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sweeper.quantities import byte_size, counted

NUMBERS: Final = (1, 2, 4)  # of trials per GPU
LEAST_GAIN: Final = 0.05
MARGIN: Final = 0.1  # of the free memory of a GPU, left for what the pilot did not run into

Outcome = Literal["measured", "out_of_memory", "does_not_fit", "failed", "unmeasured"]
Sharing = Literal["processes", "mps"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What a pilot measured with some number of trials per GPU.

    Attributes:
        throughput: of a GPU, relative to one trial at a time; None if it was not measured.
        memory_bytes: the most memory of a GPU that its trials used; None if unknown.
        note: why there is no throughput; empty if there is one.
    """

    number: int
    outcome: Outcome
    throughput: float | None = None
    memory_bytes: int | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alone:
    """How trials run alone on a GPU, by kind of trial (`forecast.footprint.cost_class`, hashed).

    Attributes:
        rates: steps per second; of kinds without steps, units of the budget per second.
        whole: the kinds without steps, whose rate is that of whole runs.
        amounts: how long the pilot's runs of each kind are, in the unit of the budget.
        trial_seconds: of a whole trial of the study, on average; None if unknown.
    """

    rates: Mapping[str, float] = field(default_factory=dict)
    whole: tuple[str, ...] = ()
    amounts: Mapping[str, float] = field(default_factory=dict)
    trial_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How many trials share a GPU of one kind.

    Attributes:
        card: the kind of GPU, e.g. NVIDIA H100 80GB HBM3.
        sharing: what the trials of a GPU share it by: plain processes, or MPS, which the user runs.
        workload: a hash of what the pilot ran; another workload needs another pilot.
        free_bytes: memory of a GPU that was free before the pilot; None if unknown.
        number: of trials per GPU; None until the pilot is complete.
        reason: why it is 1 although nothing was measured; empty otherwise.
        device_seconds: of the pilot.
    """

    card: str
    threads: int
    sharing: Sharing
    workload: str
    host: str
    free_bytes: int | None = None
    alone: Alone = field(default_factory=Alone)
    stages: tuple[Stage, ...] = ()
    number: int | None = None
    reason: str = ""
    device_seconds: float = 0.0
    measured_at: float = 0.0

    @property
    def throughput(self) -> float | None:
        """What a GPU does at the chosen number, relative to one trial at a time; None if that is unknown."""
        return next((stage.throughput for stage in self.stages if stage.number == self.number), None)

    @property
    def slowdown(self) -> float | None:
        """How many times as long a trial takes at the chosen number as alone; None if that is unknown."""
        return None if not self.throughput or self.number is None else self.number / self.throughput

    @property
    def text(self) -> str:
        """The choice and its measurements in one line."""
        if self.number is None:
            return f"{self.card}: a pilot that chooses the number of trials per GPU has not ended"
        return f"{self.card}: {counted(self.number, 'trial')} per GPU{self._by}{self._why}"

    @property
    def _by(self) -> str:
        return " (under MPS)" if self.sharing == "mps" and self.number != 1 else ""

    @property
    def _why(self) -> str:
        if self.reason or not self.stages:
            return f": {self.reason}" if self.reason else ""
        others = [_told(stage) for stage in self.stages if stage.number not in (1, self.number)]
        chosen = []
        if self.number != 1 and self.throughput is not None and self.slowdown is not None:
            chosen = [
                f"together they run {self.throughput:.2f} times as fast as one, and each takes {self.slowdown:.2f} "
                "times as long as on its own"
            ]
        return f", chosen by a pilot: {'; '.join([*chosen, *others])}" if chosen or others else ", chosen by a pilot"

    def row(self) -> dict[str, object]:
        """Return the choice as `--json` prints it."""
        return {
            "card": self.card,
            "trials_per_gpu": self.number,
            "sharing": self.sharing,
            "throughput": self.throughput,
            "slowdown": self.slowdown,
            "reason": self.reason or None,
            "measured": [
                {
                    "trials_per_gpu": stage.number,
                    "outcome": stage.outcome,
                    "throughput": stage.throughput,
                    "memory_bytes": stage.memory_bytes,
                }
                for stage in self.stages
            ],
        }


def next_number(stages: Sequence[Stage], *, most: int) -> int | None:
    """Return how many trials per GPU to measure next; None if what is known is enough.

    A larger number is measured only if the last one gained something.
    """
    if not stages:
        return 1
    last = stages[-1]
    if last.outcome != "measured" or best_number(stages) != last.number:
        return None
    return next((number for number in NUMBERS if last.number < number <= most), None)


def best_number(stages: Sequence[Stage], *, most: int = max(NUMBERS)) -> int:
    """Return the number of trials per GPU with the highest throughput, among those that are possible."""
    best, throughput = 1, 1.0
    for stage in stages:
        if stage.throughput is not None and stage.number <= most and stage.throughput > throughput * (1 + LEAST_GAIN):
            best, throughput = stage.number, stage.throughput
    return best


def unfit(number: int, stages: Sequence[Stage], free_bytes: int | None) -> Stage | None:
    """Return the stage of a number whose trials would not fit into a GPU, judging by one alone; None if they may."""
    memory = next((stage.memory_bytes for stage in stages if stage.number == 1), None)
    if memory is None or free_bytes is None or number * memory <= (1 - MARGIN) * free_bytes:
        return None
    note = f"would need {byte_size(number * memory)}, and {byte_size(free_bytes)} are free"
    return Stage(number=number, outcome="does_not_fit", memory_bytes=number * memory, note=note)


def checked(stage: Stage, free_bytes: int | None) -> Stage:
    """Return a measured stage without its throughput if it left too little memory free."""
    if stage.number == 1 or stage.memory_bytes is None or free_bytes is None or stage.outcome != "measured":
        return stage
    if stage.memory_bytes <= (1 - MARGIN) * free_bytes:
        return stage
    note = f"took {byte_size(stage.memory_bytes)} of {byte_size(free_bytes)} that were free"
    return Stage(number=stage.number, outcome="does_not_fit", memory_bytes=stage.memory_bytes, note=note)


def _told(stage: Stage) -> str:
    match stage.outcome:
        case "measured":
            return f"{stage.number} run {stage.throughput or 0.0:.2f} times as fast as one"
        case "out_of_memory":
            return f"{stage.number} run out of memory"
        case "does_not_fit":
            return f"{stage.number} do not fit into memory ({stage.note})"
        case "failed" | "unmeasured":
            return f"{stage.number} could not be measured ({stage.note})"
