"""The claims of a study and the verdicts on them: sentences first, then their numbers."""

import math
from collections.abc import Mapping, Sequence
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
from sweeper.evidence.claims.judge import ClaimEvidence, ClaimVerdict, removed_claims
from sweeper.evidence.claims.sturdiness import Outcome

ORDER: Final = ("supported", "refuted", "undecided", "untested")
OVER_LOOKS: Final = "Intervals and p-values allow for all looks; effects are those of the last one."
RESULTS: Final[Mapping[Outcome, str]] = {
    "same": "Same verdict",
    "lost power": "Too little power",
    "differs": "Another verdict",
    "fragile": "Breaks the verdict",
}


def verdict_blocks(context: Context) -> list[Block]:
    """Return the verdicts under their heading; nothing if the study declares no claims."""
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
        blocks.insert(2, Paragraph(text=plain(f"Claims were removed after data existed: {shown}.")))
    return blocks


def _counts(verdicts: Sequence[ClaimVerdict]) -> Inline:
    numbers = {name: sum(each.verdict == name for each in verdicts) for name in ORDER}
    parts = [f"{number} {name}" if len(verdicts) > 1 else name for name, number in numbers.items() if number]
    return rich(
        f"Of {wording.count(len(verdicts), 'claim')} in the study file, " if len(verdicts) > 1 else "The claim is ",
        strong(f"{wording.listed(parts)}."),
        " The p-values are adjusted by Holm's method over all claims.",
        _exploratory(verdicts),
    )


def _exploratory(verdicts: Sequence[ClaimVerdict]) -> str:
    """Return how many verdicts are exploratory, and what that means; nothing if none is."""
    number = sum(verdict.is_exploratory for verdict in verdicts)
    if not number:
        return ""
    why = "was added or changed after there were results"
    if number == 1:
        which = "1 of the verdicts" if len(verdicts) > 1 else "The verdict"
        return f" {which} is exploratory: what it rests on {why}, so it is false more often than in 5% of studies."
    return (
        f" {number} of the verdicts are exploratory: what they rest on {why}, so each is false more often than in "
        "5% of studies."
    )


def _ruling(verdict: ClaimVerdict) -> Ruling:
    note = verdict.sturdiness.note
    return Ruling(
        identifier=wording.clean(verdict.id),
        text=wording.clean(verdict.claim.text),
        verdict=verdict.verdict,
        sentence=plain(wording.clean(verdict.sentence)),
        is_exploratory=verdict.is_exploratory,
        notes=tuple(wording.clean(note) for note in verdict.notes),
        fragile=f"{note[:1].upper()}{note[1:]}." if note else "",
        checks=tuple((RESULTS[outcome], ", ".join(names)) for outcome, names in verdict.sturdiness.by_outcome()),
    )


def _table(verdicts: Sequence[ClaimVerdict]) -> Table:
    has_failed = any(verdict.evidence.diverged for verdict in verdicts)
    at_once = all(verdict.decision is None for verdict in verdicts)
    return Table(
        name="claims",
        caption=plain(
            "The claims in numbers. p for: the p-value of the claim's denial, small if the claim is supported. p "
            "against: that of the claim itself, small if it is refuted. Both are adjusted. Seeds: the number on "
            "which the verdict rests"
            + (", and the number that would decide the claim with probability 0.8." if at_once else ". " + OVER_LOOKS)
            + (" Diverged: the trials that diverged or failed, of those that were run." if has_failed else "")
        ),
        columns=(
            Column(title="Claim"),
            Column(title="Verdict"),
            *ESTIMATE_COLUMNS,
            Column(title="p for", number=True),
            Column(title="p against", number=True),
            Column(title="Seeds", number=True),
            *([Column(title="Needed", number=True)] if at_once else []),
            Column(title="Trials", number=True),
            *([Column(title="Diverged", data=("Diverged", "Run"))] if has_failed else []),
        ),
        rows=tuple(_row(verdict, has_failed=has_failed, at_once=at_once) for verdict in verdicts),
    )


def _row(verdict: ClaimVerdict, *, has_failed: bool, at_once: bool) -> tuple[Cell, ...]:
    evidence, needed = verdict.evidence, verdict.evidence.seeds_needed
    return (
        Cell(wording.clean(verdict.id)),
        Cell(verdict.words),
        *estimate_cells(evidence.estimate, evidence.low, evidence.high, percent=verdict.metric.is_log),
        number_cell(verdict.p_adjusted, p_value(verdict.p_adjusted)),
        number_cell(verdict.p_refuted_adjusted, p_value(verdict.p_refuted_adjusted)),
        number_cell(evidence.num_seeds),
        *([number_cell(math.nan if needed is None else needed)] if at_once else []),
        number_cell(len(evidence.trial_ids)),
        *([_failed(evidence)] if has_failed else []),
    )


def _failed(evidence: ClaimEvidence) -> Cell:
    shares = f"{evidence.diverged_from}, {evidence.diverged_to}"
    text = shares if evidence.diverged_from else f"{evidence.diverged}/{evidence.attempted}"
    return Cell(text, float(evidence.diverged), (evidence.diverged, evidence.attempted))
