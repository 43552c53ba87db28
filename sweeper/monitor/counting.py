"""What the reported steps count, and which share of a trial's budget is done.

The trainer counts optimizer steps whatever its budget's unit; other programs count what they like.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from sweeper.spec.phase import OWN_LENGTH

UNLIKE: Final = 0.5  # of the budget: a completed trial that reports fewer steps counts something else


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far a trial is: the last step that it reported, and its budget."""

    budget: Mapping[str, float]  # {"epochs": 6}
    step: int
    completed: bool


def counted_unit(extents: Iterable[Extent]) -> str:
    """Return what the trials of a phase count, if they are not the trainer's: steps, tokens or epochs.

    It is their budget's unit, unless the last steps of completed trials show that it is something else.
    """
    units = set()
    for extent in extents:
        ((unit, amount),) = extent.budget.items()
        if extent.step > math.ceil(amount) or (extent.completed and extent.step + 1 < UNLIKE * amount):
            return "steps"
        units.add(unit)
    return units.pop() if len(units) == 1 and units != {OWN_LENGTH.unit} else "steps"


def trainer_share(config: Mapping[str, object], budget: Mapping[str, float], step: int) -> float | None:
    """Return the share of its budget that a run of the trainer has done, as far as it is known without its corpus.

    None if the config belongs to another version and is refused.
    """
    if "steps" in budget:
        return _share(step, budget["steps"])
    from trainer.config import ConfigError, num_steps  # noqa: PLC0415 - pydantic is slow to load

    try:
        return _share(step, num_steps(config, budget))
    except ConfigError:
        return None


def program_share(budget: Mapping[str, float], step: int, tokens: int | None, counted: str) -> float | None:
    """Return the same for any other program; None if its steps are not those of its budget.

    Args:
        step: the last one of the study's metric.
        tokens: None if the program does not report them.
        counted: the unit that its steps count.
    """
    ((unit, amount),) = budget.items()
    if unit == "tokens" and tokens is not None:
        return _share(tokens, amount)
    return _share(step, amount) if unit in ("steps", counted) else None


def _share(done: float, total: float) -> float | None:
    return min(1.0, done / total) if total else None
