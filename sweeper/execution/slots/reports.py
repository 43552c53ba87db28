"""What a trial's process has reported since the last look, in batches that are stored at once.

An attempt reads its file from where the one before it ended. What the file holds without belonging to an attempt that
the store knows, such as the metrics that a promoted trial inherits with its checkpoint, is the attempt's own.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from sweeper.execution.slots.collecting.collector import Collector
from sweeper.execution.slots.collecting.output import Output
from sweeper.execution.slots.cuts import Cuts
from sweeper.execution.slots.metrics import METRICS_FILE, OUTPUT_FILE, LineReader, PatternReader
from sweeper.execution.slots.pattern_use import PatternUse
from sweeper.execution.slots.regular_files import reading
from sweeper.execution.slots.tail import LARGE_BYTES, Tail
from sweeper.spec.metric_source import MetricSource
from sweeper.spec.patterns import compiled
from sweeper.store.records import Measurement


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Measurements that are stored at once.

    Attributes:
        offset: bytes of the file that were read.
        resumed_from: the step from which the program says it resumed; -1 if it began anew; None if it says nothing.
        void_from: what was reported before this batch, in the same attempt too, counts only up to this step.
    """

    found: Sequence[Measurement]
    offset: int
    resumed_from: int | None = None
    void_from: int | None = None
    was_cut: bool = False  # the file, below what had been read

    @property
    def says_nothing(self) -> bool:
        """Whether there is nothing to store."""
        return not self.found and self.void_from is None and not self.was_cut


@dataclass(slots=True)
class Reports:
    """Reads what one attempt reports.

    Attributes:
        start: where the attempt's part of the file begins.
        cut_at: where its program cut the file, the last time; None if it never did.
        collector: fills the file with what the program writes elsewhere; None if it writes there itself.
    """

    tail: Tail
    reader: LineReader | PatternReader
    start: int = 0
    cut_at: int | None = None
    collector: Collector | None = None
    _begins: bool = False  # the next measurement is the first after those that this attempt has reported
    _has_reported: bool = False
    _is_inherited: bool = False
    _restarts: int = 0
    _truncations: int = 0
    _cuts: Cuts = field(default_factory=Cuts)
    _first: int | None = None  # the attempt's lowest step
    _last: int | None = None  # its highest one
    _certain: int | None = None  # the highest one before its file was cut or replaced for the first time

    @classmethod
    def of(
        cls,
        run_dir: Path,
        patterns: Mapping[str, str],
        sources: Sequence[MetricSource] = (),
        *,
        into: Path | None = None,
    ) -> "Reports":
        """Return a reader of all that a run directory holds, from its start.

        Args:
            patterns: find metrics in the output; if there are neither these nor sources, it writes metrics.jsonl.
            sources: files in which metrics are.
            into: the directory for what is collected from them; None for the run directory.
        """
        if sources:
            collector = Collector(run_dir, sources, Output(run_dir, patterns) if patterns else None, into=into)
            return cls(Tail(collector.path), LineReader(), collector=collector)
        if not patterns:
            return cls(Tail(run_dir / METRICS_FILE), LineReader())
        found = {name: compiled(text) for name, text in patterns.items()}
        return cls(Tail(run_dir / OUTPUT_FILE, redrawn=True), PatternReader(found))

    @property
    def has_patterns(self) -> bool:
        """Whether metrics are found in the output by patterns."""
        return isinstance(self.reader, PatternReader)

    @property
    def begins_file(self) -> bool:
        """Whether nothing was reported before the attempt."""
        return self.start == 0 if self.collector is None else not self._is_inherited

    @property
    def misread(self) -> Mapping[str, str]:
        """By metric, a line of output on which its pattern matched a part of a number, e.g. 9.2 of 9.2e-05."""
        if self.collector is not None:
            return self.collector.misread
        return self.reader.misread if isinstance(self.reader, PatternReader) else {}

    @property
    def unread_last(self) -> Mapping[str, str]:
        """By metric whose last value was not read, what there was."""
        return (self.reader if self.collector is None else self.collector).unread_last

    def errors(self, *, is_complete: bool) -> list[str]:
        """Return what could not be read, and whether steps fell.

        Args:
            is_complete: the program has come to its end.
        """
        collected = [] if self.collector is None else self.collector.errors(is_complete=is_complete)
        return [*collected, *self._missing(is_complete=is_complete), *self.reader.errors]

    def loss(self) -> str | None:
        """Return how reports that nobody has read may have been lost; None if there is no sign of that.

        To be asked once all was read.
        """
        lost = self.tail.loss() or self._cuts.loss(self.tail.path)
        return lost or (None if self.collector is None else self.collector.loss())

    @property
    def certain_step(self) -> int | None:
        """The step after which lines were lost, if some were; None if that may be all that the attempt reported.

        Of a program's own files, nobody knows which one lost what.
        """
        if self.collector is not None:
            return None if self._first is None else self._first - 1
        return self._last if self._restarts == 0 else self._certain

    def _missing(self, *, is_complete: bool) -> list[str]:
        output = self.tail if self.has_patterns else None
        if self.collector is not None and self.collector.output is not None:
            output = self.collector.output.tail
        if output is not None and output.trouble is not None:
            return [f"{output.path} {output.trouble}: metrics were found in what was printed, which is not kept there"]
        if output is None and self.collector is None and is_complete and not self.tail.was_there:
            what = "is not a regular file" if os.path.lexists(self.tail.path) else "does not exist"
            return [f"{self.tail.path} {what}: append metrics to that file, and leave it until the program has ended"]
        return []

    def begin(self) -> None:
        """Skip what the file holds: a process starts now.

        Raises:
            OSError: a file that the process's output goes to cannot be made.
        """
        if self.has_patterns:
            self.tail.hold()
        if self.collector is not None:
            self._is_inherited = self.tail.offset > 0
            self.collector.begin()
        self.tail.skip()
        self.start = self.tail.offset
        self._begins = self._has_reported
        if isinstance(self.reader, LineReader):
            self.reader = LineReader(number=self.tail.num_lines)
        self._cuts, self._truncations = Cuts(), self.tail.truncations

    def resume(self, start: int, offset: int, counts: Mapping[str, int], *, begins: bool) -> None:
        """Go on where another slot stopped to read.

        Args:
            start: where the attempt's part of the file begins.
            counts: the last step of each metric.
            begins: the program has cut the file there.
        """
        self.start = start
        self._begins = begins
        if isinstance(self.reader, LineReader):
            self.reader = self._reader_at(offset)
        else:
            self.reader.counts = dict(counts)
            self.reader.step = max(counts.values(), default=None)
        self.tail.start_at(offset)

    def next(self, device_seconds: float, *, closed: bool = False, rest: bool = False) -> Batch | None:
        """Return what was reported since the last time, at most about a megabyte of it; None if that is nothing.

        Args:
            device_seconds: of the trial until now.
            closed: nothing will be added to the file any more.
            rest: what follows the last newline is a line, too.
        """
        before = self.tail.offset
        if self.collector is not None:
            self.collector.collect(closed=closed, rest=rest)
        lines = self.tail.lines(closed=closed, rest=rest)
        was_cut = self.tail.restarts != self._restarts
        if was_cut:
            self._certain = self._last if self._restarts == 0 else self._certain
            self._restarts, self._begins = self.tail.restarts, self._has_reported
            if self.tail.truncations != self._truncations:
                self._truncations = self.tail.truncations
                self._cuts.cut()
            self.cut_at = self.tail.cut_at
            self.start = min(self.start, self.cut_at)
            if isinstance(self.reader, LineReader):
                self.reader = self._reader_at(self.cut_at)
        elif not lines and self.tail.offset == before:
            return None
        return self._read(lines, device_seconds, was_cut=was_cut)

    def _read(self, lines: Sequence[bytes], device_seconds: float, *, was_cut: bool) -> Batch:
        found: list[Measurement] = []
        void_from = resumed_from = None
        for line in lines:
            new = self.reader.read(line, device_seconds=device_seconds)
            step: int | None = None
            if isinstance(self.reader, LineReader) and self.reader.resumed_from is not None:
                resumed_from, self.reader.resumed_from = self.reader.resumed_from, None
                self._cuts.add(None, resumes=True)
                step = resumed_from + 1
            elif new and self._begins:
                step = min(each.step for each in new)
            if step is not None:
                self._begins = False
                found = [each for each in found if each.step < step]
                void_from = step if void_from is None else min(step, void_from)
            for each in new:
                self._cuts.add(each.step)
                self._first = each.step if self._first is None else min(each.step, self._first)
                self._last = each.step if self._last is None else max(each.step, self._last)
            found += new
        self._has_reported |= bool(found)
        offset = self.tail.offset
        return Batch(found=found, offset=offset, resumed_from=resumed_from, void_from=void_from, was_cut=was_cut)

    def _reader_at(self, offset: int) -> LineReader:
        """Return a reader that knows the lines before a place."""
        reader = LineReader()
        for place, line in lines_of(self.tail.path, offset):
            if place >= self.start:
                reader.read(line, device_seconds=0.0)
            else:
                reader.number += 1
        reader.resumed_from = None
        return reader


def pattern_uses(run_dir: Path, patterns: Mapping[str, str]) -> Mapping[str, PatternUse] | None:
    """Return what patterns match in the output of a trial, or in its beginning; None if it is not on this machine."""
    if not patterns or not (run_dir / OUTPUT_FILE).is_file():
        return None
    reports = Reports.of(run_dir, patterns)
    while reports.tail.offset < LARGE_BYTES and reports.next(0.0, closed=True, rest=True) is not None:
        pass
    return reports.reader.uses if isinstance(reports.reader, PatternReader) else None


def lines_of(path: Path, end: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that begin before a place, each with its own place; none if the file does not exist."""
    place = 0
    with suppress(FileNotFoundError), reading(path) as file:
        for line in file:
            if end is not None and place >= end:
                return
            yield place, line
            place += len(line)
