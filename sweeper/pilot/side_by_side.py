"""The speed of runs that share a GPU, relative to such runs alone, over the time for which all of them ran."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Final

import numpy as np

from sweeper.forecast.packing import Alone, Stage

OUT_OF_MEMORY: Final = "out_of_memory"
ENDED: Final = ("completed", "timeout", "diverged")  # exit reasons of runs whose reports until then count


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """One run of a pilot on a GPU.

    Attributes:
        kind: of trial.
        amount: its length, in the unit of its budget.
        card: the device that it ran on.
        reason: how it ended.
        message: what is known about that.
        began: when, in seconds.
        seconds: how long it ran.
        reports: steps by the time at which they were done, in seconds as `began`, increasing.
        memory_bytes: the most memory of the GPU that it reported; None if it reported none.
    """

    kind: str
    amount: float
    card: str
    reason: str
    message: str = ""
    began: float = 0.0
    seconds: float = 0.0
    reports: tuple[tuple[float, float], ...] = ()
    memory_bytes: int | None = None

    @property
    def has_steps(self) -> bool:
        """Whether it reported steps from which a speed can be taken."""
        return len(self.reports) > 1 and self.reports[-1][1] > self.reports[0][1]

    @property
    def steady_s(self) -> float:
        """The seconds over which its speed is known; those of the whole run if it has no steps."""
        return self.reports[-1][0] - self.reports[0][0] if self.has_steps else self.seconds

    @property
    def rate(self) -> float | None:
        """Steps per second, or units of its budget per second if it has no steps; None if neither is known."""
        if self.reason not in ENDED:
            return None
        if self.has_steps:
            return _rate(self.reports, self.reports[0][0], self.reports[-1][0])
        return self.amount / self.seconds if self.reason == "completed" and self.seconds > 0 else None


def alone(copies: Sequence[Copy], most: Mapping[str, float]) -> Alone:
    """Return how trials run alone; kinds of which no run can be measured are left out.

    Args:
        most: the longest budget of each kind of trial.
    """
    usable = {kind: [copy for copy in copies if copy.kind == kind and copy.rate is not None] for kind in most}
    usable = {kind: found for kind, found in usable.items() if found}
    whole = tuple(kind for kind, found in usable.items() if not all(copy.has_steps for copy in found))
    trials = [_trial_seconds(copy, most[kind]) for kind, found in usable.items() for copy in found]
    return Alone(
        rates={
            kind: fmean(copy.amount / copy.seconds if kind in whole else copy.rate or 0.0 for copy in found)
            for kind, found in usable.items()
            if kind not in whole or all(copy.reason == "completed" for copy in found)
        },
        whole=whole,
        amounts={kind: found[0].amount for kind, found in usable.items()},
        trial_seconds=fmean(known) if (known := [each for each in trials if each is not None]) else None,
    )


def lengthened(
    found: Alone, copies: Sequence[Copy], most: Mapping[str, float], target_s: float
) -> Mapping[str, float] | None:
    """Return lengths that are enough to measure, if some runs were too short and their trials are longer; else None."""
    amounts = dict(found.amounts)
    for kind, amount in found.amounts.items():
        steady = min(copy.steady_s for copy in copies if copy.kind == kind and copy.rate is not None)
        if steady < target_s / 2 and amount < most[kind]:
            amounts[kind] = min(most[kind], amount * target_s / max(steady, target_s / 1000))
    return None if amounts == found.amounts else amounts


def stage_of(number: int, copies: Sequence[Copy], alone: Alone, memory_bytes: int | None) -> Stage:
    """Return what runs showed of a number of trials per GPU.

    Args:
        copies: of one or several GPUs, `number` of each.
        memory_bytes: the most memory of a GPU that they used; None if unknown.
    """
    if any(copy.reason == OUT_OF_MEMORY for copy in copies):
        return Stage(number=number, outcome="out_of_memory", memory_bytes=memory_bytes, note="ran out of memory")
    failed = next((copy for copy in copies if copy.reason not in ENDED), None)
    if failed is not None:
        return Stage(number=number, outcome="failed", memory_bytes=memory_bytes, note=reason_of(failed))
    cards = {copy.card: [each for each in copies if each.card == copy.card] for copy in copies}
    found = [_throughput(own, alone) if len(own) == number else None for own in cards.values()]
    known = [each for each in found if each is not None]
    if not known:
        note = "its runs were not side by side for long enough"
        return Stage(number=number, outcome="unmeasured", memory_bytes=memory_bytes, note=note)
    return Stage(number=number, outcome="measured", throughput=fmean(known), memory_bytes=memory_bytes)


def reported_memory(copies: Sequence[Copy], number: int) -> int | None:
    """Return the most memory that the runs of a GPU reported together; None if one of them reported none."""
    if not copies or any(copy.memory_bytes is None for copy in copies):
        return None
    cards = {copy.card for copy in copies}
    largest = (
        sorted((copy.memory_bytes or 0 for copy in copies if copy.card == card), reverse=True)[:number]
        for card in cards
    )
    return max(map(sum, largest))


def reason_of(copy: Copy) -> str:
    """Return how a run ended in one line."""
    lines = copy.message.strip().splitlines()
    return f"a run ended as {copy.reason.replace('_', ' ')}{f': {lines[-1]}' if lines else ''}"


def _throughput(copies: Sequence[Copy], alone: Alone) -> float | None:
    """Return the sum of the relative speeds of a GPU's runs; None if they cannot be compared."""
    if any(copy.kind not in alone.rates for copy in copies):
        return None
    if any(copy.kind in alone.whole for copy in copies):
        if any(copy.reason != "completed" or copy.seconds <= 0 for copy in copies):
            return None
        return sum(copy.amount / copy.seconds / alone.rates[copy.kind] for copy in copies)
    if not all(copy.has_steps for copy in copies):
        return None
    begins = max(copy.reports[0][0] for copy in copies)
    ends = min(copy.reports[-1][0] for copy in copies)
    if ends - begins < max(copy.steady_s for copy in copies) / 4:
        return None
    return sum(_rate(copy.reports, begins, ends) / alone.rates[copy.kind] for copy in copies)


def _rate(reports: Sequence[tuple[float, float]], begins: float, ends: float) -> float:
    times, steps = zip(*reports, strict=True)
    first, last = np.interp([begins, ends], times, steps)
    return float(last - first) / (ends - begins)


def _trial_seconds(copy: Copy, most: float) -> float | None:
    """Return the seconds of a whole trial, judging by a run that got to its end; None if that is unknown."""
    if not np.isfinite(most) or copy.reason != "completed":
        return None
    seconds = copy.seconds
    if copy.has_steps:
        first, last = copy.reports[0][1], copy.reports[-1][1]
        seconds = copy.steady_s * last / (last - first)
    return seconds * most / copy.amount
