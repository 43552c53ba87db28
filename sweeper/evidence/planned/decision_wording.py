"""What a study takes until its claims are decided, as JSON and as text."""

import math
from collections.abc import Mapping
from typing import Final

from sweeper.evidence.formatting import percent, signed
from sweeper.evidence.planned.assumed_effects import Source
from sweeper.evidence.planned.decisions import PlannedDecision, PlannedDecisions
from sweeper.evidence.planned.play import Extent
from sweeper.evidence.statistics.paired import percent_change

SOURCES: Final[Mapping[Source, str]] = {
    "assumed": "assumed",
    "earlier runs": "earlier runs",
    "no effect": "none, as claimed",
    "detectable": "detectable",
}
DETECTABLE: Final = (
    "An effect that nothing says is the smallest one that the most seeds show with 80% power. "
    "Give yours in the study file, e.g. assume: {effects: {CLAIM: -2%}}."
)


def effect_text(found: PlannedDecision) -> str:
    """Return the assumed effect of a claim with its unit, and where it is from."""
    value, unit = _amount(found)
    shown = percent(math.log1p(value / 100)) if unit else signed(value, _decimals(value))
    return f"{shown} ({SOURCES[found.source]})"


def decisions_json(found: PlannedDecisions) -> dict[str, object]:
    """Return what `sweeper plan STUDY --json` prints beside what it prints of every study."""
    extents = {"least": found.least, "expected": found.expected, "most": found.most}
    return {
        **{f"trials_{name}": _trials(extent) for name, extent in extents.items()},
        **{f"device_hours_{name}": None if each is None else each.device_hours for name, each in extents.items()},
        "decisions": {
            "studies": found.studies,
            "ended_by_budget": found.ended_by_cap,
            "claims": [_claim(each) for each in found.claims],
            "reason": found.reason or None,
        },
    }


def _trials(extent: Extent | None) -> float | None:
    if extent is None:
        return None
    return int(extent.trials) if float(extent.trials).is_integer() else extent.trials


def _claim(found: PlannedDecision) -> dict[str, object]:
    effect, unit = _amount(found)
    return {
        "id": found.claim.id,
        "effect": effect,
        "unit": unit,
        "effect_from": found.source,
        "chance": found.chance,
        "seeds": found.seeds,
        "most_seeds": found.most,
    }


def _amount(found: PlannedDecision) -> tuple[float, str]:
    """Return an effect as a number with its unit: percent, or the metric's own (empty)."""
    if found.claim.metric.is_log:
        return percent_change(found.effect), "%"
    return (100.0 * found.effect, "%") if found.spread.is_relative else (found.effect, "")


def _decimals(value: float) -> int:
    return max(1 - math.floor(math.log10(abs(value))), 0) if value else 0
