"""The lengths that a configuration was measured at, and the best of them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from sweeper.evidence.data.cells import Levels
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.formatting import grouped
from sweeper.evidence.statistics.best_length import Choice

STRATUM: Final = "each at its best length"  # in place of a budget

ArmKey = tuple[str, tuple[str, ...]]  # the configuration's identity, and its blocks
Trials = tuple[tuple[int, str], ...]  # with their states


@dataclass(frozen=True, slots=True, kw_only=True)
class Length:
    """One length of a configuration.

    Attributes:
        budget: of the runs, as canonical JSON.
        step: of the evaluation; None for whole runs.
        cost: what it takes by unit: steps, tokens, flops; those that are known.
    """

    budget: str
    step: int | None
    cost: Mapping[str, float]


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
        chooser, measure: what lengths are chosen by, and what is compared.
    """

    levels: Levels
    lengths: tuple[Length, ...]
    seeds: tuple[int, ...]
    chosen_by: NDArray[np.float64] = field(repr=False)
    values: NDArray[np.float64] = field(repr=False)
    trials: Mapping[tuple[int, str], Trials] = field(repr=False)
    choice: Choice
    chooser: Measure = field(repr=False)
    measure: Measure = field(repr=False)

    @property
    def best(self) -> Length:
        """The best length."""
        return self.lengths[self.choice.place]

    @property
    def others(self) -> tuple[Length, ...]:
        """The lengths that the other seeds choose without one of them, where that is another one; each once."""
        places = dict.fromkeys(place for place in self.choice.without if place not in (-1, self.choice.place))
        return tuple(self.lengths[place] for place in places)

    @property
    def edge(self) -> str:
        """Whether the best length is the ``longest`` or the ``shortest`` of several; else empty."""
        if len(self.lengths) < 2 or self.choice.place not in (0, len(self.lengths) - 1):
            return ""
        return "shortest" if self.choice.place == 0 else "longest"


def length_text(arm: ArmLengths, length: Length) -> str:
    """Return a length of a configuration, e.g. ``after step 400 of 5 epochs``, or ``after 5 epochs``."""
    budget = budget_text(length.budget)
    if length.step is None:
        return f"after {budget}" if budget else "at its own length"
    budgets = {each.budget for each in arm.lengths}
    return f"after step {grouped(length.step)}" + (f" of {budget}" if budget and len(budgets) > 1 else "")


def budget_text(budget: str) -> str:
    """Return a budget as text, e.g. ``2.5 epochs``; empty for runs that end by themselves."""
    try:
        document = json.loads(budget)
    except ValueError:
        return ""
    if not isinstance(document, dict) or "runs" in document:
        return ""
    parts = (f"{_amount(value)} {str(unit).replace('_', ' ')}" for unit, value in document.items())
    return ", ".join(parts)


def _amount(value: float) -> str:
    return grouped(int(value)) if float(value).is_integer() else f"{value:g}"
