"""The claims of a study and their verdicts: sentences first, then their numbers."""

import math
from collections.abc import Sequence
from typing import Final

from reports import wording
from reports.claim_caveats import removed_claims
from reports.claims import ClaimVerdict
from reports.figures.forest import amount
from reports.sections.blocks import (
    Block,
    Cell,
    Column,
    Heading,
    Inline,
    Paragraph,
    Ruling,
    Rulings,
    Table,
    plain,
    rich,
    strong,
)
from reports.sections.context import Context

ORDER: Final = ("supported", "refuted", "undecided", "untested")


def verdict_blocks(context: Context) -> list[Block]:
    """The verdicts under their heading; nothing where the study declares no claim."""
    verdicts = context.verdicts
    if not verdicts:
        return []
    blocks: list[Block] = [
        Heading(text="Verdicts on the claims"),
        Paragraph(text=_counts(verdicts)),
        Rulings(items=tuple(_ruling(verdict) for verdict in verdicts)),
        _table(verdicts),
    ]
    removed = removed_claims(context.data)
    if removed:
        shown = "; ".join(wording.clean(line) for line in removed)
        blocks.insert(2, Paragraph(text=plain(f"Claims were taken out after data existed: {shown}.")))
    return blocks


def p_value(p: float) -> str:
    """A p-value as it is printed: never as 0."""
    if not math.isfinite(p):
        return wording.UNKNOWN
    return "< 0.0001" if p < 1e-4 else f"{p:.4f}" if p < 0.01 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def effect_text(value: float, *, percent: bool) -> str:
    """An effect: in percent where `value` is a difference of logarithms, else with its sign; a dash for none."""
    if not math.isfinite(value):
        return wording.UNKNOWN
    return amount(100 * math.expm1(value) if percent else value, percent=percent)


def _counts(verdicts: Sequence[ClaimVerdict]) -> Inline:
    numbers = {name: sum(each.verdict == name for each in verdicts) for name in ORDER}
    parts = [f"{number} {name}" for name, number in numbers.items() if number]
    return rich(
        f"Of {wording.count(len(verdicts), 'claim')} that the study file makes, ",
        strong(f"{wording.listed(parts)}."),
        " The p-values are adjusted by Holm's method over all of them.",
    )


def _ruling(verdict: ClaimVerdict) -> Ruling:
    sentence = verdict.sentence.removeprefix(f"{verdict.verdict.capitalize()}: ")
    return Ruling(
        identifier=wording.clean(verdict.id),
        text=wording.clean(verdict.text),
        verdict=verdict.verdict,
        sentence=plain(wording.clean(sentence).replace(" %", "\u202f%")),
        notes=tuple(wording.clean(note) for note in verdict.notes),
    )


def _table(verdicts: Sequence[ClaimVerdict]) -> Table:
    return Table(
        name="claims",
        caption=plain(
            "The claims in numbers. p for: of the denial of the claim, small where it is supported. p against: of the "
            "claim itself, small where it is refuted. Both are adjusted. Seeds: how many it rests on, and how many "
            "would decide it with probability 0.8."
        ),
        columns=(
            Column(title="Claim"),
            Column(title="Verdict"),
            Column(title="Effect", number=True),
            Column(title="95 % interval", number=True),
            Column(title="p for", number=True),
            Column(title="p against", number=True),
            Column(title="Seeds", number=True),
            Column(title="Needed", number=True),
            Column(title="Trials", number=True),
        ),
        rows=tuple(_row(verdict) for verdict in verdicts),
    )


def _row(verdict: ClaimVerdict) -> tuple[Cell, ...]:
    percent = verdict.scale == "log"
    low, high = (effect_text(value, percent=percent) for value in (verdict.low, verdict.high))
    needed = verdict.seeds_needed
    return (
        Cell(wording.clean(verdict.id)),
        Cell(verdict.verdict),
        Cell(effect_text(verdict.estimate, percent=percent), _sort(verdict.estimate)),
        Cell(f"{low} to {high}" if math.isfinite(verdict.low) else wording.UNKNOWN, _sort(verdict.low)),
        Cell(p_value(verdict.p_adjusted), _sort(verdict.p_adjusted)),
        Cell(p_value(verdict.p_refuted_adjusted), _sort(verdict.p_refuted_adjusted)),
        Cell(str(verdict.num_seeds), float(verdict.num_seeds)),
        Cell(wording.UNKNOWN if needed is None else str(needed), None if needed is None else float(needed)),
        Cell(str(len(verdict.trial_ids)), float(len(verdict.trial_ids))),
    )


def _sort(value: float) -> float | None:
    return value if math.isfinite(value) else None
