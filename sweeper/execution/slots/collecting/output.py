"""A program's output as one of several sources of metrics: what its patterns find, as lines."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sweeper.execution.slots.collecting.files import FROM
from sweeper.execution.slots.collecting.rows import STEP
from sweeper.execution.slots.metrics import OUTPUT_FILE, PatternReader
from sweeper.execution.slots.regular_files import size_of
from sweeper.execution.slots.tail import Tail
from sweeper.spec.patterns import compiled


class Output:
    """Reads the output line by line."""

    def __init__(self, run_dir: Path, patterns: Mapping[str, str]) -> None:
        self._patterns = {name: compiled(text) for name, text in patterns.items()}
        self.tail = Tail(run_dir / OUTPUT_FILE, redrawn=True)
        self.reader = PatternReader(self._patterns)

    def begin(self) -> None:
        """Skip what there is: an attempt begins.

        Raises:
            OSError: the file cannot be made.
        """
        self.tail.hold()
        self.tail.skip()
        self.reader = PatternReader(self._patterns)

    def resume(self, offset: int, steps: Mapping[str, int]) -> None:
        """Continue at a place, with the last step of each metric."""
        self.tail.start_at(min(offset, size_of(self.tail.path)))
        self.reader.counts = dict(steps)
        self.reader.step = max(steps.values(), default=None)

    def lines(self, *, closed: bool, rest: bool) -> Iterator[dict[str, Any]]:
        """Yield a line for each measurement."""
        while found := self.tail.lines(closed=closed, rest=rest):
            for line in found:
                for each in self.reader.read(line, device_seconds=0.0):
                    yield {STEP: each.step, each.metric: each.value, FROM: [OUTPUT_FILE, self.tail.offset]}
