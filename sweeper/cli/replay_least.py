"""`sweeper replay --least`: the cheapest protocols that keep a study's verdicts, as text and as JSON."""

from typing import Final

from reports.replay.protocols import Replay
from reports.replay.search import Search
from sweeper.quantities import counted, device_hours, hours

HINDSIGHT: Final = (
    "The cheapest protocol is chosen by its outcome: only after the whole study had run was it known to keep the "
    "verdicts. For another study, expect what the protocol fixed in advance saves."
)


def least_document(found: Search) -> dict[str, object]:
    """Return the result as JSON."""
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
        "bounds": [
            {"first_seeds": first, "device_hours": seconds / 3600, "ratio": seconds / found.full.device_seconds_before}
            for first, seconds in found.bounds.items()
            if found.full.device_seconds_before
        ],
        "protocols_played": len(found.replays),
        "caveat": HINDSIGHT,
    }


def _replay(found: Replay) -> dict[str, object]:
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
    """Return the result as text."""
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
        f"The cheapest of {len(found.replays)} protocols, by the number of verdicts kept:",
        *(_line(each) for each in found.frontier),
        "",
        "With hindsight, using only as many seeds as each verdict needs:",
        _line(found.hindsight),
        "",
        *_bounds(found),
        f"The same verdicts take {found.least.ratio:.2f} of the full protocol's device-hours.",
        HINDSIGHT,
    ]
    return "\n".join(lines)


def _warnings(found: Search) -> list[str]:
    lines: list[str] = []
    if found.num_open:
        lines.append(f"{counted(found.num_open, 'trial')} not ended yet: this covers only what has run so far.")
    if not found.full.verdicts:
        lines.append("The study declares no claims, so there are no verdicts to keep.")
    return lines


def _line(found: Replay) -> str:
    kept = f"{found.num_same} of {counted(len(found.verdicts), 'verdict')}"
    return f"  {found.ratio:5.2f}  {_hours(found):>6} h  {kept}  {found.protocol}"


def _bounds(found: Search) -> list[str]:
    """Return what no rule can do without; nothing if there are no verdicts to keep."""
    whole = found.full.device_seconds_before
    if not found.full.verdicts or not whole:
        return []
    lines = [
        f"  {seconds / whole:5.2f}  {hours(seconds / 3600):>6} h  starting with {counted(first, 'seed')} of each claim"
        for first, seconds in found.bounds.items()
    ]
    return ["No rule that looks at complete seeds keeps all verdicts with less than:", *lines, ""]


def _changes(found: Replay) -> list[str]:
    return [f"         claim {claim}: {before} -> {after}" for claim, before, after in found.changed]


def _hours(found: Replay) -> str:
    return hours(found.device_seconds_after / 3600)
