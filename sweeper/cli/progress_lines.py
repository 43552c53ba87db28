"""A run's progress: a live table on a terminal, plain lines elsewhere. Both go to standard error."""

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeper.cli.sparkline import ASCII, BARS, sparkline
from sweeper.monitor.status import Status
from sweeper.quantities import device_hours, duration, hours

CURVE_WIDTH = 20
PLAIN_EVERY_S = 30.0  # at most this long between two plain lines while nothing ends


class Progress(Protocol):
    """Shows a study's status again and again, from the start of a run to its end."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def update(self, status: Status) -> None:
        """Show the status of this moment."""


def progress_for(stream: TextIO | None = None) -> Progress:
    """A live table where the stream, by default standard error, is a terminal, plain lines elsewhere."""
    stream = stream if stream is not None else sys.stderr
    return LiveProgress() if stream.isatty() else PlainProgress(stream)


class PlainProgress:
    """A line whenever a trial ended, and now and then while nothing does: for logs."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._last_ended = -1
        self._last_at = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def update(self, status: Status) -> None:
        """Print a line if there is news or the last line is old."""
        now = self._clock()
        if status.ended == self._last_ended and now - self._last_at < PLAIN_EVERY_S:
            return
        self._last_ended, self._last_at = status.ended, now
        print(summary_line(status), file=self._stream, flush=True)


class LiveProgress:
    """A table of the phases and the running trials, drawn again in place."""

    def __init__(self) -> None:
        self._live: Live | None = None

    def __enter__(self) -> Self:

        self._live = Live(console=Console(stderr=True), refresh_per_second=4, transient=False)
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def update(self, status: Status) -> None:
        """Draw the table again."""
        if self._live is not None:
            self._live.update(status_table(status, ascii_only=self._live.console.options.ascii_only))


def summary_line(status: Status) -> str:
    """One line: what ended, what runs, what failed, device-hours, time left, best value."""
    parts = [f"{status.study}: {status.ended}/{status.planned} trials ended", f"{status.total('running')} running"]
    if status.total("failed"):
        parts.append(f"{status.total('failed')} failed")
    if status.total("pruned"):
        parts.append(f"{status.total('pruned')} pruned")
    parts.append(device_hours(status.device_hours))
    if status.best is not None:
        parts.append(f"best {status.metric} {status.best:.4g}")
    if status.eta_seconds is not None and status.ended < status.planned:
        parts.append(f"about {duration(status.eta_seconds)} left")
    elif status.late_s:
        parts.append(f"longer than expected by {duration(status.late_s)}")
    return ", ".join(parts)


def ledger_line(status: Status) -> str:
    """What was spent of the cap, and on which ends of attempts: the most first."""
    cap = status.device_hours_cap
    spent = device_hours(status.device_hours) if cap is None else f"{hours(status.device_hours)} of {device_hours(cap)}"
    share = f" ({status.device_hours / cap:.0%})" if cap else ""
    parts = sorted(status.ledger.items(), key=lambda item: (-item[1], item[0]))
    on = ", ".join(f"{hours(amount)} {reason.replace('_', ' ')}" for reason, amount in parts)
    return f"ledger: {spent}{share}{f': {on}' if on else ''}"


def status_table(status: Status, *, ascii_only: bool = False) -> RenderableType:
    """The summary, the ledger, the phases and the running trials as rich tables.

    Args:
        ascii_only: the terminal has no other characters.
    """

    phases = Table(box=None, pad_edge=False)
    phases.add_column("phase", style="bold")
    for heading in ("planned", "waiting", "running", "completed", "pruned", "failed"):
        phases.add_column(heading, justify="right")
    for phase in status.phases:
        cells = [str(phase.counts[state]) for state in ("waiting", "running", "completed", "pruned", "failed")]
        phases.add_row(Text(phase.name), str(phase.planned), *cells)
    parts: list[RenderableType] = [Text(summary_line(status)), Text(ledger_line(status)), phases]
    if status.running:
        parts.append(_running_table(status, ASCII if ascii_only else BARS))
    return Group(*parts)


def _running_table(status: Status, bars: str) -> RenderableType:

    table = Table(box=None, pad_edge=False)
    for heading in ("trial", "slot", "attempt", "for", "left", "done", status.metric, "curve"):
        table.add_column(heading, no_wrap=heading == "curve")
    for trial in status.running:
        done = ProgressBar(total=1.0, completed=trial.fraction, width=12) if trial.fraction is not None else Text("?")
        value = f"{trial.value:.4g}" if trial.value is not None else ""
        curve = Text(sparkline(trial.curve, width=CURVE_WIDTH, is_log=status.is_log, bars=bars))
        name = Text(f"{trial.phase}/{trial.number}")
        left = _left(trial.left_s)
        table.add_row(name, Text(trial.slot), str(trial.attempt), duration(trial.elapsed_s), left, done, value, curve)
    return table


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return duration(seconds) if seconds >= 0 else f"late by {duration(-seconds)}"
