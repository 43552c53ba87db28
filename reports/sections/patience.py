"""From which compute on one configuration is ahead of another, in words: what the last common compute shows.

Every amount of compute is a test of its own, and nothing allows for their number. So what a sentence says of the whole
rests on the last one, and it counts the others.
"""

import math
from typing import Final

from reports import wording
from sweeper.evidence.claims.envelopes import ComputePanel, Pair
from sweeper.evidence.claims.length_notes import capital
from sweeper.evidence.statistics.envelope import Crossing

UNITS: Final = {"flops": "FLOPs", "reference_hours": "reference hours"}
DIGITS: Final = 2


def overtakes(found: Crossing) -> bool:
    """Return whether one is shown to be behind first, and ahead at the last common cost; of one seed, by its values."""
    return found.state == "overtakes" and (found.seeds == 1 or (found.is_shown and not found.low_is_open))


def sentence(pair: Pair, panel: ComputePanel) -> str:
    """Return what a pair of configurations shows of patience."""
    start, to = (wording.brief(wording.clean(each.name)) for each in (pair.start, pair.to))
    there = f"{start} ({wording.clean(panel.heading)})" if panel.heading else start
    found = pair.crossing
    if found is None:
        return f"{capital(to)} and {there} have no seed in common."
    if found.state == "apart":
        return f"{capital(to)} and {there} were measured at no common compute."
    if overtakes(found):
        times = wording.number(found.at / pair.start.best_cost, DIGITS)
        return (
            f"{capital(to)} overtakes {there} at {cost_text(found.at, panel.unit)}{_interval(found, panel.unit)}: "
            f"{times} times the compute of the best length of {start}."
        )
    if found.seeds > 1 and not found.is_shown:
        return _unshown(found, (start, to), there, panel.unit)
    return _shown(found, to, there, panel.unit)


def _shown(found: Crossing, to: str, start: str, unit: str) -> str:
    """Return which is ahead at the last common compute, and since when."""
    first, last = (cost_text(each, unit) for each in (found.first, found.last))
    if found.state == "behind":
        return f"{capital(to)} has not overtaken {start} by {last}, the last that both were measured at."
    if found.state == "overtakes":
        return (
            f"{capital(to)} is ahead of {start} from {cost_text(found.high, unit)} to {last}, the last that both were "
            "measured at. Before, nothing shows which of the two is ahead."
        )
    is_partial = 0 < found.ahead < found.costs
    at = f"; a test shows it at {found.ahead} of {found.costs} amounts of compute, the last among them"
    return (
        f"{capital(to)} is ahead of {start} from {first} to {last}, all that both were measured at"
        f"{at if is_partial else ''}."
    )


def _unshown(found: Crossing, names: tuple[str, str], there: str, unit: str) -> str:
    """Return that the last common compute shows nothing; if none does, that of all of them."""
    first, last = (cost_text(each, unit) for each in (found.first, found.last))
    start, to = names
    which = f"nothing shows that {to} or {there} is ahead"
    counts = ((to, found.ahead), (start, found.behind))
    before = [f"{name} is ahead at {number}" for name, number in counts if number]
    if not before:
        return f"Between {first} and {last}, {which}."
    return (
        f"At {last}, the last that both were measured at, {which}; before, {wording.listed(before)} of {found.costs} "
        "amounts of compute."
    )


def _interval(found: Crossing, unit: str) -> str:
    if not (math.isfinite(found.low) and math.isfinite(found.high)):
        return ""
    return f" (95% interval {amount(found.low, unit)} to {amount(found.high, unit)})"


def amount(cost: float, unit: str) -> str:
    """Return an amount of compute without its unit."""
    if unit == "flops":
        return wording.si(cost)
    return wording.grouped(round(cost)) if unit in ("steps", "tokens") else wording.number(cost, 3)


def cost_text(cost: float, unit: str) -> str:
    """Return an amount of compute, e.g. ``step 400`` or ``3.5 T FLOPs``."""
    return f"step {amount(cost, unit)}" if unit == "steps" else f"{amount(cost, unit)} {UNITS.get(unit, unit)}"
