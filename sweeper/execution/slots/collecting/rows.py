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
class Fractions:
    """Whole numbers for the steps of a file from the first one on that has a fraction, such as epoch 0.25.

    Each step counts as at least the next whole number after that of the step before it, and as the same one wherever it
    comes again.
    """

    has_any: bool = False
    _known: dict[float, int] = field(default_factory=dict)
    _top: tuple[float, int] = (-1.0, -1)  # the highest step, and what it counts as

    def whole(self, number: int | float) -> int:
        """Return the whole number that a step counts as."""
        self.has_any = self.has_any or not float(number).is_integer()
        if not self.has_any:
            self._top = max(self._top, (float(number), int(number)))
            return int(number)
        if not self._known:
            self._known = dict([self._top])
        if number not in self._known:
            if number < self._top[0]:  # a program has resumed: what follows takes the place of the rest
                self._known = {known: step for known, step in self._known.items() if known < number}
                self._top = max(self._known.items(), default=(-1.0, -1))
            self._top = (number, max(math.floor(number), self._top[1] + 1))
            self._known[number] = self._top[1]
        return self._known[number]


@dataclass(slots=True)
class Notes:
    """What could not be read in a file, and which names it has.

    Attributes:
        faults: the first fault of each kind.
        unread_last: by metric whose last value was not read, what there was.
        counts: how many values or rows of the file have that fault, where they are counted.
        names: of columns, keys or tags.
        found: the metrics that were found.
        fractions: how steps are counted that are no whole numbers.
    """

    faults: dict[str, str] = field(default_factory=dict)
    names: dict[str, None] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)
    fractions: Fractions = field(default_factory=Fractions)
    unread_last: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, fault: str) -> None:
        """Keep a fault, if it is the first of its kind."""
        self.faults.setdefault(kind, fault)

    def count(self, kind: str, fault: str) -> None:
        """Keep a fault of a value or a row, if it is the first of its kind, and count it."""
        self.add(kind, fault)
        self.counts[kind] = self.counts.get(kind, 0) + 1

    def read(self, names: Iterable[str]) -> None:
        """Take metrics of which a value was read."""
        for name in names:
            self.found.add(name)
            self.unread_last.pop(name, None)

    def leave_out(self, names: Iterable[str], fault: str) -> None:
        """Note metrics of which a value was not read."""
        self.unread_last |= dict.fromkeys(names, fault)

    def begin(self) -> None:
        """Count anew: the file is read again from its start."""
        for kind in self.counts:
            self.faults.pop(kind, None)
        self.counts.clear()
        self.unread_last.clear()

    @property
    def texts(self) -> list[str]:
        """The faults, each with the number of those of its kind."""
        return [
            fault if (number := self.counts.get(kind, 1)) == 1 else f"{fault}; {number:,} like it"
            for kind, fault in self.faults.items()
        ]

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
    """Return a step as a whole number; those with fractions count as whole numbers in their order, which is noted."""
    number = number_of(value)
    if number is None or not math.isfinite(number) or not 0 <= number < MAX_STEP:
        return None
    step = notes.fractions.whole(value if isinstance(value, int) else number)
    if not number.is_integer():
        notes.add("fraction", f"step {number:g} is not an integer; such steps count as {step}, {step + 1}, …")
    return step
