"""A run's progress on standard error: a live table on a terminal, plain lines elsewhere."""

import sys
from collections.abc import Sequence
from types import TracebackType
from typing import Final, Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from sweeper.cli.progress_lines import PlainProgress, Progress, claim_cells, claim_line, ledger_line, summary_line
from sweeper.cli.sparkline import ASCII, BARS, sparkline
from sweeper.monitor.claims import ClaimStatus
from sweeper.monitor.status import Status
from sweeper.quantities import duration
from sweeper.store.records import TRIAL_STATES, TrialState

CURVE_WIDTH: Final = 20
MENTIONED: Final[tuple[TrialState, ...]] = ("running", "pruned", "failed")  # in lines, where they are not 0
WIDTH: Final = 72  # columns of a terminal from which on tables fit
CLAIMS_WIDTH: Final = 100  # the same for the table of claims
REFRESH_PER_SECOND: Final = 4


def progress_for(stream: TextIO | None = None) -> Progress:
    """Return a live table if the stream (default: standard error) is a terminal, else plain lines."""
    stream = stream if stream is not None else sys.stderr
    return LiveProgress() if stream.isatty() else PlainProgress(stream)


def print_status(status: Status) -> None:
    """Print a study's status as tables on standard output."""
    console = Console(file=sys.stdout, soft_wrap=True)
    console.print(status_table(status, ascii_only=console.options.ascii_only, width=console.width))


class LiveProgress:
    """A table of the phases and the running trials, redrawn in place."""

    def __init__(self) -> None:
        self._live: Live | None = None

    def __enter__(self) -> Self:
        self._live = Live(console=Console(stderr=True), refresh_per_second=REFRESH_PER_SECOND, transient=False)
        self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.__exit__(kind, error, trace)

    def update(self, status: Status) -> None:
        """Redraw the table."""
        if self._live is not None:
            console = self._live.console
            self._live.update(status_table(status, ascii_only=console.options.ascii_only, width=console.width))


def status_table(status: Status, *, ascii_only: bool = False, width: int = WIDTH) -> RenderableType:
    """Return the summary, the ledger, the phases and the running trials as rich tables.

    Args:
        ascii_only: whether the terminal shows only ASCII characters.
        width: of the terminal, in columns; narrow ones get a line for each phase and each running trial.
    """
    packed = [Text(packing.text) for packing in status.packings]
    if width < WIDTH:
        claims = [Text(claim_line(claim)) for claim in status.claims]
        return Group(Text(summary_line(status)), Text(ledger_line(status)), *packed, *_lines(status), *claims)
    phases = Table(box=None, pad_edge=False)
    phases.add_column("phase", style="bold")
    for heading in ("planned", *TRIAL_STATES):
        phases.add_column(heading, justify="right")
    for phase in status.phases:
        cells = [str(phase.counts[state]) for state in TRIAL_STATES]
        phases.add_row(Text(phase.name), str(phase.planned), *cells)
    parts: list[RenderableType] = [Text(summary_line(status)), Text(ledger_line(status)), *packed, phases]
    if status.claims and width >= CLAIMS_WIDTH:
        parts.append(_claims_table(status.claims))
    elif status.claims:
        parts += [Text(claim_line(claim)) for claim in status.claims]
    if status.running:
        parts.append(_running_table(status, ASCII if ascii_only else BARS))
    return Group(*parts)


def _claims_table(claims: Sequence[ClaimStatus]) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    table.add_column("claim", style="bold", overflow="fold")
    table.add_column("where it is")
    for heading in ("effect", "repeated 95% interval", "error left"):
        table.add_column(heading, justify="right")
    for claim in claims:
        table.add_row(Text(claim.claim), *map(Text, claim_cells(claim)))
    return table


def _lines(status: Status) -> list[Text]:
    lines = []
    for phase in status.phases:
        ended = phase.planned - phase.counts["waiting"] - phase.counts["running"]
        counts = [f"{phase.counts[state]} {state}" for state in MENTIONED if phase.counts[state]]
        lines.append(", ".join([f"{phase.name}: {ended} of {phase.planned} ended", *counts]))
    for trial in status.running:
        done = "?" if trial.fraction is None else f"{trial.fraction:.0%} done"
        value = "" if trial.value is None else f", {status.metric} {trial.value:.4g} ({_point(status)})"
        lines.append(f"{trial.phase}/{trial.number}: {done}{value}")
    return [Text(line) for line in lines]


def _running_table(status: Status, bars: str) -> RenderableType:
    table = Table(box=None, pad_edge=False)
    measured = f"{status.metric}, {_point(status)}"
    for heading in ("trial", "slot", "attempt", "elapsed", "left", "done", measured, "curve"):
        table.add_column(heading, no_wrap=heading == "curve")
    for trial in status.running:
        done = ProgressBar(total=1.0, completed=trial.fraction, width=12) if trial.fraction is not None else Text("?")
        value = f"{trial.value:.4g}" if trial.value is not None else ""
        curve = Text(sparkline(trial.curve, width=CURVE_WIDTH, is_log=status.is_log, bars=bars))
        name = Text(f"{trial.phase}/{trial.number}")
        left = _left(trial.left_s)
        table.add_row(name, Text(trial.slot), str(trial.attempt), duration(trial.elapsed_s), left, done, value, curve)
    return table


def _point(status: Status) -> str:
    """Return which point of its curve so far a running trial is shown with."""
    return "best so far" if status.point == "best" else status.point


def _left(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return duration(seconds) if seconds >= 0 else f"{duration(-seconds)} late"
