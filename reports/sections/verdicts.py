"""The claims of a study and their verdicts: sentences first, then their numbers."""

import math
from collections.abc import Sequence
from typing import Final

from reports import wording
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
from reports.sections.estimates import ESTIMATE_COLUMNS, estimate_cells, number_cell, p_value
from sweeper.evidence.claims.caveats import removed_claims
from sweeper.evidence.claims.judge import ClaimVerdict

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
            *ESTIMATE_COLUMNS,
            Column(title="p for", number=True),
            Column(title="p against", number=True),
            Column(title="Seeds", number=True),
            Column(title="Needed", number=True),
            Column(title="Trials", number=True),
        ),
        rows=tuple(_row(verdict) for verdict in verdicts),
    )


def _row(verdict: ClaimVerdict) -> tuple[Cell, ...]:
    needed = verdict.seeds_needed
    return (
        Cell(wording.clean(verdict.id)),
        Cell(verdict.verdict),
        *estimate_cells(verdict.estimate, verdict.low, verdict.high, percent=verdict.scale == "log"),
        number_cell(verdict.p_adjusted, p_value(verdict.p_adjusted)),
        number_cell(verdict.p_refuted_adjusted, p_value(verdict.p_refuted_adjusted)),
        number_cell(verdict.num_seeds),
        number_cell(math.nan if needed is None else needed),
        number_cell(len(verdict.trial_ids)),
    )
