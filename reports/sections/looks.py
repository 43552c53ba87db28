"""Claims that are looked at after every seed: where each is, its path between its boundaries, and what is open."""

import math
from collections.abc import Sequence
from typing import Final

from reports import wording
from reports.figures.looks import LookRow, Panel, looks_figures
from reports.sections.blocks import Block, Cell, Column, Inline, Paragraph, Plot, Section, Table, plain, rich, strong
from reports.sections.context import Context
from reports.sections.estimates import in_unit, number_cell
from reports.sections.titles import looks_title
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.sequential.boundaries import LookPoint

CAPTION: Final = (
    "The evidence on each claim after each of its seeds, as a normal quantile of its p-value: above 0 for the claim, "
    "below 0 against it. Once a look is beyond a boundary, the claim is decided. Boundaries are those at the end of "
    "the study, which are nearer the more claims are decided. Looks without a point are planned."
)

AFTER_STOPPING: Final = (
    "Estimates of claims are those of their last look. A claim that stops once it is decided tends to overstate its "
    "effect. Repeated intervals and p-values hold whichever look a claim stops at; the intervals of the other forest "
    "plots are those of a single look, and do not."
)


def looks(context: Context) -> Section | None:
    """Return the section; None if seeds are fixed, or the study declares no claims."""
    if context.decisions is None or not context.verdicts:
        return None
    blocks: list[Block] = [Paragraph(text=_answer(context), lead=True)]
    blocks += [Paragraph(text=text) for text in _unreached(context)]
    drawings = looks_figures(_title(context), [_panel(context, place) for place in range(len(context.verdicts))])
    captions = [plain(CAPTION), *(plain("Further claims.") for _ in drawings[1:])]
    blocks += [Plot(drawing=drawing, caption=text) for drawing, text in zip(drawings, captions, strict=False)]
    blocks += [_table(context.verdicts), Paragraph(text=plain(AFTER_STOPPING))]
    return Section(anchor="looks", title="Seeds until claims are decided", blocks=tuple(blocks), appendix=True)


def _title(context: Context) -> str:
    found = [verdict.decision for verdict in context.verdicts if verdict.decision is not None]
    decided = [each for each in found if each.stage == "decided"]
    early = sum(each.most is None or each.seeds < each.most for each in decided)
    return looks_title(len(decided), early, len(found))


def _answer(context: Context) -> Inline:
    found = [verdict.decision for verdict in context.verdicts if verdict.decision is not None]
    decided = [each for each in found if each.stage == "decided"]
    early = sum(each.most is None or each.seeds < each.most for each in decided)
    if len(found) == 1:
        answer = rich("The claim is ", strong(found[0].short if decided else "not decided"), ".")
    else:
        number = f"{len(decided)} of {wording.count(len(found), 'claim')}"
        answer = rich(strong(f"{number} {'is' if len(decided) == 1 else 'are'} decided"))
        answer += rich(f", {early} before {'its' if early == 1 else 'their'} last seed." if early else ".")
    return answer + plain(" A claim that is decided, or unlikely to be, requests no further seeds.")


def _unreached(context: Context) -> list[Inline]:
    """Return which claims the money did not reach, and which are open because the study is not finished."""
    found = []
    for stage, text in (
        ("budget_ended", "The budget ended before these claims could be decided:"),
        ("open", "Not decided yet, as the study is not finished:"),
    ):
        names = [
            f"{wording.clean(verdict.id)} ({_seeds(verdict)})"
            for verdict in context.verdicts
            if verdict.decision is not None and verdict.decision.stage == stage
        ]
        if names:
            found.append(rich(strong(text), f" {wording.listed(names)}."))
    return found


def _seeds(verdict: ClaimVerdict) -> str:
    decision = verdict.decision
    return wording.count(decision.seeds, "seed") if decision is not None and decision.look else "not looked at yet"


def _panel(context: Context, place: int) -> Panel:
    assert context.decisions is not None
    verdict = context.verdicts[place]
    assert verdict.decision is not None
    points = context.decisions.path(context.data, place)
    percent = verdict.is_relative
    return Panel(
        claim=wording.clean(verdict.id),
        verdict=verdict.verdict,
        outcome=verdict.decision.short.replace("decided", verdict.verdict, 1),
        most=verdict.decision.most,
        rows=tuple(_row(point, percent=percent) for point in points),
        percent=percent,
    )


def _row(point: LookPoint, *, percent: bool) -> LookRow:
    estimate, low, high = (
        math.nan if value is None else in_unit(value, percent=percent)
        for value in (point.estimate, point.low, point.high)
    )
    return LookRow(
        look=point.look,
        seeds=point.seeds,
        evidence=math.nan if point.evidence is None else point.evidence,
        supports_from=point.supports_from,
        refutes_from=point.refutes_from,
        estimate=estimate,
        low=low,
        high=high,
    )


def _table(verdicts: Sequence[ClaimVerdict]) -> Table:
    return Table(
        name="decisions",
        caption=plain(
            "Looks and seeds by claim. Error left: the share of the claim\u2019s error that its looks have not spent; "
            "none is set aside where there is no maximum of seeds."
        ),
        columns=(
            Column(title="Claim"),
            Column(title="Outcome"),
            Column(title="Looks", number=True),
            Column(title="Seeds", number=True),
            Column(title="Most", number=True),
            Column(title="Error left", number=True),
        ),
        rows=tuple(_cells(verdict) for verdict in verdicts),
    )


def _cells(verdict: ClaimVerdict) -> tuple[Cell, ...]:
    decision = verdict.decision
    assert decision is not None
    return (
        Cell(wording.clean(verdict.id)),
        Cell(decision.short),
        number_cell(decision.look),
        number_cell(decision.seeds),
        number_cell(math.nan if decision.most is None else decision.most),
        number_cell(math.nan, None) if decision.left is None else number_cell(decision.left, f"{decision.left:.0%}"),
    )
