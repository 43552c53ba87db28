"""One file of metrics: which of its rows have been collected, and which are new.

Rows are known again by what they say. So a file that is written anew with the same rows and some more has just those
more, whether a program resumes from a checkpoint or its logger writes the whole history each time.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from sweeper.execution.slots.collecting.event_rows import EventRows
from sweeper.execution.slots.collecting.json_rows import JsonRows
from sweeper.execution.slots.collecting.rows import STEP, Row, RowReader
from sweeper.execution.slots.collecting.table_rows import CsvRows, JsonLineRows
from sweeper.execution.slots.metrics import RESUMED_FROM
from sweeper.spec.metric_source import MetricSource

FROM: Final = "_from"  # of a line: the file, the row in it, and whether its step was counted
COUNTED: Final = "counted"
ANY: Final = 0  # the mark of a row that was not collected, since another file had it
READERS: Final[Mapping[str, Callable[[Path, MetricSource], RowReader]]] = {
    "tensorboard": EventRows,
    "csv": CsvRows,
    "json": JsonRows,
    "jsonl": JsonLineRows,
}

Line = dict[str, Any]


@dataclass(slots=True)
class History:
    """The rows that files with the whole history have had, as far as they still count.

    Each such file repeats the rows of the one before. But where an attempt collects a row, what earlier ones collected
    at its step and later is void, and has to be collected again, although it may be the same.

    Attributes:
        attempt: counts the attempts.
    """

    attempt: int = 0
    _rows: dict[tuple[int, tuple[str, ...]], tuple[int, int]] = field(default_factory=dict)  # the mark and the attempt
    _highest: tuple[int, int] = (-1, 0)  # step, and the attempt that collected it

    def has(self, row: Row) -> bool:
        """Return whether a row was collected, from this file or another one."""
        return self._rows.get(_key(row), (None, 0))[0] == row.mark

    def add(self, row: Row) -> None:
        """Take a row that is collected."""
        step, _ = key = _key(row)
        if (step, self.attempt) < self._highest or (step == self._highest[0] and self.attempt > self._highest[1]):
            self._rows = {
                known: (mark, attempt)
                for known, (mark, attempt) in self._rows.items()
                if known[0] < step or (known[0] == step and attempt == self.attempt)
            }
        self._rows[key] = (row.mark, self.attempt)
        self._highest = (step, self.attempt)

    def void(self, step: int) -> None:
        """Forget what was collected from a step on."""
        self._rows = {key: found for key, found in self._rows.items() if key[0] < step}


def _key(row: Row) -> tuple[int, tuple[str, ...]]:
    return -1 if row.step is None else row.step, tuple(sorted(row.values))


@dataclass(slots=True)
class MetricFile:
    """What is known of one file.

    Attributes:
        marks: of its rows, in its order, as far as they were collected.
        start: how many of them it held when the attempt began.
    """

    key: str
    source: MetricSource
    reader: RowReader
    marks: "array[int]" = field(default_factory=lambda: array("q"))
    start: int = 0
    _position: int = 0  # of the row that is read next
    _is_counted: bool = False

    @classmethod
    def at(cls, path: Path, key: str, source: MetricSource) -> "MetricFile":
        """Return the file at a path, of which nothing was read."""
        return cls(key, source, READERS[source.kind](path, source))

    @property
    def has_history(self) -> bool:
        """Whether each file of its kind has all rows from the start of training, as trainer_state.json does."""
        return self.source.kind == "json"

    def begin(self) -> None:
        """Count rows from here on: an attempt begins."""
        self.start = 0 if self.has_history else len(self.marks)

    def remember(self, index: int, row: Row) -> None:
        """Take a row that was collected before."""
        del self.marks[index:]
        self.marks.extend([ANY] * (index - len(self.marks)))
        self.marks.append(row.mark)

    def lines(self, history: History, *, rest: bool, is_only: bool) -> Iterator[Line]:
        """Yield a line for each new row.

        Args:
            history: gets the rows, if the file has a history.
            rest: the file will not grow.
            is_only: no other file has metrics; so where its rows change, what it said before is void.
        """
        is_changed, rows = self.reader.look(rest=rest)
        if is_changed:
            self._position = 0
        for row in rows:
            self._is_counted = row.step is None
            yield from self._line(row, history, is_only=is_only)
            self._position += 1
        if is_changed and self._is_counted and self._position < len(self.marks):
            del self.marks[self._position :]  # it is written anew
            self.start = min(self.start, self._position)

    def _line(self, row: Row, history: History, *, is_only: bool) -> Iterator[Line]:
        at, mark = self._position, row.mark
        if at < len(self.marks):
            if self.marks[at] in (mark, ANY):
                return
            del self.marks[at:]
            if at < self.start:
                self.start = 0
            elif is_only and row.step is not None:
                history.void(row.step)
                yield {RESUMED_FROM: row.step - 1 if row.step > 0 else None}
        self.marks.append(mark)
        if self.has_history and row.step is not None:
            if history.has(row):
                return
            history.add(row)
        if row.step is None:
            yield {STEP: at - self.start + 1, **row.values, FROM: [self.key, at, COUNTED]}
        else:
            yield {STEP: row.step, **row.values, FROM: [self.key, at]}


def row_of(line: Line) -> tuple[str, int, Row]:
    """Return the file's key, the position and the row of a line.

    Raises:
        ValueError, TypeError: the line has none.
    """
    key, at, *counted = line[FROM]
    values = {name: float(value) for name, value in line.items() if name not in (STEP, FROM)}
    return str(key), int(at), Row(None if counted else line[STEP], values)
