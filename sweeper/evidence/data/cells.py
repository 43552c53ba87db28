"""Cells: one configuration with one seed at one budget, exact repeats averaged."""

import json
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import fmean

from sweeper.designs.levels import Level, level_key, same_level, unmistakable
from sweeper.evidence.data.measures import Measure, mean_of

__all__ = ["Cell", "Level", "Levels", "level_key", "level_text", "measured", "same_level"]

Levels = Mapping[str, str]  # by factor the key of its level, see `sweeper.designs.levels.level_key`


@dataclass(frozen=True, kw_only=True)  # no slots: what tells cells apart is asked for millions of times
class Cell:
    """One configuration with one seed at one budget.

    Attributes:
        levels: the level of every factor, by its key.
        arm: the configuration's identity, the same in all phases.
        seed: of the trials.
        stratum: budget, levels of the phase's blocks, and corpus: runs of one stratum are assumed to have one variance.
        value: on the measure's scale, the mean over exact repeats; NaN if none completed, or if one diverged or failed,
            since those that are left are the better ones.
        raw: the mean as measured.
        step: by how much the resolution of the metric can change the value.
        share: the resolution of the metric over the value as measured; infinite if unknown.
        trial_ids: the completed trials.
        missing: the other trials, by id, with their state.
        chosen: by how much its value was made worse because its length was chosen for looking best; NaN if unknown.
        blocks: what its stratum has beside the budget; None if that is all else, as it is but in trends.
    """

    levels: Levels
    arm: str
    seed: int
    stratum: tuple[str, ...]
    value: float = math.nan
    raw: float = math.nan
    step: float = 0.0
    share: float = math.inf
    trial_ids: tuple[int, ...] = ()
    missing: tuple[tuple[int, str], ...] = ()
    chosen: float = 0.0
    blocks: tuple[str, ...] | None = None

    @property
    def arm_key(self) -> tuple[str, tuple[str, ...]]:
        """The configuration with its blocks, whatever its budget."""
        return self.arm, self.stratum[1:] if self.blocks is None else self.blocks

    @cached_property
    def block(self) -> tuple[object, ...]:
        """What runs of one seed in one stratum share."""
        return (self.seed, *self.stratum)

    @cached_property
    def identity(self) -> tuple[object, ...]:
        """What no other cell of a phase has."""
        return (self.arm, *self.block)

    @property
    def is_measured(self) -> bool:
        """Whether there is a value."""
        return math.isfinite(self.value)

    @property
    def is_failed(self) -> bool:
        """Whether there is no value because a trial diverged or failed, if only one of several repeats."""
        return not self.is_measured and any(state == "failed" for _, state in self.missing)

    @property
    def all_trials(self) -> tuple[int, ...]:
        """The trials with and without a value."""
        return (*self.trial_ids, *(trial for trial, _ in self.missing))


def measured(cell: Cell, measure: Measure, run: Collection[int] | None = None) -> Cell:
    """Return a cell with the values of a measure; a trial that loses its value counts as waiting.

    Args:
        run: the trials that have been run, by default all; the others wait, however they ended.
    """
    done = tuple(sorted(trial for trial in cell.all_trials if trial in measure.values))
    changes = any(state != "waiting" and run is not None and trial not in run for trial, state in cell.missing)
    changes = changes or any(state != "failed" and trial in measure.diverged for trial, state in cell.missing)
    if not changes and done == cell.trial_ids and all(measure.values[trial] == cell.value for trial in done):
        return cell
    states = {
        trial: "failed" if trial in measure.diverged else state
        for trial, state in cell.missing
        if run is None or trial in run
    }
    missing = tuple((trial, states.get(trial, "waiting")) for trial in cell.all_trials if trial not in measure.values)
    has_value = bool(done) and all(state != "failed" for _, state in missing)
    raw = mean_of([measure.raw[trial] for trial in done]) if has_value else math.nan
    return replace(
        cell,
        value=fmean(measure.values[trial] for trial in done) if has_value else math.nan,
        raw=raw,
        step=measure.step_at(raw),
        share=measure.share_at(raw),
        trial_ids=done,
        missing=missing,
    )


def level_text(key: str) -> str:
    """Return a level as a reader sees it, from its key."""
    value = json.loads(key)
    return unmistakable(value) if isinstance(value, str) else key


def block_text(factors: Sequence[str], keys: Sequence[str]) -> str:
    """Return the levels of some factors, e.g. ``dataset = x``."""
    return ", ".join(f"{factor} = {level_text(key)}" for factor, key in zip(factors, keys, strict=True))
