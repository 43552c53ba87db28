"""What claims can detect, in the units in which claims speak: as JSON, as text, and as warnings."""

import math
from collections.abc import Iterator
from typing import Final

from sweeper.evidence.claims.wording import margin_text
from sweeper.evidence.data.measures import make_measure
from sweeper.evidence.planned.power import Detection, PlannedPower
from sweeper.evidence.planned.spread import Spread
from sweeper.evidence.statistics.power import POWER
from sweeper.evidence.statistics.sample_size import MOST_SEEDS
from sweeper.planning.notes import located
from sweeper.quantities import counted, device_hours
from sweeper.spec.claim import Claim, Margin, Ordering
from sweeper.spec.metric import Metric
from sweeper.spec.study import Study
from trainer.config.wording import Path

MOST_PERCENT: Final = 100.0  # beyond, a difference of logarithms says nothing that a reader could use
HOW_TO_KNOW: Final = "it in the study file, e.g. assume: {sd: 1%}, or measure it in short runs with --pilot"


def test_name(claim: Claim) -> str:
    """Return what a claim tests, e.g. ``decrease`` or ``no worse``."""
    if isinstance(claim.statement, Ordering):
        return "ordering"
    return "equal" if claim.expect is None else claim.expect.replace("_", " ")


def amount(found: Detection, size: float) -> tuple[float, str]:
    """Return a size on the metric's scale as a number with its unit: percent, the metric's own (empty), or SD."""
    spread = found.spread
    if spread is None or not spread.is_known:
        return size, "SD"
    if spread.is_relative:
        return 100.0 * size, "%"
    if not found.claim.metric.is_log:
        return size, ""
    return 100.0 * _as_share(found, size), "%"


def amount_text(found: Detection, size: float) -> str:
    """Return a size with its unit, e.g. ``1.2%``."""
    value, unit = amount(found, size)
    if not math.isfinite(value):
        return "nothing"
    if unit == "%" and found.claim.metric.is_log and round(value) >= MOST_PERCENT:
        return f"> {MOST_PERCENT:.0f}%" if value > MOST_PERCENT else f"{MOST_PERCENT:.0f}%"
    return f"{_two_digits(value)}{'%' if unit == '%' else f' {unit}'}".strip()


def margin_of(claim: Claim) -> tuple[str, Margin] | None:
    """Return the key of a claim's margin with its value; None if it has none."""
    if claim.within is not None:
        return "within", claim.within
    return ("at_least", claim.at_least) if str(claim.at_least).strip(" %") not in ("0", "0.0") else None


def margin_shown(found: Detection) -> str:
    """Return a claim's margin in the unit of what it detects, else as the study file has it; empty without one.

    A percentage of a metric on a linear scale is shown beside its size in the metric's unit.
    """
    named = margin_of(found.claim)
    if named is None:
        return ""
    if found.margin > 0:
        text, is_share = amount_text(found, found.margin), isinstance(named[1], str)
        return f"{text} ({named[1]})" if is_share and amount(found, 1.0)[1] == "" else text
    return margin_text(named[1], make_measure(found.claim.metric, {}))


def spread_text(metric: Metric, spread: Spread) -> str:
    """Return how much runs vary, and how that is known."""
    text = f"SD of {metric.name} between seeds: {_deviation(metric, spread, spread.paired.sd)}"
    if spread.source != "assumed":
        limit = _deviation(metric, spread, spread.paired.planned)
        return f"{text} in {_runs(spread)}; planned with its upper 80% limit, {limit}"
    found = spread.measured
    if found is None:
        return f"{text}, assumed"
    return f"{text}, assumed; it was {_deviation(metric, found, found.paired.sd)} in {_runs(found)}"


def _runs(spread: Spread) -> str:
    runs = counted(spread.runs, "pilot run" if spread.source == "pilot" else "earlier run")
    return f"{runs}{f' {spread.note}' if spread.note else ''} ({spread.paired.df:.3g} df)"


def power_notes(study: Study, power: PlannedPower) -> tuple[str, ...]:
    """Return warnings about claims whose margin is smaller than what they can detect, with their places in the file."""
    return located(study, list(_notes(power)))


def power_json(power: PlannedPower) -> dict[str, object]:
    """Return what `sweeper plan STUDY --json` prints under "power"."""
    return {
        "power": POWER,
        "alpha": power.alpha,
        "claims_tested_together": len(power.claims),
        "claims": [_claim_json(each) for each in power.claims],
        "curve": [{"seeds": seeds, "device_hours": hours} for seeds, hours in power.hours],
        "missing": HOW_TO_KNOW if power.is_unknown else None,
    }


def _notes(power: PlannedPower) -> Iterator[tuple[Path, str]]:
    for place, found in enumerate(power.claims):
        named = margin_of(found.claim)
        if found.is_enough is not False or named is None:
            continue
        shown, wanted = amount_text(found, found.size(found.distance)), margin_shown(found)
        seeds = counted(found.seeds, "seed")
        if found.region.is_beyond:
            twice = amount_text(found, found.size(found.margin))
            text = f"with {seeds}, {wanted} is shown only where the effect is {shown} or more"
            aim = f"show it where the effect is {twice}, twice the margin"
        else:
            text = f"{wanted} is too little for {seeds}, which show a margin of {shown} or more, if there is no effect"
            aim = "do"
        yield ("claims", place, named[0]), f"{text} (80% power). {_remedy(found, aim)}"


def _remedy(found: Detection, aim: str) -> str:
    needed = found.seeds_needed
    if needed is None or needed > MOST_SEEDS:
        return f"More than {MOST_SEEDS} seeds would be needed{'' if aim == 'do' else f' to {aim}'}."
    price = "" if found.more_hours is None else f", for {device_hours(found.more_hours)} more"
    return f"{counted(needed, 'seed')} would {aim}{price}."


def _claim_json(found: Detection) -> dict[str, object]:
    known: dict[str, object] = {
        "id": found.claim.id,
        "test": test_name(found.claim),
        "pairs": found.pairs,
        "reason": found.reason or None,
    }
    if found.spread is None:
        return known
    spread = found.spread
    return {
        **known,
        "seeds": found.seeds,
        "df": _finite(found.df),
        "detects": _json_amount(found, found.distance),
        "unit": amount(found, 1.0)[1],
        "margin": _finite(amount(found, found.margin)[0]) if found.margin > 0 else None,
        "enough": found.is_enough,
        "seeds_needed": found.seeds_needed,
        "device_hours_more": found.more_hours,
        "sd": spread.paired.sd if spread.is_known else None,
        "sd_alone": spread.alone.sd if spread.is_known else None,
        "sd_planned": spread.paired.planned if spread.is_known else None,
        "sd_df": _finite(spread.paired.df),
        "sd_from": spread.source,
        "sd_measured": None if spread.measured is None else spread.measured.paired.sd,
        "curve": [{"seeds": seeds, "detects": _json_amount(found, distance)} for seeds, distance in found.curve],
    }


def _json_amount(found: Detection, distance: float) -> float | None:
    return _finite(amount(found, found.size(distance))[0])


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _as_share(found: Detection, size: float) -> float:
    """Return a difference of logarithms as a share of the metric, in the direction in which the claim looks."""
    region = found.region
    high, low = region.high, region.low
    falls = (high is not None and high <= 0) or (low is not None and low < 0 and high is None)
    if falls:
        return -math.expm1(-size)
    return math.expm1(size) if size < math.log(MOST_PERCENT) else math.inf


def deviation_text(metric: Metric, spread: Spread | None) -> str:
    """Return the SD with which comparisons are planned in which what the runs of a seed share does not cancel."""
    return "" if spread is None else _deviation(metric, spread, spread.alone.planned)


def _deviation(metric: Metric, spread: Spread, sd: float) -> str:
    if metric.is_log:
        return f"{_two_digits(100.0 * math.expm1(sd))}%"
    return f"{_two_digits(100.0 * sd)}%" if spread.is_relative else _two_digits(sd)


def _two_digits(value: float) -> str:
    """Format a number with two significant digits, or all of its integer digits."""
    size = math.floor(math.log10(abs(value))) if value else 1
    return f"{value:,.{max(1 - size, 0)}f}" if size > -4 else f"{value:.1e}"
