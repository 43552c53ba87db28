"""What a trial reports: lines of metrics.jsonl, or of its output by regular expressions, as measurements.

The protocol: the process appends JSON lines such as ``{"step": 100, "valid_perplexity": 91.2}`` to
``$SWEEPER_RUN_DIR/metrics.jsonl``. Only complete lines are read, so killing a process in the middle of a line is
harmless.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from sweeper.spec.study import COORDINATES
from sweeper.store.records import Measurement, storable

METRICS_FILE: Final = "metrics.jsonl"
MAX_STEP: Final = 2**63 - 1
READ_BYTES: Final = 1 << 20
MARK_BYTES: Final = 256  # of the last lines read; they show whether a file was truncated and has grown again
MOST_ERRORS: Final = 3
NUMBER: Final = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")


@dataclass(slots=True)
class Tail:
    """Reads a growing file line by line.

    A file that was truncated below what was read, as our trainer does when it resumes, is read again from the start;
    that is harmless, since a step's measurement replaces the previous one. Truncation shows in the file's length or, if
    the file has grown again in the meantime, in the bytes before the offset.

    Attributes:
        offset: bytes that were read.
        restarts: how often the file was found truncated.
    """

    path: Path
    offset: int = 0
    restarts: int = 0
    _before: bytes = b""

    def lines(self, *, rest: bool = False) -> list[bytes]:
        """Return the complete lines since the last call, at most about a megabyte; none if the file does not exist.

        Args:
            rest: take what follows the last newline as a line, too: nothing will be added to it.
        """
        try:
            with self.path.open("rb") as file:
                chunk = self._read(file)
        except FileNotFoundError:
            return []
        end = len(chunk) if rest else chunk.rfind(b"\n") + 1
        if end:
            self.offset += end
            self._before = chunk[max(0, end - MARK_BYTES) : end]
        return chunk[:end].splitlines()

    def _read(self, file: IO[bytes]) -> bytes:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, self.offset - len(self._before)))
        if size < self.offset or file.read(len(self._before)) != self._before:
            self.offset, self._before = 0, b""
            self.restarts += 1
        file.seek(self.offset)
        chunk = file.read(READ_BYTES)
        while b"\n" not in chunk and (more := file.read(READ_BYTES)):
            chunk += more
        return chunk


@dataclass(slots=True)
class LineReader:
    """Turns lines of metrics.jsonl into measurements; remembers what it could not read."""

    count: int = 0  # lines so far: the step of a line without one
    errors: list[str] = field(default_factory=list)

    def read(self, line: bytes, *, device_seconds: float) -> list[Measurement]:
        """Return the measurements of one line.

        Args:
            device_seconds: of the trial until now, used if the line has none.
        """
        self.count += 1
        if not line.strip():
            return []
        try:
            values = json.loads(line)
        except (ValueError, UnicodeDecodeError, RecursionError):
            values = None
        if not isinstance(values, dict):
            self._note(f"{METRICS_FILE}: line {self.count} is not a JSON object: {line[:80]!r}")
            return []
        step = _integer(values.get("step"))
        if step is None and "step" in values:
            self._note(f"{METRICS_FILE}: line {self.count}: step {values['step']!r} is not an integer ≥ 0")
            return []
        seconds = _number(values.get("device_seconds"))
        return [
            Measurement(
                metric=storable(name)[:200],
                step=self.count if step is None else step,
                value=number,
                tokens=_integer(values.get("tokens")),
                flops=_number(values.get("flops")),
                device_seconds=device_seconds if seconds is None else seconds,
            )
            for name, value in values.items()
            if name not in COORDINATES and (number := _number(value, finite=False)) is not None
        ]

    def _note(self, message: str) -> None:
        if len(self.errors) < MOST_ERRORS:
            self.errors.append(message)


@dataclass(slots=True)
class PatternReader:
    """Finds metrics in a program's output by regular expressions; `step` may be one of them.

    The number is each pattern's group named ``value``, else its first group, else the whole match. A step found on a
    line applies to the metrics of that line and of those after it; without a step pattern, metrics are counted.

    Attributes:
        misread: by metric, a line on which its pattern matched a part of a number, e.g. 9.2 of 9.2e-05.
    """

    patterns: Mapping[str, re.Pattern[str]]
    step: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    misread: dict[str, str] = field(default_factory=dict)
    _not_numbers: dict[str, str] = field(default_factory=dict)

    def read(self, line: bytes, *, device_seconds: float) -> list[Measurement]:
        """Return the measurements of one line of output."""
        text = line.decode(errors="replace")
        found = {
            name: number
            for name, pattern in self.patterns.items()
            if (number := self._find(name, pattern, text)) is not None
        }
        step = _integer(found.pop("step", None))
        if step is not None:
            self.step = step
        measurements = []
        for name, value in found.items():
            self.counts[name] = self.counts.get(name, 0) + 1
            at = self.counts[name] if "step" not in self.patterns else (self.step or 0)
            measurements.append(Measurement(metric=name, step=at, value=value, device_seconds=device_seconds))
        return measurements

    @property
    def errors(self) -> list[str]:
        """What could not be read: parts of numbers, and matches of metrics for which no number was ever found."""
        never = [text for name, text in self._not_numbers.items() if name not in self.counts]
        return [*self.misread.values(), *never][:MOST_ERRORS]

    def _find(self, name: str, pattern: re.Pattern[str], text: str) -> float | None:
        match = pattern.search(text)
        if match is None:
            return None
        group: str | int = "value" if match.groupdict().get("value") is not None else min(pattern.groups, 1)
        word = match.group(group) or ""
        try:
            number = float(word.replace(",", ""))
        except ValueError:
            message = f"{name}: {word[:40]!r} is not a number; keep only the number in the group of {pattern.pattern!r}"
            self._not_numbers.setdefault(name, message)
            return None
        # Programs that count steps in fractions, such as epoch 1.5, may want only the integer part as the step.
        if name != "step" and (whole := _whole_number(text, *match.span(group))) is not None:
            part = f"its pattern, {pattern.pattern!r}, matches only {word!r} of {whole!r} in {text.strip()[:80]!r}"
            self.misread.setdefault(name, rf"{name}: {part}; use (\S+) for the number")
            return None
        return number


def _whole_number(text: str, start: int, end: int) -> str | None:
    """Return the number of which a match is only a part; None if it is not a part of one."""
    for number in NUMBER.finditer(text):
        if number.start() <= start < number.end():
            before = text[number.start() : start].strip("+-")  # a sign may be a dash: loss-0.5
            return number.group() if before or number.end() > end else None
    return None


def _number(value: object, *, finite: bool = True) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    return number if math.isfinite(number) or not finite else None


def _integer(value: object) -> int | None:
    number = _number(value)
    if number is None or number < 0 or number != int(number) or number > MAX_STEP:
        return None
    return int(value) if isinstance(value, int) else int(number)
