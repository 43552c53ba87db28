"""What a study finds in a log that is there already: what each pattern matched, and the numbers and steps read."""

import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Final

from sweeper.errors import UsageError
from sweeper.execution.slots.collecting.collector import collected_rows
from sweeper.execution.slots.metrics import METRICS_FILE, OUTPUT_FILE, LineReader, PatternReader
from sweeper.execution.slots.numerals import displayed
from sweeper.execution.slots.pattern_use import SHOWN, PatternUse, name_pattern
from sweeper.execution.slots.programs import patterns_of
from sweeper.execution.slots.reports import Reports, lines_of
from sweeper.execution.slots.tail import Tail
from sweeper.spec.metric_source import RUN_DIR, MetricSource
from sweeper.spec.patterns import compiled
from sweeper.spec.placeholders import fill
from sweeper.spec.program import CommandProgram, Program

MOST_MENTIONS: Final = 3
MENTIONED_LINES: Final = 100_000  # that are searched for a metric's name

Point = tuple[int, float]  # a step and a value


@dataclass(frozen=True, slots=True, kw_only=True)
class LogReading:
    """What was found in a log.

    Attributes:
        lines: how many it has; None for files of metrics.
        curves: by metric the points in the order of their steps; of several at a step, the last one.
        patterns: by metric, as the study file has them.
        uses: by metric what its pattern matched.
        rows: the rows that were read of each file of metrics.
        mentions: by metric of which nothing was found, lines that have its name.
        problems: what could not be read.
        misread: the metrics of which a number was not read in full.
        unread_last: by metric whose last value was not read, what there was.
    """

    place: Path
    lines: int | None
    curves: Mapping[str, Sequence[Point]]
    patterns: Mapping[str, str]
    uses: Mapping[str, PatternUse]
    rows: Mapping[str, int] = field(default_factory=dict)
    mentions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    problems: Sequence[str] = ()
    misread: frozenset[str] = frozenset()
    unread_last: Mapping[str, str] = field(default_factory=dict)


def read_log(place: Path, program: Program, *, shown: Path | None = None) -> LogReading:
    """Read what a program has printed or written before.

    Args:
        place: a file of output, or of metrics if the program writes metrics.jsonl; or a directory, such as a trial's.
        shown: what messages call it, if the place itself is temporary.

    Raises:
        UsageError: a file was named, but the study takes its metrics from files in a directory.
    """
    if shown is None:
        return _found(place, program, place)
    found = _found(place, program, shown)
    return replace(found, place=shown, problems=[text.replace(str(place), str(shown)) for text in found.problems])


def _found(place: Path, program: Program, shown: Path) -> LogReading:
    patterns = patterns_of(program)
    sources = _anywhere(program)
    if place.is_dir():
        with tempfile.TemporaryDirectory() as scratch:
            into = Path(scratch)
            return _read(place, Reports.of(place, patterns, sources, into=into), patterns, _log_in(place), into=into)
    if sources and not patterns:
        raise UsageError(
            f"--log {shown}: the metrics of this study are in files, {', '.join(each.place for each in sources)}. "
            "Name the directory with them."
        )
    if not patterns:
        found = _read(place, Reports(Tail(place), LineReader()), patterns, None)
        return found if found.curves else replace(found, problems=[_no_patterns(shown)])
    reader = PatternReader({name: compiled(text) for name, text in patterns.items()})
    return _read(place, Reports(Tail(place, redrawn=True), reader), patterns, place)


def _anywhere(program: Program) -> tuple[MetricSource, ...]:
    """Return the files of metrics, whatever the trial: its values may be anything in their names."""
    if not isinstance(program, CommandProgram):
        return ()
    values: dict[str, object] = defaultdict(lambda: "*")
    values["run_dir"] = RUN_DIR
    return tuple(replace(source, place=fill(source.place, values)) for source in program.sources)


def _log_in(directory: Path) -> Path | None:
    log = directory / OUTPUT_FILE
    return log if log.is_file() else None


def _read(
    place: Path, reports: Reports, patterns: Mapping[str, str], log: Path | None, *, into: Path | None = None
) -> LogReading:
    curves: dict[str, dict[int, float]] = {}
    while (batch := reports.next(0.0, closed=True, rest=True)) is not None:
        if batch.void_from is not None:
            for curve in curves.values():
                for step in [step for step in curve if step >= batch.void_from]:
                    del curve[step]
        for each in batch.found:
            curves.setdefault(each.metric, {})[each.step] = each.value
    output = None if reports.collector is None else reports.collector.output
    reader = reports.reader if output is None else output.reader
    uses = reader.uses if isinstance(reader, PatternReader) else {}
    unseen = [name for name in patterns if name not in uses]
    return LogReading(
        place=place,
        lines=None if log is None else sum(1 for _ in lines_of(log)),
        curves={name: sorted(curve.items()) for name, curve in curves.items()},
        patterns=patterns,
        uses=uses,
        rows={} if into is None else {name: n for name, n in collected_rows(into).items() if name != OUTPUT_FILE},
        mentions={} if log is None else {name: list(_mentions(name, log)) for name in unseen},
        problems=_problems(reports, place),
        misread=frozenset(reports.misread),
        unread_last=reports.unread_last,
    )


def _no_patterns(place: Path) -> str:
    return (
        f"{place} was read as {METRICS_FILE}, since the study has no patterns: it has no line such as "
        '{"step": 1, "loss": 0.5}. To find metrics in what the program prints, add trial.program.metrics'
    )


def _problems(reports: Reports, place: Path) -> list[str]:
    if reports.collector is None and isinstance(reports.reader, LineReader) and not reports.tail.was_there:
        return [f"{reports.tail.path} is not there: the study's program writes its metrics to {METRICS_FILE}"]
    if reports.has_patterns and not reports.tail.was_there:
        return [f"{place / OUTPUT_FILE} is not there: name the file that has what the program printed"]
    return list(dict.fromkeys(reports.errors(is_complete=True)))


def _mentions(name: str, log: Path) -> Iterator[str]:
    """Yield lines with the name of a metric that its pattern matched nowhere, at most a few."""
    pattern = name_pattern(name)
    found = 0
    for _, line in islice(lines_of(log), MENTIONED_LINES):
        text = displayed(line.decode(errors="replace")).strip()
        if pattern.search(text):
            yield text[:SHOWN]
            found += 1
            if found == MOST_MENTIONS:
                return
