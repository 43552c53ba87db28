"""The claims of a study and the verdicts on them: all in one figure, and in the appendix each in detail."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from reports import wording
from reports.figures.claims import ClaimRow, claims_figures
from reports.sections import points
from reports.sections.blocks import (
    Block,
    Cell,
    Column,
    Inline,
    Paragraph,
    Plot,
    Ruling,
    Rulings,
    Section,
    Table,
    plain,
    rich,
    strong,
)
from reports.sections.context import Context
from reports.sections.estimates import ESTIMATE_COLUMNS, estimate_cells, in_unit, number_cell, p_value
from reports.sections.titles import claims_title
from sweeper.evidence.claims.judge import ClaimEvidence, ClaimVerdict, removed_claims
from sweeper.evidence.claims.sturdiness import Outcome
from sweeper.evidence.claims.wording import heterogeneity_note

ORDER: Final = ("supported", "refuted", "undecided", "untested")
LEVEL: Final = 0.05  # of the intervals that hold for all claims at once
OVER_LOOKS: Final = "Intervals and p-values allow for all looks; effects are those of the last one."
RESULTS: Final[Mapping[Outcome, str]] = {
    "same": "Same verdict",
    "lost power": "Too little power",
    "differs": "Another verdict",
    "fragile": "Breaks the verdict",
}


def claim_details(context: Context) -> Section | None:
    """Return the section with each claim's numbers and checks; None if the study declares no claims."""
    verdicts = context.verdicts
    if not verdicts:
        return None
    blocks: list[Block] = [Rulings(items=tuple(_ruling(verdict) for verdict in verdicts)), _table(verdicts)]
    return Section(anchor="claims", title="The claims in detail", blocks=tuple(blocks), appendix=True)


def claims_headline(context: Context) -> list[Block]:
    """Return the verdicts on all claims in one figure; nothing if the study declares no claims."""
    verdicts = context.verdicts
    if not verdicts:
        return []
    at_once = all(verdict.decision is None for verdict in verdicts)
    title = claims_title([verdict.verdict for verdict in verdicts])
    drawings = claims_figures(title, [_claim_row(verdict) for verdict in verdicts], at_once=at_once)
    removed = removed_claims(context.data)
    shown = "; ".join(wording.clean(line) for line in removed)
    return [
        Paragraph(text=_counts(verdicts)),
        *([Paragraph(text=plain(f"Claims were removed after data existed: {shown}."))] if removed else []),
        *(Plot(drawing=drawing, caption=_figure_caption(context, at_once=at_once)) for drawing in drawings),
    ]


def _figure_caption(context: Context, *, at_once: bool) -> Inline:
    verdicts = context.verdicts
    text = "The effect of each claim with its 95% interval, and shaded where the claim puts it. "
    if at_once and len(verdicts) > 1:
        text += f"Thin lines hold for all {len(verdicts)} claims at once (Bonferroni). "
    text += "A verdict rests on p-values that are adjusted by Holm's method over all claims"
    text += "." if at_once else ", and on all looks; intervals are repeated ones."
    if any(map(varies, verdicts)):
        text += (
            " Varies: the effect differs between strata or levels, and their mean is that of none of them; see the "
            "notes on the claim."
        )
    fragile = sum(bool(verdict.sturdiness.note) for verdict in verdicts)
    if fragile:
        text += (
            f" Fragile: {fragile} that another analysis of the same runs would not confirm; see the claims in detail."
        )
    return plain(text + points.counted_for(context.data, verdicts))


def varies(verdict: ClaimVerdict) -> bool:
    """Return whether the effect differs between strata or levels, so that its mean is that of none of them."""
    tested = verdict.examination.tested[verdict.position]
    return tested.evidence is not None and bool(heterogeneity_note(tested.evidence, tested.runs.measure))


def _claim_row(verdict: ClaimVerdict) -> ClaimRow:
    percent = verdict.is_relative
    evidence, found = verdict.evidence, verdict.examination.tested[verdict.position].evidence
    part = found.headline if found is not None else None
    ends, region = (math.nan, math.nan), None
    if part is not None and part.exact is None:
        region = part.region
        if verdict.decision is None:
            ends = part.effect.interval(1.0 - LEVEL / verdict.examination.family.size(verdict.position))
    bounds = (None, None) if region is None else (region.low, region.high)
    low, high = (math.nan if bound is None else in_unit(bound, percent=percent) for bound in bounds)
    name = "the share of failed runs" if verdict.is_of_shares else wording.metric_name(verdict.metric.name)
    per = "" if part is None else wording.clean(part.per)  # of a slope
    marks = ["exploratory"] if verdict.is_exploratory else []
    marks += ["fragile"] if verdict.sturdiness.note else []
    marks += ["varies"] if varies(verdict) else []
    estimates = (in_unit(value, percent=percent) for value in (evidence.estimate, evidence.low, evidence.high, *ends))
    estimate, least, most, at_once_low, at_once_high = estimates
    return ClaimRow(
        identifier=wording.clean(verdict.id),
        text=wording.clean(verdict.claim.text),
        verdict=verdict.verdict,
        unit=(f"change{per}" if per else f"change of {name}") + (" (%)" if percent else ""),
        percent=percent,
        estimate=estimate,
        low=least,
        high=most,
        simultaneous_low=at_once_low,
        simultaneous_high=at_once_high,
        claimed_low=low,
        claimed_high=high,
        mark=", ".join(marks),
    )


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
        folded="All numbers of the claims",
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
        *estimate_cells(evidence.estimate, evidence.low, evidence.high, percent=verdict.is_relative),
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
