"""Runs as a source has them, before anything is made of them: what every reader of a format returns."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from sweeper.designs.factor import Range
from sweeper.designs.levels import Level
from sweeper.spec.metric import Direction

Form = Literal["csv", "jsonl", "parquet", "optuna", "tensorboard", "mlflow", "wandb"]
RunState = Literal["completed", "pruned", "failed", "diverged", "unfinished"]
Points = Mapping[int, float]  # a value by step

FORMS: Final[tuple[Form, ...]] = ("csv", "jsonl", "parquet", "optuna", "tensorboard", "mlflow", "wandb")

# What tools call the states of their runs, in lower case.
STATE_NAMES: Final[Mapping[str, RunState]] = {
    **dict.fromkeys(("completed", "complete", "finished", "success", "succeeded", "done", "terminated"), "completed"),
    **dict.fromkeys(("pruned", "stopped", "early_stopped"), "pruned"),
    **dict.fromkeys(("failed", "fail", "crashed", "killed", "error", "errored", "cancelled", "timeout"), "failed"),
    **dict.fromkeys(("out_of_memory", "oom", "preempted"), "failed"),
    **dict.fromkeys(("diverged", "nan"), "diverged"),
    **dict.fromkeys(("running", "waiting", "pending", "scheduled", "queued"), "unfinished"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRun:
    """One run.

    Attributes:
        place: where it is in its source, e.g. ``runs.csv:14``, as messages show it.
        key: what tells it from others in its tool; empty if nothing does.
        cells: what may have been varied, by name; of a table without marks, all of its columns.
        texts: what is written in cells of text that have been read as something else.
        values: final values by metric, as far as the source knows them.
        curves: values by metric and step.
        state: as the source writes it; empty if it says nothing.
        seed: None if the source keeps it among the cells, or has none.
        phase: empty if the source does not divide its runs.
        started_at: in seconds since the epoch, as `ended_at`; None where the source has no time.
        budget: how long it was to train, e.g. ``{"steps": 300}``; empty if unknown.
        length: the last step, where no curve says so; None if unknown.
        message: why it failed.
    """

    place: str
    cells: Mapping[str, Level]
    key: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, Points] = field(default_factory=dict)
    state: str = ""
    seed: Level = None
    phase: str = ""
    started_at: float | None = None
    ended_at: float | None = None
    budget: Mapping[str, float] = field(default_factory=dict)
    length: int | None = None
    message: str = ""

    def last_step(self, metric: str) -> int | None:
        """Return the last step of the run, as far as it is known."""
        points = self.curves.get(metric)
        return max(points) if points else self.length


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The runs of a source.

    Attributes:
        path: as the user gave it.
        is_sorted: whether cells are only what was varied; those of a plain table may be measurements too.
        direction: of the metric, if the source declares it.
        ranges: from which a sampler drew, by name; empty if none did.
        notes: what a reader left out or decided, one line each, with its place.
    """

    path: str
    form: Form
    runs: Sequence[SourceRun]
    is_sorted: bool
    direction: Direction | None = None
    ranges: Mapping[str, Range] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
