"""The effects behind the slope of a trend, and where the line leads, as text."""

import math
from typing import Final

from sweeper.evidence.claims.evidence import Untestable
from sweeper.evidence.claims.trends import TrendFit, trend_fit
from sweeper.evidence.claims.wording import amount
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.data.runs import Runs
from sweeper.evidence.formatting import clean, level_text, listed
from sweeper.spec.claim import Claim, Trend

MOST_POINTS: Final = 6  # that are listed


def trend_note(claim: Claim, runs: Runs) -> str:
    """Return a note on the effects at all levels and on the next doubling; empty for claims on no trend."""
    if not isinstance(claim.statement, Trend):
        return ""
    try:
        fit = trend_fit(claim.statement, runs)
    except Untestable:
        return ""
    apart = fit.by_stratum
    texts = [_note(each, runs.measure, f" at {clean(name)}") for name, each in apart.items()]
    return " ".join(texts) if texts else _note(fit, runs.measure)


def _note(fit: TrendFit, measure: Measure, place: str = "") -> str:
    is_log = measure.is_log
    effects = [f"{amount(point.effect.value, is_log=is_log)} at {clean(point.place)}" for point in fit.points]
    if len(effects) > MOST_POINTS:
        effects = [*effects[: MOST_POINTS // 2], "…", *effects[-MOST_POINTS // 2 :]]
    return f"Effects{place}: {listed(effects)}. {_extrapolated(fit, measure)}{_curved(fit)}".strip()


def _extrapolated(fit: TrendFit, measure: Measure) -> str:
    found = fit.extrapolation
    if found is None or not all(math.isfinite(each) for each in (found.low, found.high)):
        return ""
    low, value, high = (amount(each, is_log=measure.is_log) for each in (found.low, found.value, found.high))
    where = f"{clean(fit.over)} = {level_text(found.level)}"
    return (
        f"Extrapolated to {where}, where nothing was run: {value} (95% prediction interval {low} to {high}), if the "
        "line through the effects continues."
    )


def _curved(fit: TrendFit) -> str:
    return " They do not lie on a line, so do not rely on that." if fit.is_curved else ""
