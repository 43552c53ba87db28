"""What files of metrics consist of: rows, each with a step, if the file has one, and numbers."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from sweeper.execution.slots.metrics import MAX_STEP
from sweeper.execution.slots.numerals import number_in
from sweeper.spec.metric_source import MetricSource

STEP: Final = "step"
MOST_NAMES: Final = 12  # of columns and keys in a message


@dataclass(frozen=True, slots=True)
class Row:
    """Metrics that were measured together.

    Attributes:
        step: None if the file does not say.
    """

    step: int | None
    values: Mapping[str, float]

    @property
    def mark(self) -> int:
        """A number that is the same for the same row; for nan, too."""
        return hash(repr((self.step, sorted(self.values.items()))))


class RowReader(Protocol):
    """Reads one file while it grows."""

    notes: "Notes"

    def look(self, *, rest: bool) -> tuple[bool, list[Row]]:
        """Return the rows since the last look, or whether the file has changed, and then all of its rows.

        Args:
            rest: the file will not grow: what follows the last newline is a line, too.

        Raises:
            FileNotFoundError: it is gone.
        """

    def loss(self) -> str | None:
        """Return how rows may have been lost; None if there is no sign of that."""


@dataclass(slots=True)
class Notes:
    """What could not be read in a file, and which names it has.

    Attributes:
        faults: the first fault of each kind.
        names: of columns, keys or tags.
        found: the metrics that were found.
    """

    faults: dict[str, str] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)

    def add(self, kind: str, fault: str) -> None:
        """Keep a fault, if it is the first of its kind."""
        self.faults.setdefault(kind, fault)

    def see(self, names: Iterable[str]) -> None:
        """Take names that the file has."""
        if len(self.names) < 1000:
            self.names.update(dict.fromkeys(names))


def missing(source: MetricSource, notes: Iterable[Notes]) -> list[str]:
    """Return what the files of a source lack: metrics that none of them has."""
    from trainer.config.wording import suggestion  # noqa: PLC0415 - it loads pydantic, which few commands need

    notes = list(notes)
    found = {name for each in notes for name in each.found}
    names = list(dict.fromkeys(name for each in notes for name in each.names))
    what = {"tensorboard": "scalar", "csv": "column"}.get(source.kind, "key")
    listed = ", ".join(names[:MOST_NAMES]) + (", …" if len(names) > MOST_NAMES else "")
    return [
        f"{name}: {source.within or 'event files'}: no {what} {word!r} with a number."
        f"{'' if word in names else suggestion(word, names)} There is: {listed or 'nothing'}"
        for name, word in source.names.items()
        if name not in found
    ]


def number_of(value: object) -> float | None:
    """Return the number that a cell or a value is, or is the text of; None if it is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, str):
        return number_in(value)
    try:
        return float(value) if isinstance(value, int | float) else None
    except OverflowError:
        return math.inf


def step_of(value: object, notes: Notes) -> int | None:
    """Return a step as a whole number; one with a fraction counts as the number before it, which is noted."""
    number = number_of(value)
    if number is None or not math.isfinite(number) or not 0 <= number < MAX_STEP:
        return None
    if not number.is_integer():
        notes.add("fraction", f"step {number:g} is not an integer; it counts as {math.floor(number)}")
    return value if isinstance(value, int) else math.floor(number)
