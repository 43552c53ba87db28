"""What a claim's runs show and what was claimed, in one short line for figures, tables and headings."""

import math
from typing import Final

from sweeper.evidence.claims.wording import has_direction, ordering_text
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.formatting import clean, number
from sweeper.spec.claim import Claim, Divergence, Margin, Ordering

DIGITS: Final = 3  # of an effect
LARGEST: Final = math.log(1e6)  # ratio that is written out as a percentage


def summary(
    claim: Claim,
    label: str,
    interval: tuple[float, float, float],
    measure: Measure,
    size: float = math.nan,
    *,
    per: str = "",
) -> str:
    """Return e.g. ``recipe against bare in screen: 21.9% lower (20.1% to 23.6%), claimed ≥ 1%``.

    Args:
        label: what is compared.
        interval: the effect with its interval; NaN if there is none.
        size: of the claim's margin on the metric's scale; NaN if unknown.
        per: what the effect of a trend is a change per.
    """
    value, low, high = interval
    value = 0.0 if _vanishes(value, low, high) else value
    if isinstance(claim.statement, Divergence):
        return f"{clean(label)}, claimed {claimed(claim, measure)}"
    if not math.isfinite(value):
        return f"{clean(label)}: no result yet, claimed {claimed(claim, measure, size)}"
    has_word = has_direction(claim) and value != 0
    word = ("lower" if value < 0 else "higher") if has_word else ""
    found = f"{_unsigned(value, measure)} {word}" if word else _signed(value, measure)
    same_side = has_word and (low > 0 or high < 0)
    ends = [_unsigned(end, measure) if same_side else _signed(end, measure) for end in (low, high)]
    ends = ends[::-1] if same_side and value < 0 else ends
    shown = f" ({' to '.join(ends)})" if math.isfinite(low) and math.isfinite(high) else ""
    return f"{clean(label)}: {found}{clean(per)}{shown}, claimed {claimed(claim, measure, size, known=word)}"


def claimed(  # noqa: PLR0911 - a case per expectation
    claim: Claim, measure: Measure, size: float = math.nan, *, known: str = ""
) -> str:
    """Return what a claim expects with its margin in the unit of effects, e.g. ``≥ 1% lower``.

    Args:
        size: of the margin on the metric's scale; NaN if unknown.
        known: the direction that the text before has already, which is left out.
    """
    if isinstance(claim.statement, Divergence):
        return f"{'fewer' if claim.expect == 'decrease' else 'more'} failed runs"
    if isinstance(claim.statement, Ordering):
        least = f" by ≥ {_margin(claim.at_least, measure, size)}" if _is_positive(claim.at_least) else ""
        return f"{ordering_text(claim.statement)}{least}"
    match claim.expect:
        case "decrease" | "increase":
            word = "lower" if claim.expect == "decrease" else "higher"
            least = _margin(claim.at_least, measure, size, falls=word == "lower")
            return f"≥ {least}{'' if known == word else f' {word}'}" if _is_positive(claim.at_least) else word
        case "below" | "above":
            slack = _margin(claim.within, measure, falls=claim.expect == "above")
            return f"{claim.expect} it{f' or within {slack}' if claim.within is not None else ''}"
        case "grows" | "shrinks":
            falls = (claim.expect == "grows") == (measure.sign > 0)
            least = _margin(claim.at_least, measure, size, falls=falls)
            return f"gain {claim.expect}{f' by ≥ {least}' if _is_positive(claim.at_least) else ''}"
        case "persists":
            return f"gain persists, shrinks by < {_margin(claim.within, measure, size, falls=measure.sign < 0)}"
        case "no_worse":
            falls = measure.sign < 0
            return f"< {_margin(claim.within, measure, size, falls=falls)} {'lower' if falls else 'higher'}"
    return f"within ±{_margin(claim.within, measure, size)}"


def _vanishes(value: float, low: float, high: float) -> bool:
    """Return whether a value is less than half of the last digit that the ends of its interval are shown with."""
    size = max(abs(low), abs(high))
    return 0.0 < size < math.inf and abs(value) < 0.5 * 10.0 ** (math.floor(math.log10(size)) - DIGITS + 1)


def _margin(margin: Margin | None, measure: Measure, size: float = math.nan, *, falls: bool = False) -> str:
    if isinstance(margin, str):
        text = margin.replace(" ", "")
        return text if measure.is_log or not math.isfinite(size) else f"{size:.{DIGITS}g}"
    if not measure.is_log:
        return f"{margin or 0:g}"
    return f"{abs(100.0 * math.expm1(-(margin or 0.0) if falls else margin or 0.0)):.{DIGITS}g}%"


def _is_positive(margin: Margin) -> bool:
    return float(str(margin).strip().removesuffix("%")) > 0


def _unsigned(value: float, measure: Measure) -> str:
    if not measure.is_log:
        return number(abs(value), DIGITS)
    if value > LARGEST:
        return f"{number(math.exp(value) if value < 700 else math.inf, DIGITS)} times"
    return f"{number(abs(100.0 * math.expm1(value)), DIGITS)}%"


def _signed(value: float, measure: Measure) -> str:
    sign = "" if value == 0 else "\u2212" if value < 0 else "+"
    return f"{sign}{_unsigned(value, measure)}"
