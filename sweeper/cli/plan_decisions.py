"""What a study takes until its claims are decided, as text: its extent, and what to expect of each claim."""

from rich.console import RenderableType
from rich.markup import escape
from rich.table import Table

from sweeper.cli.plan_text import DecisionsShown
from sweeper.evidence.planned.decision_wording import DETECTABLE, decisions_json, effect_text
from sweeper.evidence.planned.decisions import PlannedDecisions
from sweeper.evidence.planned.play import Extent
from sweeper.quantities import device_hours, hours


def show_decisions(found: PlannedDecisions) -> DecisionsShown:
    """Return what a study takes until its claims are decided, ready to print."""
    return DecisionsShown(parts=_parts(found), document=decisions_json(found), budget=_budget(found))


def _parts(found: PlannedDecisions) -> list[RenderableType]:
    parts: list[RenderableType] = ["", "Seeds are added until the claims are decided:", _extents(found)]
    if found.reason:
        parts.append(escape(f"No expectation is given: {found.reason}."))
    if found.claims:
        parts += ["", f"What to expect of the claims, by {found.studies} simulated studies:", _claims(found)]
    if found.ended_by_cap and found.cap is not None:
        ended = f"The budget of {device_hours(found.cap)} ended {found.ended_by_cap:.0%} of these studies"
        parts.append(f"{ended} before all claims were decided or given up.")
    if any(each.source == "detectable" for each in found.claims):
        parts.append(escape(DETECTABLE))
    return parts


def _extents(found: PlannedDecisions) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    extents = {"least": found.least, "expected": found.expected, "most": found.most}
    shown = {name: each for name, each in extents.items() if each is not None}
    for name in shown:
        table.add_column(name, justify="right", no_wrap=True)
    table.add_row("trials", *(f"{each.trials:,.0f}" for each in shown.values()))
    table.add_row("device-hours", *(_hours(each) for each in shown.values()))
    return table


def _hours(extent: Extent) -> str:
    return "unknown" if extent.device_hours is None else hours(extent.device_hours)


def _claims(found: PlannedDecisions) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("claim", overflow="fold")
    for name in ("effect", "decided", "seeds"):
        table.add_column(name, justify="right", no_wrap=True)
    for each in found.claims:
        seeds = f"{each.seeds:.1f} of {each.most}"
        table.add_row(escape(each.claim.id), effect_text(each), f"{each.chance:.0%}", seeds)
    return table


def _budget(found: PlannedDecisions) -> str:
    """Return what the study's budget means for its claims; empty without one, or if hours are unknown."""
    if found.cap is None or found.least.device_hours is None:
        return ""
    text = f"The budget is {device_hours(found.cap)}"
    if found.most is not None and (found.most.device_hours or 0.0) <= found.cap:
        return f"{text}, which is enough for the most seeds."
    if found.least.device_hours > found.cap:
        return ""
    return f"{text}: the study ends there, whether its claims are decided or not."
