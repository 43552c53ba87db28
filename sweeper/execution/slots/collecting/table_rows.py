"""Rows of files that grow line by line: CSV and JSON lines."""

import csv
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path

from sweeper.designs.paths import get_path
from sweeper.execution.slots.collecting.rows import STEP, Notes, Row, number_of, step_of
from sweeper.execution.slots.cuts import Cuts
from sweeper.execution.slots.metrics import json_object
from sweeper.execution.slots.tail import Tail
from sweeper.execution.slots.unread import is_value
from sweeper.spec.metric_source import MetricSource


class LineRows(ABC):
    """Reads a file line by line; if it was changed before what has been read, from its start."""

    def __init__(self, path: Path, source: MetricSource) -> None:
        self.source, self.notes, self._tail = source, Notes(), Tail(path)
        self._number = 0  # of the last line
        self._cuts = Cuts()

    def look(self, *, rest: bool) -> tuple[bool, list[Row]]:
        """Return whether the file was changed, and the rows since the last look, or then all (`RowReader`)."""
        lines = self._lines(rest=rest)
        is_changed = self._tail.restarts > 0 and not lines  # else they are of a file that was replaced
        if is_changed:
            before, self._tail = self._tail, Tail(self._tail.path)
            self._tail.follow(before)
            self.begin()
            if before.truncations:
                self._cuts.cut()
            lines = self._lines(rest=rest)
        rows = []
        for line in lines:
            self._number += 1
            if line.strip() and (row := self.row(line)) is not None:
                rows.append(row)
                self._cuts.add(row.step)
        return is_changed, rows

    def loss(self) -> str | None:
        """Return how rows may have been lost; None if there is no sign of that."""
        return self._tail.loss() or self._cuts.loss(self._tail.path)

    def begin(self) -> None:
        """Forget what was read of the file."""
        self._number = 0
        self.notes.begin()

    @abstractmethod
    def row(self, line: bytes) -> Row | None:
        """Return the row that a line is; None if it has none of the metrics."""

    def _lines(self, *, rest: bool) -> list[bytes]:
        lines: list[bytes] = []
        while self._tail.restarts == 0 and (more := self._tail.lines(rest=rest)) and self._tail.restarts == 0:
            lines += more
        if not lines and (self._tail.trouble is not None or not self._tail.was_there):
            raise FileNotFoundError(self._tail.path)
        return lines

    def _values(self, values: Mapping[str, object]) -> dict[str, float]:
        """Return the metrics among values by column or key; what is there and no number is noted."""
        found = {}
        for name, word in self.source.names.items():
            value = values.get(word)
            number = number_of(value)
            if number is not None:
                found[name] = number
                self.notes.read([name])
            elif value not in (None, ""):
                fault = f"line {self._number}: {word} is {str(value)[:40]!r}, which is not a number"
                self.notes.count(name, fault)
                self.notes.leave_out([name] if is_value(value) else [], fault)
        return found

    def _row(self, values: Mapping[str, object], step: object) -> Row | None:
        """Return a row, unless it has none of the metrics, or a step that is none."""
        found = self._values(values)
        if not found:
            return None
        if step is None and self.source.step is None:
            return Row(None, found)
        number = step_of(step, self.notes)
        if number is None:
            name = self.source.step or STEP
            fault = f"line {self._number}: {name} is {str(step)[:40]!r}, which is not an integer ≥ 0"
            self.notes.count("step", fault)
            self.notes.leave_out(found, fault)
            return None
        return Row(number, found)


class CsvRows(LineRows):
    """A CSV file with a header: separated by commas, semicolons or tabs, whichever the header has most of."""

    def __init__(self, path: Path, source: MetricSource) -> None:
        super().__init__(path, source)
        self._header: list[str] = []
        self._separator = ","

    def begin(self) -> None:
        """Forget what was read of the file, its header too."""
        super().begin()
        self._header = []

    def row(self, line: bytes) -> Row | None:
        """Return the row that a line is; None for a header and for a row without any of the metrics."""
        text = line.decode("utf-8-sig", "replace")
        if not self._header:
            self._separator = max(",;\t", key=text.count)
        cells = next(csv.reader([text], delimiter=self._separator, skipinitialspace=True), [])
        if not self._header or set(self._header) <= set(cells):  # programs that resume may write it again
            self._header = [cell.strip() for cell in cells]
            self.notes.see(self._header)
            return None
        if len(cells) != len(self._header):
            fault = f"line {self._number} has {len(cells)} cells, the header {len(self._header)}"
            self.notes.count("cells", fault)
            is_remark = text.lstrip().startswith("#") or not is_value(text)
            self.notes.leave_out(() if is_remark else self.source.names, fault)
            return None
        values = dict(zip(self._header, cells, strict=True))
        return self._row(values, values.get(self.source.step or STEP))


class JsonLineRows(LineRows):
    """A file of JSON objects, each on a line of its own."""

    def row(self, line: bytes) -> Row | None:
        """Return the row that a line is; None if it is no object or has none of the metrics."""
        document = json_object(line)
        if document is None:
            fault = f"line {self._number} is not a JSON object: {line[:60]!r}"
            self.notes.count("object", fault)
            keys = {name: word.rpartition(".")[2].encode() for name, word in self.source.names.items()}
            self.notes.leave_out([name for name, key in keys.items() if key in line], fault)
            return None
        self.notes.see(document)
        values = {word: at(document, word) for word in self.source.names.values()}
        return self._row(values, at(document, self.source.step or STEP))


def at(document: Mapping[str, object], name: str) -> object:
    """Return the value at a key, or at a dotted path; None if there is none."""
    return document[name] if name in document else get_path(document, name)
