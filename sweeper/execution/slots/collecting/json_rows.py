"""Rows of a JSON file that is rewritten whole: a list of records, one record, or lists by name."""

import json
import os
from collections.abc import Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import IO, Any, Final

from sweeper.designs.paths import get_path
from sweeper.execution.slots.collecting.rows import STEP, Notes, Row, number_of, step_of
from sweeper.execution.slots.collecting.table_rows import at
from sweeper.execution.slots.regular_files import reading
from sweeper.execution.slots.unread import is_value
from sweeper.quantities import byte_size
from sweeper.spec.metric_source import MetricSource

MOST_BYTES: Final = 200_000_000


class JsonRows:
    """Reads the whole file again once it has changed. Half a file is no JSON, and is read again later."""

    def __init__(self, path: Path, source: MetricSource) -> None:
        self.source, self.notes, self.path = source, Notes(), path
        self._seen: tuple[int, int, int] | None = None

    def look(self, *, rest: bool) -> tuple[bool, list[Row]]:
        """Return whether the file was changed, and all of its rows, or none if it was not (`RowReader`)."""
        with reading(self.path) as file:
            return self._look(file, rest=rest)

    def loss(self) -> str | None:
        """Return None: the file has all rows each time, or those that follow (`RowReader`)."""
        return None

    def _look(self, file: IO[bytes], *, rest: bool) -> tuple[bool, list[Row]]:
        found = os.fstat(file.fileno())
        seen = (found.st_mtime_ns, found.st_size, found.st_ino)
        if seen == self._seen and not rest:
            return False, []
        if found.st_size > MOST_BYTES:
            return self._unread("size", f"is larger than {byte_size(MOST_BYTES)}, and is not read")
        try:
            document = json.loads(file.read())
        except (ValueError, RecursionError) as error:
            return self._unread("json", f"is not JSON: {str(error)[:80]}")
        self.notes.faults.pop("json", None)
        self._seen = seen
        return True, self._rows_in(document)

    def _unread(self, kind: str, fault: str) -> tuple[bool, list[Row]]:
        """Note why the file is not read; what it said before stands meanwhile."""
        self.notes.add(kind, fault)
        self.notes.leave_out(self.source.names, fault)
        return False, []

    def _rows_in(self, document: Any) -> list[Row]:
        inner = document if self.source.path is None else get_path(_mapping(document), self.source.path)
        if inner is None and self.source.path is not None:
            self.notes.see(_mapping(document))
            self.notes.add("path", f"has nothing at {self.source.path!r}")
            return []
        self.notes.faults.pop("path", None)
        if isinstance(inner, Mapping):
            columns = {word: at(inner, word) for word in self.source.names.values()}
            inner = self._transposed(inner) if any(isinstance(each, list) for each in columns.values()) else [inner]
        records = inner if isinstance(inner, list) else []
        self.notes.begin()
        found = (self._row(record, index) for index, record in enumerate(records) if isinstance(record, Mapping))
        return [row for row in found if row is not None]

    def _transposed(self, columns: Mapping[str, object]) -> list[dict[str, object]]:
        """Return lists by name, as of Keras' history, as records."""
        self.notes.see(columns)
        words = (*self.source.names.values(), self.source.step or STEP)
        lists: dict[str, Sequence[object]] = {
            word: value for word in words if isinstance(value := at(columns, word), list)
        }
        return [dict(zip(lists, each, strict=True)) for each in zip_longest(*lists.values())]

    def _row(self, record: Mapping[str, object], index: int) -> Row | None:
        self.notes.see(record)
        values: dict[str, float] = {}
        for name, word in self.source.names.items():
            value = at(record, word)
            number = number_of(value)
            if number is not None:
                values[name] = number
            elif value not in (None, ""):
                fault = f"record {index}: {word} is {str(value)[:40]!r}, which is not a number"
                self.notes.count(name, fault)
                self.notes.leave_out([name] if is_value(value) else [], fault)
        if not values:
            return None
        self.notes.read(values)
        step = at(record, self.source.step or STEP)
        if step is None and self.source.step is None:
            return Row(None, values)
        number = step_of(step, self.notes)
        if number is None:
            name = self.source.step or STEP
            fault = f"record {index}: {name} is {str(step)[:40]!r}, which is not an integer ≥ 0"
            self.notes.count("step", fault)
            self.notes.leave_out(values, fault)
            return None
        return Row(number, values)


def _mapping(document: object) -> Mapping[str, object]:
    return document if isinstance(document, Mapping) else {}
