"""What the steps that trials report count, and how much of a trial's budget is done.

The trainer counts optimizer steps whatever its budget's unit, any other program what it likes.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

UNLIKE: Final = 0.5  # of the budget: a trial that is completed with less than that counts something else


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How far a trial is: the last step that it reported, and its budget."""

    budget: Mapping[str, Any]  # {"epochs": 6}
    step: int
    completed: bool


def counted_unit(extents: Iterable[Extent]) -> str:
    """What the trials of a phase count, if they are no trainer's: steps, tokens or epochs.

    It is their budget's unit, unless where they ended says that it is something else.
    """
    units = set()
    for extent in extents:
        ((unit, amount),) = extent.budget.items()
        if extent.step > math.ceil(amount) or (extent.completed and extent.step + 1 < UNLIKE * amount):
            return "steps"
        units.add(unit)
    return units.pop() if len(units) == 1 else "steps"


def trainer_share(config: Mapping[str, Any], budget: Mapping[str, Any], step: int) -> float | None:
    """The share of its budget that a run of the trainer has done, as far as it is known without its corpus.

    None where the config is of another version and refused.
    """
    if "steps" in budget:
        return _share(step, budget["steps"])
    from trainer.config import ConfigError, num_steps  # noqa: PLC0415 - pydantic is slow to load

    try:
        return _share(step, num_steps(config, budget))
    except ConfigError:
        return None


def program_share(budget: Mapping[str, Any], step: int, tokens: int | None, counted: str) -> float | None:
    """The same for any other program; None where its steps are not those of its budget.

    Args:
        step: the last of the study's metric.
        tokens: None if the program does not report them.
        counted: the unit that its steps count.
    """
    ((unit, amount),) = budget.items()
    if unit == "tokens" and tokens is not None:
        return _share(tokens, amount)
    return _share(step, amount) if unit in ("steps", counted) else None


def _share(done: float, total: float) -> float | None:
    return min(1.0, done / total) if total else None
