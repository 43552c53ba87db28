"""A run's progress as plain lines. Imports no rich, so that `sweeper status --json` answers fast."""

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Final, Protocol, Self, TextIO

from sweeper.evidence.formatting import number, percent
from sweeper.monitor.claims import ClaimStatus
from sweeper.monitor.decision import Stage
from sweeper.monitor.status import Status
from sweeper.quantities import counted, device_hours, duration, hours

WIDEST: Final = math.log(100.0)  # of an interval of ratios that is shown
ENDS: Final[Mapping[Stage, str]] = {
    "unlikely": "given up",
    "used_up": "undecided with all seeds used",
    "budget_ended": "undecided as the budget ended",
    "open": "open",
}
UNREACHED: Final = "untested as the budget ended"  # before the first look
PLAIN_EVERY_S: Final = 30.0  # the longest silence between two plain lines while no trial ends


class Progress(Protocol):
    """Shows a study's status repeatedly while it runs."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def update(self, status: Status) -> None:
        """Show the current status."""


class PlainProgress:
    """Prints a line whenever a trial ends, and every 30 s while none does; suits log files."""

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
        """Print a line if a trial has ended or the last line is old."""
        now = self._clock()
        if status.ended == self._last_ended and now - self._last_at < PLAIN_EVERY_S:
            return
        self._last_ended, self._last_at = status.ended, now
        print(summary_line(status), file=self._stream, flush=True)


def summary_line(status: Status) -> str:
    """Summarize a study in one line: trials by state, device-hours, best value and time left."""
    parts = [f"{status.study}: {status.ended}/{status.planned} trials ended", f"{status.total('running')} running"]
    if status.total("failed"):
        parts.append(f"{status.total('failed')} failed")
    if status.total("pruned"):
        parts.append(f"{status.total('pruned')} pruned")
    if status.claims:
        parts.append(decided_text(status))
    parts.append(device_hours(status.device_hours) + cost_text(status))
    if status.best is not None:
        parts.append(f"best {status.metric} {status.best:.4g}")
    if status.eta_seconds is not None and status.ended < status.planned:
        whole = "left" if status.open_round is None else "left in this round"
        parts.append(f"about {duration(status.eta_seconds)} {whole}")
    elif status.late_s:
        parts.append(f"{duration(status.late_s)} longer than expected")
    return ", ".join(parts)


def decided_text(status: Status) -> str:
    """Return how far the claims of a study are that adds seeds until they are decided."""
    decided = sum(claim.decision.stage == "decided" for claim in status.claims)
    claims = f"{decided} of {counted(len(status.claims), 'claim')} decided"
    if status.budget_ended:
        claims = f"{claims}, the budget has ended"
    return claims if status.round is None else f"round {status.round}, {claims}"


def ended_text(claims: Sequence[ClaimStatus]) -> str:
    """Return how many claims are decided when a run ends, given up, at their last seed, out of budget, and open."""
    ends = Counter(_end(claim) for claim in claims)
    rest = [f"{ends[text]} {text}" for text in (*ENDS.values(), UNREACHED) if ends[text]]
    return ", ".join([f"{ends['decided']} of {counted(len(claims), 'claim')} decided", *rest])


def _end(claim: ClaimStatus) -> str:
    stage, look = claim.decision.stage, claim.decision.look
    return UNREACHED if stage == "budget_ended" and not look else ENDS.get(stage, "decided")


def claim_cells(claim: ClaimStatus) -> tuple[str, str, str, str]:
    """Return where a claim is, its effect at its last look, the repeated interval, and the error that is left."""
    decision = claim.decision
    where = decision.short
    if decision.stage == "decided":
        where = where.replace("decided", claim.words, 1)
    elif decision.stage != "open":
        where = f"{claim.words}: {where}"
    left = "" if decision.left is None else f"{decision.left:.0%}"
    if not math.isfinite(claim.estimate):
        return where, "", "", left
    ends = (claim.low, claim.high)
    is_wide = not all(map(math.isfinite, ends)) or (claim.is_log and max(map(abs, ends)) > WIDEST)
    interval = "unlimited" if is_wide else " to ".join(_effect(end, claim) for end in ends)
    return where, _effect(claim.estimate, claim), interval, left


def claim_line(claim: ClaimStatus) -> str:
    """Return a claim in one line."""
    where, effect, interval, left = claim_cells(claim)
    shown = f"; {effect} ({interval})" if effect else ""
    return f"{claim.claim}: {where}{shown}{f'; {left} of its error left' if left else ''}"


def signed_number(value: float) -> str:
    """Return a number with its sign and three significant digits."""
    return f"+{number(value, 3)}" if value > 0 else number(value, 3)


def _effect(value: float, claim: ClaimStatus) -> str:
    return percent(value, 1) if claim.is_log else signed_number(value)


def cost_text(status: Status) -> str:
    """Return what a study has cost so far, in brackets; empty if it does not name a price."""
    return "" if status.price is None else f" ({status.price.text(status.device_hours)})"


def ledger_line(status: Status) -> str:
    """Summarize the device-hours spent, split by how the attempts ended, largest first."""
    cap = status.device_hours_cap
    spent = device_hours(status.device_hours) if cap is None else f"{hours(status.device_hours)} of {device_hours(cap)}"
    share = f" ({status.device_hours / cap:.0%})" if cap else ""
    parts = sorted(status.ledger.items(), key=lambda item: (-item[1], item[0]))
    on = ", ".join(f"{hours(amount)} {reason.replace('_', ' ')}" for reason, amount in parts)
    return f"ledger: {spent}{share}{cost_text(status)}{f': {on}' if on else ''}"
