"""A verdict as a sentence."""

import math

from sweeper.evidence.claims.parts import Evidence, Part
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.formatting import clean, count, metric_name, number, percent, signed


def sentence(verdict: str, found: Evidence, measure: Measure, p_adjusted: float, seeds_needed: int | None) -> str:
    """What was found, on how many pairs, and what is missing to decide it."""
    part = found.headline
    effect = f"{clean(part.label)}: {effect_words(part, measure)} in {metric_name(measure.name)}"
    claimed = f"Claimed: {clean(found.wanted)}."
    if verdict == "untested":
        return f"Untested: {clean(part.label)}: no complete pair yet. {claimed}"
    if not part.effect.decides:
        return f"Undecided: {effect}, but one pair alone has no interval. {claimed}"
    of_many = f"; the weakest of {len(found.parts)} comparisons" if len(found.parts) > 1 else ""
    basis = f"95 % interval {interval_words(part, measure)}; {_pairs(part)}{of_many}; adjusted p {p_words(p_adjusted)}"
    return f"{verdict.capitalize()}: {effect} ({basis}). {claimed}{_outlook(verdict, seeds_needed)}"


def effect_words(part: Part, measure: Measure) -> str:
    """An effect with its unit: percent on a log scale, else the metric's own."""
    return _amount(part.effect.value, measure)


def interval_words(part: Part, measure: Measure) -> str:
    """The 95 % interval of an effect."""
    low, high = part.effect.interval()
    return f"{_amount(low, measure)} to {_amount(high, measure)}"


def p_words(p: float) -> str:
    """A p-value: ``< 0.001`` or ``= 0.012``."""
    if math.isnan(p):
        return "unknown"
    return "< 0.001" if p < 0.001 else f"= {number(p, 2)}"


def _amount(value: float, measure: Measure) -> str:
    if measure.scale == "log":
        return percent(value, 2).replace("\u202f", " ")
    size = 0 if value == 0 or not math.isfinite(value) else math.floor(math.log10(abs(value)))
    return signed(value, max(2 - size, 0))


def _pairs(part: Part) -> str:
    if "paired" in part.effect.method:
        return count(part.effect.n, "pair") if not part.offset else count(part.effect.n, "seed")
    return f"{count(part.effect.n, 'run')} a level"


def _outlook(verdict: str, seeds_needed: int | None) -> str:
    if verdict != "undecided":
        return ""
    if seeds_needed is None:
        return " The effect is too near the margin: no number of seeds would decide it."
    return f" {count(seeds_needed, 'seed')} in all would decide it with probability 0.8, were the effect as found."
