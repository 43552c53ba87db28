"""Collect metrics from a program's files into collected.jsonl, from which they reach the store as metrics.jsonl does.

Each line says from which row of which file it is: ``{"step": 3, "loss": 0.5, "_from": ["metrics.csv", 3]}``. So whoever
reads on after a slot has died knows from the lines what has been read, and each row is collected once.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sweeper.execution.slots.collecting.files import FROM, History, Line, MetricFile, row_of
from sweeper.execution.slots.collecting.output import Output
from sweeper.execution.slots.collecting.rows import STEP, missing
from sweeper.execution.slots.metrics import METRICS_FILE, MOST_ERRORS, OUTPUT_FILE, RESUMED_FROM, json_object
from sweeper.execution.slots.regular_files import appending, reading
from sweeper.execution.slots.run_dir import end_last_line
from sweeper.spec.metric_source import EVENT_FILES, MetricSource

COLLECTED_FILE: Final = "collected.jsonl"
BEGIN: Final = "_begin"  # of a line: an attempt begins, and what each file holds then
FIND_S: Final = 1.0  # between two searches for new files
MOST_PLACES: Final = 200_000
OURS: Final = (COLLECTED_FILE, METRICS_FILE, OUTPUT_FILE)


@dataclass(slots=True)
class Collector:
    """Collects what one trial's program writes.

    Attributes:
        sources: with their placeholders filled in.
        output: its patterns; None if it has none.
        into: the directory for what is collected; None for the run directory.
    """

    run_dir: Path
    sources: Sequence[MetricSource]
    output: Output | None = None
    into: Path | None = None
    clock: Callable[[], float] = time.monotonic
    _files: dict[str, MetricFile] = field(default_factory=dict)
    _history: History = field(default_factory=History)
    _places: dict[tuple[str, int], tuple[str, float]] = field(default_factory=dict)  # by metric and step: file, value
    _clash: str | None = None
    _gone: dict[str, MetricFile] = field(default_factory=dict)  # that had rows, and are not there any more
    _unwritten: bool = False  # rows were found, and the directory is gone
    _found_at: float | None = None

    @property
    def path(self) -> Path:
        """The file that has what was collected."""
        return (self.into or self.run_dir) / COLLECTED_FILE

    def recover(self) -> None:
        """Learn from the lines that are there what has been collected; files that are gone meanwhile are no more."""
        self._find()
        steps: dict[str, int] = {}
        offset = 0
        for line in _lines_in(self.path):
            if RESUMED_FROM in line:
                self._history.void(0 if line[RESUMED_FROM] is None else line[RESUMED_FROM] + 1)
            elif BEGIN in line:
                self._history.attempt += 1
                offset, steps = line[BEGIN].get(OUTPUT_FILE, 0), {}
                for key, start in line[BEGIN].items():
                    if key in self._files:
                        self._files[key].start = start
            elif FROM in line:
                key, at, row = row_of(line)
                if key in self._files:
                    self._files[key].remember(at, row)
                if key == OUTPUT_FILE:
                    offset = at
                    steps |= {name: int(line[STEP]) for name in row.values}
                elif row.step is not None and key in self._files and self._files[key].has_history:
                    self._history.add(row)
        self._found_at = None
        if self.output is not None:
            self.output.resume(offset, steps)

    def end_last_lines(self) -> None:
        """Remove a line that a program died in from files that it will add to, since a number in it may be cut short.

        Raises:
            OSError: a file cannot be written to.
        """
        for source in self.sources:
            for path in self._paths(source) if source.kind in ("csv", "jsonl") else ():
                end_last_line(path, cut=True)

    def begin(self) -> None:
        """Note that an attempt begins; what the files hold so far is not its own.

        Raises:
            OSError: the directory cannot be written to.
        """
        for file in self._files.values():
            file.begin()
        self._history.attempt += 1
        self._places.clear()
        self._gone.clear()
        starts = {key: file.start for key, file in self._files.items()}
        if self.output is not None:
            self.output.begin()
            starts[OUTPUT_FILE] = self.output.tail.offset
        self._write([{BEGIN: starts}])

    def collect(self, *, closed: bool = False, rest: bool = False) -> None:
        """Collect what is new.

        Args:
            closed: nothing will be added any more.
            rest: what follows a file's last newline is a line, too.

        Raises:
            OSError: the directory cannot be written to.
        """
        if closed or self._found_at is None or self.clock() - self._found_at >= FIND_S:
            self._find()
        lines: list[Line] = []
        is_only = len(self._files) == 1 and self.output is None
        for key, file in list(self._files.items()):
            try:
                new = list(file.lines(self._history, rest=rest, is_only=is_only))
            except FileNotFoundError:
                del self._files[key]
                if file.marks:
                    self._gone[key] = file
            else:
                lines += new
                self._read_on(file, new)
        if self.output is not None:
            lines += self.output.lines(closed=closed, rest=rest)
        self._look_for_clashes(lines)
        self._write(lines)

    def errors(self, *, is_complete: bool) -> list[str]:
        """Return what could not be read.

        Args:
            is_complete: the program has come to its end, so that what is missing is worth a word.
        """
        faults = [f"{key}: {text}" for key, file in self._files.items() for text in file.reader.notes.texts]
        lacks = [text for source in self.sources for text in self._lacks(source)] if is_complete else []
        patterns = self.output.reader.errors if self.output is not None else []
        clash = [] if self._clash is None else [self._clash]
        return [*lacks, *faults, *clash, *patterns][:MOST_ERRORS]

    def loss(self) -> str | None:
        """Return how rows that nobody has read may have been lost; None if there is no sign of that."""
        if self._unwritten or not self.run_dir.is_dir():
            return f"the trial's directory {self.run_dir} is gone: leave it until the program has ended"
        for key, file in self._gone.items():
            # A file with the whole history repeats those before it, and programs drop the oldest.
            if not (file.has_history and any(each.source is file.source for each in self._files.values())):
                return (
                    f"{self.run_dir / key.partition('#')[0]} is gone, or no regular file, since it was read: what the "
                    "program wrote there after that may be lost. Leave the file until the program has ended"
                )
        lost = None if self.output is None else self.output.tail.loss()
        return lost or next((text for file in self._files.values() if (text := file.reader.loss())), None)

    @property
    def misread(self) -> Mapping[str, str]:
        """By metric, a line of output on which its pattern matched a part of a number."""
        return {} if self.output is None else self.output.reader.misread

    @property
    def unread_last(self) -> Mapping[str, str]:
        """By metric whose last value was not read, what there was."""
        patterns = {} if self.output is None else self.output.reader.unread_last
        files = {
            name: f"{key}: {text}"
            for key, file in self._files.items()
            for name, text in file.reader.notes.unread_last.items()
        }
        return {**files, **patterns}

    def _lacks(self, source: MetricSource) -> list[str]:
        files = [file for file in self._files.values() if file.source is source]
        if files:
            return missing(source, [file.reader.notes for file in files])
        if not self.run_dir.is_dir():
            return [f"metrics: the trial's directory {self.run_dir} is gone; leave it until the program has ended"]
        names = sorted(path.name for path in self.run_dir.iterdir() if path.name not in OURS and path.name[0] != ".")
        what = f"event file in {source.place}" if source.kind == "tensorboard" else source.place
        return [f"metrics: there is no {what}; in the trial's directory there is: {', '.join(names[:12]) or 'nothing'}"]

    def _find(self) -> None:
        """Look for files that are new, the oldest first."""
        self._found_at = self.clock()
        for number, source in enumerate(self.sources):
            for path in self._paths(source):
                name = str(path.relative_to(self.run_dir))
                key = f"{name}#{number}" if number else name
                if key not in self._files:
                    self._files[key] = MetricFile.at(path, key, source)
                    self._gone.pop(key, None)

    def _paths(self, source: MetricSource) -> list[Path]:
        pattern = "/".join(filter(None, (source.within, EVENT_FILES if source.kind == "tensorboard" else "")))
        found: list[tuple[int, Path]] = []
        for path in self.run_dir.glob(pattern):
            try:
                if path.is_file() and path.name not in OURS and path.name[0] != ".":
                    found.append((path.stat().st_mtime_ns, path))
            except OSError:
                continue  # it is gone again
        return [path for _, path in sorted(found)]

    def _read_on(self, file: MetricFile, lines: Sequence[Line]) -> None:
        """Assume that the metrics in a file continue there, whatever could not be read at the end of other files."""
        for name in {name for line in lines if FROM in line for name in line}:
            for other in self._files.values():
                if other is not file:
                    other.reader.notes.unread_last.pop(name, None)

    def _look_for_clashes(self, lines: Sequence[Line]) -> None:
        """Note a metric that two files have at the same step, with different values: only one of them counts."""
        if len(self._files) < 2 or self._clash is not None or len(self._places) > MOST_PLACES:
            return
        for line in lines:
            key = line[FROM][0] if FROM in line else OUTPUT_FILE
            for name in line.keys() - {STEP, FROM} if key != OUTPUT_FILE else ():
                first, value = self._places.setdefault((name, line[STEP]), (key, line[name]))
                if first != key and value != line[name]:
                    self._clash = f"{name}: step {line[STEP]} is in {first} and in {key}; name one of them in metrics"

    def _write(self, lines: Sequence[Line]) -> None:
        if not lines:
            return
        try:
            with appending(self.path) as file:
                file.write("".join(f"{json.dumps(line)}\n" for line in lines).encode())
        except FileNotFoundError:
            if BEGIN in lines[0]:
                raise
            self._unwritten = True


def collected_rows(run_dir: Path) -> dict[str, int]:
    """Return how many rows were collected from each file of a trial, by the file's name; of output, measurements."""
    found: dict[str, int] = {}
    for line in _lines_in(run_dir / COLLECTED_FILE):
        if FROM in line:
            found[str(line[FROM][0])] = found.get(str(line[FROM][0]), 0) + 1
    return found


def _lines_in(path: Path) -> Iterator[Line]:
    with suppress(FileNotFoundError), reading(path) as file:
        for line in file:
            document = json_object(line)
            if document is not None:
                yield document
