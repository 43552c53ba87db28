"""Rows of an event file of TensorBoard: each scalar with its own step."""

from pathlib import Path

from sweeper.execution.slots.collecting.rows import Notes, Row
from sweeper.execution.slots.regular_files import Held
from sweeper.importing.event_files import scalars_from
from sweeper.spec.metric_source import MetricSource


class EventRows:
    """Reads the records that are complete; one that is cut short is read once the rest is there."""

    def __init__(self, path: Path, source: MetricSource) -> None:
        self.source, self.notes, self.path = source, Notes(), path
        self._offset = 0
        self._names = {tag: name for name, tag in source.names.items()}

    def look(self, *, rest: bool) -> tuple[bool, list[Row]]:
        """Return whether the file was cut, and the rows since the last look, or then all (`RowReader`)."""
        with Held(self.path) as file:
            size = file.size
        is_cut = size < self._offset
        if is_cut:
            self._offset = 0
            self.notes.begin()
        rows: list[Row] = []
        if size == self._offset:
            return is_cut, rows
        try:
            for scalars, end in scalars_from(self.path, self._offset):
                self._offset = end
                for scalar in scalars:
                    name = self._names.get(scalar.tag)
                    self.notes.see([] if scalar.value is None else [scalar.tag])
                    if name is not None and scalar.value is None:
                        fault = f"step {scalar.step}: {scalar.tag} is not one number"
                        self.notes.count(name, fault)
                        self.notes.leave_out([name], fault)
                    elif name is not None and scalar.value is not None and scalar.step >= 0:
                        self.notes.read([name])
                        rows.append(Row(scalar.step, {name: scalar.value}))
        except ValueError as error:
            self.notes.add("file", str(error))
            self.notes.leave_out(self.source.names, str(error))
        return is_cut, rows

    def loss(self) -> str | None:
        """Return None: the file has all rows each time, or those that follow (`RowReader`)."""
        return None
