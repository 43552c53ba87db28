"""The lengths that a configuration was measured at, and the best of them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweeper.evidence.data.cells import Levels
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.formatting import OWN_LENGTH, budget, grouped
from sweeper.evidence.statistics.best_length import Choice

STRATUM: Final = "each at its best length"  # in place of a budget
# What compute is counted in: what says most of it first.
UNITS: Final = ("flops", "tokens", "steps", "epochs", "reference_hours")

ArmKey = tuple[str, tuple[str, ...]]  # the configuration's identity, and its blocks
Trials = tuple[tuple[int, str], ...]  # with their states


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """One length of a configuration.

    Attributes:
        budget: of the runs, as canonical JSON.
        step: of the evaluation; None for whole runs.
        cost: what it takes by unit; those of `UNITS` that are known.
    """

    budget: str
    step: int | None
    cost: Mapping[str, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Looks:
    """The evaluations of the runs of one budget.

    Attributes:
        shared: the steps that are lengths, in order; none where whole runs are.
        apart: by seed those that are none, in order; of seeds that have some.
        is_uneven: whether there is no common length, although runs were evaluated on the way.
    """

    shared: tuple[int, ...] = ()
    apart: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    is_uneven: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmLengths:
    """The lengths of one configuration, the cheapest first.

    Attributes:
        levels: of the configuration.
        seeds: those of which a run has completed.
        chosen_by: by seed and length the values by which lengths are chosen, on their scale; NaN where unknown.
        values: by seed and length the values that are compared, on their scale.
        trials: by seed and budget, with their states.
        choice: the best length.
        looks: by budget when its runs were evaluated; of the budgets that count.
        lost: by budget that does not count the runs that failed, were pruned or diverged: their seeds and trials.
        chooser, measure: what lengths are chosen by, and what is compared.
    """

    levels: Levels
    lengths: tuple[Length, ...]
    seeds: tuple[int, ...]
    chosen_by: NDArray[np.float64] = field(repr=False)
    values: NDArray[np.float64] = field(repr=False)
    trials: Mapping[tuple[int, str], Trials] = field(repr=False)
    choice: Choice
    looks: Mapping[str, Looks] = field(default_factory=dict, repr=False)
    lost: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict, repr=False)
    chooser: Measure = field(repr=False)
    measure: Measure = field(repr=False)

    @property
    def best(self) -> Length:
        """The best length."""
        return self.lengths[self.choice.place]

    @property
    def at_best(self) -> NDArray[np.float64]:
        """The values of the seeds that have the best length, on the scale."""
        found = self.values[:, self.choice.place]
        return found[np.isfinite(found)]

    @property
    def absent(self) -> tuple[int, ...]:
        """The seeds whose run of the best budget has completed, but has no value at the best length."""
        place, budget = self.choice.place, self.best.budget
        lacking = [seed for seed, row in zip(self.seeds, self.values, strict=True) if not math.isfinite(row[place])]
        runs = {seed: self.trials.get((seed, budget), ()) for seed in lacking}
        return tuple(seed for seed, trials in runs.items() if any(state == "completed" for _, state in trials))

    @property
    def unlinked(self) -> tuple[Length, ...]:
        """The lengths that no seeds link to the best one: what seeds make and what lengths make is then the same."""
        known = np.isfinite(self.values) & np.isfinite(self.chosen_by)
        linked = np.arange(len(self.lengths)) == self.choice.place
        while True:
            reached = known[known[:, linked].any(axis=1)].any(axis=0) | linked
            if (reached == linked).all():
                return tuple(each for each, found in zip(self.lengths, linked, strict=True) if not found)
            linked = reached

    @property
    def unshared(self) -> tuple[int, ...]:
        """The steps of evaluations that are no lengths, since too few seeds have them, in order."""
        counted = [looks for looks in self.looks.values() if not looks.is_uneven]
        return tuple(sorted({step for looks in counted for steps in looks.apart.values() for step in steps}))

    @property
    def uneven(self) -> Mapping[int, tuple[int, ...]]:
        """By seed the steps of evaluations, of the first budget whose runs have no common ones; none if all have."""
        return next((each.apart for each in self.looks.values() if each.is_uneven), {})

    @property
    def value(self) -> float:
        """The mean at the best length as measured, corrected by its optimism if that is known."""
        optimism = 0.0 if math.isnan(self.choice.optimism) else self.choice.optimism
        return self.measure.measured(float(self.at_best.mean()) + self.measure.sign * optimism)

    @property
    def others(self) -> tuple[Length, ...]:
        """The lengths that the other seeds choose without one of them, where that is another one; each once."""
        places = dict.fromkeys(place for place in self.choice.without if place not in (-1, self.choice.place))
        return tuple(self.lengths[place] for place in places)

    @property
    def edge(self) -> str:
        """Whether the best length is the ``longest`` or the ``shortest`` of several; else, or if unknown, empty."""
        if len(self.lengths) < 2 or self.choice.place not in (0, len(self.lengths) - 1):
            return ""
        if not shared_units(self.lengths):
            return ""
        return "shortest" if self.choice.place == 0 else "longest"


def shared_units(lengths: Iterable[Length]) -> list[str]:
    """Return the units in which the cost of all of some lengths is known, what says most first.

    A step 0 costs nothing in any unit.
    """
    costs = [length.cost for length in lengths if length.step != 0]
    return [unit for unit in UNITS if costs and all(unit in cost for cost in costs)]


def length_text(arm: ArmLengths, length: Length) -> str:
    """Return a length of a configuration, e.g. ``after step 400 of 5 epochs``, or ``after 5 epochs``."""
    text = budget(length.budget)
    if length.step is None:
        return f"at {text}" if text == OWN_LENGTH else f"after {text}"
    is_told = text != OWN_LENGTH and len({each.budget for each in arm.lengths}) > 1
    return f"after step {grouped(length.step)}" + (f" of {text}" if is_told else "")
