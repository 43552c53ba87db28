"""`sweeper replay --least`: the cheapest protocols that keep a study's verdicts, for people and for programs."""

from typing import Any, Final

from reports.replay.protocols import Replay
from reports.replay.search import Search
from sweeper.quantities import counted, device_hours, hours

HINDSIGHT: Final = (
    "The least is chosen by its outcome: which protocol it is, and that it keeps the verdicts, was known only after "
    "the whole study had run. What may be expected of another study is the protocol that was fixed in advance."
)


def least_document(found: Search) -> dict[str, Any]:
    """The result as JSON."""
    return {
        "trials": found.full.num_trials,
        "not_ended": found.num_open,
        "claims": len(found.full.verdicts),
        "device_hours": found.full.device_seconds_after / 3600,
        "savings": [_replay(each) for each in found.savings],
        "in_advance": _replay(found.in_advance),
        "least": _replay(found.least),
        "frontier": [_replay(each) for each in found.frontier],
        "hindsight": _replay(found.hindsight),
        "protocols_played": len(found.replays),
        "caveat": HINDSIGHT,
    }


def _replay(found: Replay) -> dict[str, Any]:
    protocol = found.protocol
    return {
        "protocol": str(protocol),
        "needed": protocol.needed,
        "seeds": protocol.seeds,
        "stopping": protocol.stopping,
        "futility": protocol.futility,
        "pruner": protocol.pruner,
        "trials_run": found.num_trials - len(found.dropped),
        "trials_pruned": len(found.pruned),
        "device_hours": found.device_seconds_after / 3600,
        "ratio": found.ratio,
        "verdicts_kept": found.num_same,
        "changed": [{"claim": claim, "before": before, "after": after} for claim, before, after in found.changed],
    }


def least_text(name: str, found: Search) -> str:
    """The result for people."""
    full = found.full
    size = f"{counted(full.num_trials, 'trial')}, {counted(len(full.verdicts), 'claim')}"
    lines = [
        f"{name}: {device_hours(full.device_seconds_after / 3600)}, {size}",
        *_warnings(found),
        "",
        "Each saving by itself:",
        *(_line(each) for each in found.savings),
        "",
        "A protocol fixed in advance:",
        _line(found.in_advance),
        *_changes(found.in_advance),
        "",
        f"The least of {len(found.replays)} protocols, by how many verdicts stay:",
        *(_line(each) for each in found.frontier),
        "",
        "Had it been known of each claim how many seeds its verdict takes:",
        _line(found.hindsight),
        "",
        f"The same verdicts come out at {found.least.ratio:.2f} of the full protocol's device-hours.",
        HINDSIGHT,
    ]
    return "\n".join(lines)


def _warnings(found: Search) -> list[str]:
    lines = []
    if found.num_open:
        lines.append(f"{found.num_open} trials have not ended: this is about what has run so far.")
    if not found.full.verdicts:
        lines.append("The study declares no claims: nothing is needed to keep their verdicts.")
    return lines


def _line(found: Replay) -> str:
    kept = f"{found.num_same} of {len(found.verdicts)} verdicts"
    return f"  {found.ratio:5.2f}  {_hours(found):>6} h  {kept}  {found.protocol}"


def _changes(found: Replay) -> list[str]:
    return [f"         claim {claim}: {before} -> {after}" for claim, before, after in found.changed]


def _hours(found: Replay) -> str:
    return hours(found.device_seconds_after / 3600)
