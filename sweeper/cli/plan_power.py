"""What a plan's claims can detect, as text: one table of claims, and one of numbers of seeds with their price."""

from collections.abc import Sequence
from typing import Final

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from sweeper.cli.plan_text import PowerShown
from sweeper.evidence.formatting import listed_some
from sweeper.evidence.planned.power import CURVE, Detection, PlannedPower
from sweeper.evidence.planned.wording import (
    HOW_TO_KNOW,
    amount_text,
    deviation_text,
    margin_shown,
    power_json,
    power_notes,
    spread_text,
    test_name,
)
from sweeper.quantities import counted, hours
from sweeper.spec.study import Study

MOST_CURVES: Final = 12


def show_power(study: Study, power: PlannedPower) -> PowerShown:
    """Return what claims can detect, ready to print; no tables if no power is computed."""
    return PowerShown(
        claims=frozenset(found.claim.id for found in power.computed if not found.reason),
        remarks={found.claim.id: found.reason for found in power.claims if found.reason},
        tables=_parts(power, once=not study.adds_seeds),
        document=power_json(power),
        notes=power_notes(study, power),
    )


def _parts(power: PlannedPower, *, once: bool) -> list[RenderableType]:
    if not power.computed:
        return []
    parts: list[RenderableType] = []
    if any(not found.reason for found in power.computed):
        together = f"Holm's first step of {counted(len(power.claims), 'claim')}"
        seeds = "" if once else " with their most seeds, looked at once"
        parts += ["", f"What the claims can detect with 80% power{seeds}, at {together}:", _table(power)]
    parts += ["", "What they could detect with other numbers of seeds:", *_curves(power)]
    return [*parts, *map(escape, _footnotes(power))]


def _table(power: PlannedPower) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("claim", overflow="fold")
    table.add_column("test", no_wrap=True)
    for name in ("seeds", "pairs", "detects", "margin"):
        table.add_column(name, justify="right", no_wrap=True)
    for found in power.computed:
        if found.reason:
            continue
        shown = amount_text(found, found.size(found.distance))
        pairs = "" if found.pairs is None else str(found.pairs)
        table.add_row(
            escape(found.claim.id), test_name(found.claim), str(found.seeds), pairs, shown, margin_shown(found)
        )
    return table


def _footnotes(power: PlannedPower) -> list[str]:
    known = {
        spread_text(found.claim.metric, found.spread): None
        for found in power.computed
        if found.spread is not None and found.spread.is_known
    }
    lines = [f"{text}." for text in known]
    if power.is_unknown:
        lines.append(
            "Effects are in standard deviations (SD) of a run between seeds, beyond the margin if there is one."
        )
        lines.append(f"Nothing says how large the SD is. Give {HOW_TO_KNOW}.")
    shown = [found for found in power.computed if not found.reason]
    if any((found.pairs or 0) > found.seeds for found in shown):
        lines.append(
            "More pairs than seeds: a seed has several, e.g. one per dataset; the SD is still that of one run."
        )
    if whole := [found for found in shown if not found.cancels]:
        lines.append(
            f"In {_several(whole)}, each seed counts once per dataset, and the SD includes what its runs share"
            f"{_alone(whole)}."
        )
    if {test_name(found.claim) for found in power.computed} & {"no worse", "equal"}:
        lines.append("For no worse and equal, it is the smallest margin that is shown if there is no effect.")
    return lines


def _several(found: Sequence[Detection]) -> str:
    ids = [each.claim.id for each in found]
    return listed_some(ids)


def _alone(found: Sequence[Detection]) -> str:
    """Return how large the SD is that includes what the runs of a seed share, by metric; empty if it is unknown."""
    known = {each.claim.metric.name: each for each in found if each.spread is not None and each.spread.is_known}
    sizes = (f"{deviation_text(each.claim.metric, each.spread)} of {name}" for name, each in known.items())
    return f" ({', '.join(sizes)})" if known else ""


def _curves(power: PlannedPower) -> list[RenderableType]:
    """Return a table with one row for all claims that have the same curve, and one for the price."""
    groups: dict[tuple[str, ...], list[str]] = {}
    for found in power.computed:
        groups.setdefault(_curve(found), []).append(found.claim.id)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("seeds", overflow="fold")
    for seeds in CURVE:
        table.add_column(str(seeds), justify="right", no_wrap=True)
    for curve, ids in list(groups.items())[:MOST_CURVES]:
        table.add_row(escape(_named(ids)), *curve)
    if any(price is not None for _, price in power.hours):
        table.add_row("device-hours in all", *("" if price is None else hours(price) for _, price in power.hours))
    left = len(groups) - MOST_CURVES
    return [table] if left <= 0 else [table, f"… and {left} more rows (--json has all of them)"]


def _curve(found: Detection) -> tuple[str, ...]:
    return tuple(amount_text(found, found.size(distance)) for _, distance in found.curve)


def _named(ids: Sequence[str]) -> str:
    return ids[0] if len(ids) == 1 else f"{ids[0]} and {len(ids) - 1} more"
