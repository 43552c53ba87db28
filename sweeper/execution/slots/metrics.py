"""What a trial reports: lines of metrics.jsonl, or of its output by regular expressions, as measurements.

The protocol: the process appends JSON lines such as ``{"step": 100, "valid_perplexity": 91.2}`` to
``$SWEEPER_RUN_DIR/metrics.jsonl``. Only complete lines are read, so killing a process in the middle of a line is
harmless. A program that resumes from a checkpoint says so by a line ``{"resumed_from": 100}``.
"""

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from sweeper.execution.slots.matching import SEARCH_S, SearchTimeout, search
from sweeper.execution.slots.numerals import (
    GROUPS,
    displayed,
    is_ambiguous,
    number_in,
    whole_number,
)
from sweeper.execution.slots.pattern_use import SHOWN, PatternUse, name_pattern
from sweeper.execution.slots.reported_steps import Steps
from sweeper.execution.slots.tail import LINE_BYTES
from sweeper.execution.slots.unread import Unread, is_value
from sweeper.spec.patterns import NUMBER, written
from sweeper.spec.program import STEP
from sweeper.spec.study import COORDINATES
from sweeper.store.records import Measurement, storable

METRICS_FILE: Final = "metrics.jsonl"
OUTPUT_FILE: Final = "output.log"
MAX_STEP: Final = 2**63 - 1
MATCHED_BYTES: Final = 1 << 16  # of a line of output, in which patterns are looked for
RESUMED_FROM: Final = "resumed_from"
NO_METRICS: Final = (*COORDINATES, RESUMED_FROM)
MOST_SLOW: Final = 10  # lines that a pattern may be too slow on before it is given up
MOST_ERRORS: Final = 3

MisreadPart = Literal["value", "step"]


@dataclass(slots=True)
class LineReader:
    """Turns lines of metrics.jsonl into measurements; remembers what it could not read.

    Attributes:
        count: lines so far, from the step that the program resumed from: the step of a line without one.
        number: of the last line, in the file.
        resumed_from: set by a line that says which step the program resumed from; -1 if it began anew.
        unread_last: by metric whose last value was not read, what there was.
    """

    count: int = 0
    number: int = 0
    resumed_from: int | None = None
    steps: Steps = field(default_factory=Steps)
    unread_last: dict[str, str] = field(default_factory=dict)
    _errors: list[str] = field(default_factory=list)
    _unread: dict[str, Unread] = field(default_factory=dict)  # by metric
    _numbers: set[str] = field(default_factory=set)

    def read(self, line: bytes, *, device_seconds: float) -> list[Measurement]:
        """Return the measurements of one line.

        Args:
            device_seconds: of the trial until now, used if the line has none.
        """
        self.count += 1
        self.number += 1
        if not line.strip():
            return []
        values = json_object(line)
        if values is None:
            long = len(line) > LINE_BYTES
            what = f"is longer than {LINE_BYTES:,} bytes" if long else f"is not a JSON object: {line[:80]!r}"
            self._note(what)
            return self._leave_out({name: line for name in self._numbers if json.dumps(name).encode() in line})
        if RESUMED_FROM in values and not self._resume(values[RESUMED_FROM]):
            return self._leave_out(values)
        step = _integer(values.get("step"))
        if step is None and "step" in values:
            self._note(f"step {values['step']!r} is not an integer ≥ 0", colon=True)
            return self._leave_out(values)
        found = self._measurements(values, self.count if step is None else step, device_seconds)
        if not found and RESUMED_FROM in values:
            self.count -= 1
        self.steps.add(found)
        return found

    @property
    def errors(self) -> list[str]:
        """What could not be read, and whether steps fell."""
        texts = [
            f"{METRICS_FILE}: {name} {unread.text(is_mixed=name in self._numbers)}"
            for name, unread in self._unread.items()
            if name in self._numbers or unread.is_number
        ]
        return [*self._errors, *texts, *([] if self.steps.fall is None else [self.steps.fall])][:MOST_ERRORS]

    def _measurements(self, values: Mapping[str, object], step: int, device_seconds: float) -> list[Measurement]:
        seconds = _number(values.get("device_seconds"))
        for name, value in values.items():
            if name not in NO_METRICS and (is_unread := _is_unread(value)) is not None:
                if is_unread:
                    self._unread.setdefault(name, Unread(value, self.number)).count += 1
                    self._leave_out({name: value})
                else:
                    self._numbers.add(name)
                    self.unread_last.pop(name, None)
        return [
            Measurement(
                metric=storable(name)[:200],
                step=step,
                value=number,
                tokens=_integer(values.get("tokens")),
                flops=_number(values.get("flops")),
                device_seconds=device_seconds if seconds is None else seconds,
            )
            for name, value in values.items()
            if name not in NO_METRICS and (number := _number(value, finite=False)) is not None
        ]

    def _leave_out(self, values: Mapping[str, object]) -> list[Measurement]:
        """Note that values of metrics are not read; return no measurements."""
        for name, value in values.items():
            if name not in NO_METRICS and is_value(value):
                self.unread_last[name] = f"line {self.number} of {METRICS_FILE} has {str(value)[:SHOWN]!r}"
        return []

    def _resume(self, value: object) -> bool:
        """Go on from the step that the program resumed from; return whether it is one."""
        step = -1 if value is None else _integer(value)
        if step is None:
            self._note(f"{RESUMED_FROM} {value!r} is neither an integer ≥ 0 nor null", colon=True)
            return False
        self.resumed_from = step
        self.count = max(0, step) + 1  # the line itself may have metrics, too
        self.steps = Steps(fall=self.steps.fall)
        return True

    def _note(self, message: str, *, colon: bool = False) -> None:
        if len(self._errors) < MOST_ERRORS:
            self._errors.append(f"{METRICS_FILE}: line {self.number}{':' if colon else ''} {message}")


@dataclass(slots=True)
class PatternReader:
    """Finds metrics in a program's output by regular expressions; `step` may be one of them.

    The number is each pattern's group named ``value``, else its first group, else the whole match. A step found on a
    line applies to the metrics of that line and of those after it; without a step pattern, metrics are counted.

    Attributes:
        misread: by metric, a line on which its pattern matched a part of a number, e.g. 9.2 of 9.2e-05, or why it was
            given up.
        has_long_lines: a line was longer than what is read of one.
        uses: by metric what its pattern matched.
        mentions: by metric that was not found yet, the first line with its name.
        unread_last: by metric whose last value was not read, what there was.
    """

    patterns: Mapping[str, re.Pattern[str]]
    step: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    misread: dict[str, str] = field(default_factory=dict)
    steps: Steps = field(default_factory=Steps)
    has_long_lines: bool = False
    uses: dict[str, PatternUse] = field(default_factory=dict)
    mentions: dict[str, str] = field(default_factory=dict)
    unread_last: dict[str, str] = field(default_factory=dict)
    _names: dict[str, re.Pattern[str]] = field(default_factory=dict)
    _fraction: str | None = None
    _no_step: str | None = None  # what a step's pattern matched
    _is_misplaced: bool = False  # the last step was none, so the metrics beside and after it belong to none
    _num_steps: int = 0
    _missed: dict[str, int] = field(default_factory=dict)  # by metric found beside every step so far, those since
    _slow: dict[str, list[str]] = field(default_factory=dict)

    def read(self, line: bytes, *, device_seconds: float) -> list[Measurement]:
        """Return the measurements of one line of output."""
        seen = line if b"\b" in line else line[:MATCHED_BYTES]  # what is drawn over does not count
        text = displayed(seen.decode(errors="replace"))[:MATCHED_BYTES]
        self.has_long_lines |= len(line) > LINE_BYTES
        found = {
            name: number
            for name, pattern in self.patterns.items()
            if (number := self._find(name, pattern, text)) is not None
        }
        self._look_for_names(text)
        if "step" in found:
            self._take_step(found.pop("step"))
            if not self._is_misplaced:
                self._count_beside_steps(found)
        if self._is_misplaced:
            self.unread_last |= dict.fromkeys(found, f"the step of {text.strip()[:SHOWN]!r} is none")
            return []
        measurements = []
        for name, value in found.items():
            self.unread_last.pop(name, None)
            self.counts[name] = self.counts.get(name, 0) + 1
            at = self.counts[name] if "step" not in self.patterns else (self.step or 0)
            measurements.append(Measurement(metric=name, step=at, value=value, device_seconds=device_seconds))
        self.steps.add(measurements)
        return measurements

    @property
    def errors(self) -> list[str]:
        """What could not be read, e.g. matches of metrics for which no number was ever found, and if steps fell."""
        unread = [
            (use.mixed if name in self.counts else use.numberless)(name, written(pattern))
            for name, pattern in self.patterns.items()  # in the order of the study's own metric first
            if name not in self.misread and (use := self.uses.get(name)) is not None
        ]
        misread = [self.misread[name] for name in self.patterns if name in self.misread]
        long = [f"{OUTPUT_FILE}: a line is longer than {LINE_BYTES:,} bytes; only its beginning was read"]
        fall = [] if self.steps.fall is None else [self.steps.fall]
        slow = [lines[0] for name, lines in self._slow.items() if lines and name not in self.misread]
        long = long if self.has_long_lines else []
        uneven = [text for text in (self._no_step, self._fraction, self._without_steps) if text is not None]
        several = [use.fault(name, written(self.patterns[name])) for name, use in self.uses.items() if name != "step"]
        missed = [
            f"{name}: its pattern, {written(self.patterns[name])!r}, matched no line, e.g. not {line!r}"
            for name, line in self.mentions.items()
            if name not in {*self.uses, *self.counts}
        ]
        others = [*missed, *self._breaks, *(text for text in several if text), *long, *fall]
        return [*misread, *slow, *filter(None, unread), *uneven, *others][:MOST_ERRORS]

    def _look_for_names(self, text: str) -> None:
        """Remember the first line with the name of a metric that no pattern has found."""
        for name in self.patterns.keys() - self.uses.keys() - self.mentions.keys() - {"step"}:
            if name not in self._names:
                self._names[name] = name_pattern(name)
            if self._names[name].search(text):
                self.mentions[name] = text.strip()[:SHOWN]

    def _count_beside_steps(self, found: Mapping[str, float]) -> None:
        """Count the lines with a step that lack a metric which all lines with a step had before."""
        if self._num_steps == 0:
            self._missed = dict.fromkeys(found, 0)
        self._num_steps += 1
        back = {name for name, missed in self._missed.items() if missed and name in found}
        self._missed = {name: missed + (name not in found) for name, missed in self._missed.items() if name not in back}

    @property
    def _breaks(self) -> list[str]:
        """The metrics that stood beside every step up to one, and beside none after it, as where they become nan."""
        return [
            f"{name}: found on every line with a step up to {self.steps.last[name]}, and on none of the {missed} after "
            "it; does its pattern match nan and inf? Use {number} for the number"
            for name, missed in self._missed.items()
            if missed and name not in self.misread
        ]

    @property
    def _without_steps(self) -> str | None:
        """That no step was found for metrics that were, so that only the last value of each counts; None if not so."""
        most = max(self.counts.values(), default=0)
        if "step" not in self.patterns or self.step is not None or "step" in self.uses or most < 2:
            return None
        return (
            f"step: its pattern, {written(self.patterns['step'])!r}, matched no line, so all {most} reports count as "
            "step 0, of which the last one replaces the others"
        )

    def _take_step(self, number: float) -> None:
        """Take a step; from one that is not an integer on, each is at least the next integer after the one before."""
        step = _integer(number)
        if (step is None or self._fraction is not None) and math.isfinite(number) and 0 <= number < MAX_STEP:
            step = math.floor(number) if self.step is None else max(self.step + 1, math.floor(number))
            if self._fraction is None:
                self._fraction = (
                    f"step: its pattern, {written(self.patterns['step'])!r}, matched {number:g}, which is not an "
                    f"integer; such reports count as steps {step}, {step + 1}, …"
                )
        self._is_misplaced = step is None
        if step is not None:
            self.step = step
        elif self._no_step is None:
            self._no_step = (
                f"step: its pattern, {written(self.patterns['step'])!r}, matched {number:g}, which is not an integer "
                "from 0 to 2**63 - 1; what was reported there is left out"
            )

    def _search(self, name: str, pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
        """Search for a pattern that has not been too slow too often."""
        slow = self._slow.setdefault(name, [])
        if len(slow) >= MOST_SLOW:
            return None
        try:
            return search(pattern, text)
        except SearchTimeout:
            begun = f"its pattern, {written(pattern)!r}, gave no answer within {SEARCH_S:g} s of CPU time on"
            self.unread_last[name] = f"its pattern was too slow on {text.strip()[:SHOWN]!r}"
            slow.append(f"{name}: {begun} {text.strip()[:80]!r}; use one without nested repetitions")
            if len(slow) >= MOST_SLOW:
                self.misread.setdefault(name, f"{slow[0]}. It was no longer searched for after {MOST_SLOW} such lines")
            return None

    def _find(self, name: str, pattern: re.Pattern[str], text: str) -> float | None:
        match = self._search(name, pattern, text)
        if match is None:
            return None
        group: str | int = "value" if match.groupdict().get("value") is not None else min(pattern.groups, 1)
        word = match.group(group) or ""
        number = number_in(word)
        self.uses.setdefault(name, PatternUse()).add(match, text, word, is_number=number is not None)
        if number is None:
            if is_value(word):
                self.unread_last[name] = f"{word[:SHOWN]!r} in {text.strip()[:SHOWN]!r} is not a number"
            if is_ambiguous(word):
                what = f"its pattern, {written(pattern)!r}, matched {word[:40]!r} in {text.strip()[:80]!r}"
                self.misread.setdefault(name, f"{name}: {what}, which is not a number; write it with a decimal point")
            return None
        # A comma in the pattern says what commas are, and a pattern that continues what follows the number.
        is_open, commas = match.end() == match.end(group), "," not in written(pattern)
        whole = whole_number(text, *match.span(group), is_open=is_open, commas=commas)
        # Programs that count steps in fractions, such as epoch 1.5, may want only the integer part as the step.
        if whole is not None and (name != STEP or GROUPS.fullmatch(whole)):
            part = f"its pattern, {written(pattern)!r}, matches only {word!r} of {whole!r} in {text.strip()[:80]!r}"
            self.misread.setdefault(name, f"{name}: {part}; {_remedy(pattern, whole)}")
            return None
        return number


def _remedy(pattern: re.Pattern[str], whole: str) -> str:
    """Return what to do about a number of which a pattern matches a part."""
    if number_in(whole) is not None and NUMBER not in written(pattern):
        return f"use {NUMBER} for it"
    return "print it as one plain number; or, if it ends there, let the pattern continue with what follows it"


def misread_part(metric: str, patterns: Collection[str], misread: Collection[str]) -> MisreadPart | None:
    """Return which part of a metric's curve was not read in full, given the metrics that have patterns or were not."""
    if metric in misread:
        return "value"
    return "step" if metric in patterns and STEP in misread else None


def json_object(line: bytes) -> dict[str, object] | None:
    """Return the JSON object that a line is; None if it is none."""
    try:
        values = json.loads(line)
    except (ValueError, UnicodeDecodeError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _number(value: object, *, finite: bool = True) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    return number if math.isfinite(number) or not finite else None


def _is_unread(value: object) -> bool | None:
    """Return whether a value of metrics.jsonl is one that is no number; None if it is no value, but null or words."""
    if not is_value(value):
        return None
    return _number(value, finite=False) is None


def _integer(value: object) -> int | None:
    number = _number(value)
    if number is None or number < 0 or number != int(number) or number > MAX_STEP:
        return None
    return int(value) if isinstance(value, int) else int(number)
