"""The trials that did not complete, why, and whether they could change a verdict."""

from typing import Final

import pandas as pd

from reports import wording
from reports.sections.blocks import Block, Cell, Column, Inline, Paragraph, Section, Table, plain
from reports.sections.context import Context
from reports.sections.strata import stratum_cells, stratum_columns
from sweeper.evidence.data.load import FrameRow

MOST: Final = 15  # rows; all trials are in the trials' table
LONGEST_MESSAGE: Final = 240


def outcomes(context: Context) -> Section | None:
    """Return the section; None if every trial that ended completed."""
    lost = context.trials[context.trials["state"].isin(["pruned", "failed"])]
    if not len(lost):
        return None
    blocks: list[Block] = [Paragraph(text=_answer(context, lost)), _table(context, lost)]
    return Section(anchor="outcomes", title="Pruned and failed trials", blocks=tuple(blocks))


def _answer(context: Context, lost: pd.DataFrame) -> Inline:
    reasons = [reason or state for reason, state in zip(lost["exit_reason"], lost["state"], strict=True)]
    parts = [f"{reasons.count(reason)} {reason.replace('_', ' ')}" for reason in dict.fromkeys(reasons)]
    text = f"{wording.count(len(lost), 'trial')} did not complete: {wording.listed(parts)}. "
    ruled = [verdict for verdict in context.verdicts if verdict.verdict != "untested"]
    at_risk = [verdict for verdict in ruled if verdict.caveats.reachable]
    if not context.verdicts:
        return plain(text + "Pairs without one of them are left out of the effects and counted as missing.")
    if len(ruled) < len(context.verdicts):
        untested = wording.count(len(context.verdicts) - len(ruled), "claim")
        text += f"{untested} could not be tested, because complete pairs are missing. "
    if not at_risk:
        return plain(text + ("No verdict would change, however they had ended." if ruled else ""))
    changes = [f"{wording.clean(each.id)} ({wording.listed(each.caveats.reachable)})" for each in at_risk]
    return plain(
        text + f"If they had ended as well or as badly as possible, verdicts could differ: {'; '.join(changes)}."
    )


def _table(context: Context, lost: pd.DataFrame) -> Table:
    order = lost.sort_values(["state", "trial_id"], kind="stable")
    shown = order.iloc[:MOST]
    more = f" The first {MOST} of {len(lost)}." if len(lost) > MOST else ""
    said = bool(shown["message"].fillna("").str.strip().any())
    return Table(
        name="outcomes",
        caption=plain(f"Trials that were pruned or failed, with their last output, if any.{more}"),
        columns=(
            Column(title="Trial"),
            *stratum_columns(context),
            Column(title="Configuration"),
            Column(title="Seed", number=True),
            Column(title="Reason"),
            Column(title="Step", number=True),
            Column(title="Best value", number=True),
            *([Column(title="Message")] if said else []),
        ),
        rows=tuple(_row(context, row)[: None if said else -1] for row in shown.to_dict("records")),
    )


def _row(context: Context, row: FrameRow) -> tuple[Cell, ...]:
    trial = int(row["trial_id"])
    message = wording.clean(row["message"] or "").strip()
    if len(message) > LONGEST_MESSAGE:
        message = f"\u2026{message[-LONGEST_MESSAGE:]}"
    return (
        Cell(context.names[trial]),
        *stratum_cells(context, context.stratum_of.get(trial, "")),
        Cell(context.arms[trial]),
        Cell(str(row["seed"]), float(row["seed"])),
        Cell(str(row["exit_reason"] or row["state"]).replace("_", " ")),
        Cell(wording.UNKNOWN if pd.isna(row["step"]) else wording.grouped(int(row["step"]))),
        Cell(wording.perplexity(row["value"]), None if pd.isna(row["value"]) else float(row["value"])),
        Cell(message),
    )
