"""Verdicts as flat rows, for JSON and for export."""

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.store.reading.reader import Table

COLUMNS: Final = (
    "id", "text", "kind", "metric", "scale", "verdict", "exploratory", "exploratory_because", "wanted", "label",
    "estimate", "low", "high", "percent", "p", "p_adjusted", "p_refuted", "p_refuted_adjusted", "n", "num_seeds",
    "seeds_needed", "detectable", "method", "trial_ids", "missing", "diverged", "attempted", "diverged_from",
    "diverged_to", "changed", "reachable_verdicts", "summary", "sentence", "worth", "notes", "comparability", "fragile",
    "checks", "look", "most_looks", "stage", "most_seeds", "level_left",
)  # fmt: skip
NO_DECISION: Final = dict.fromkeys(COLUMNS[-5:])


def verdict_row(verdict: ClaimVerdict) -> dict[str, object]:
    """Return a verdict as one flat row, with the columns of `COLUMNS`."""
    claim, evidence = verdict.claim, verdict.evidence
    known: dict[str, object] = {
        **{each.name: getattr(evidence, each.name) for each in fields(evidence)},
        "id": claim.id,
        "text": claim.text,
        "kind": claim.form,
        "metric": verdict.metric.name,
        "scale": verdict.metric.scale,
        "verdict": verdict.verdict,
        "exploratory": verdict.is_exploratory,
        "exploratory_because": verdict.caveats.exploratory,
        "p_adjusted": verdict.p_adjusted,
        "p_refuted_adjusted": verdict.p_refuted_adjusted,
        "changed": bool(verdict.caveats.changes),
        "reachable_verdicts": verdict.caveats.reachable,
        "summary": verdict.summary,
        "sentence": verdict.sentence,
        "worth": tuple(each.text for each in verdict.felt if each.is_known),
        "notes": verdict.notes,
        "comparability": verdict.caveats.comparability,
        "fragile": verdict.sturdiness.rests_on,
        "checks": tuple(check.row() for check in verdict.sturdiness.checks),
        **(NO_DECISION if verdict.decision is None else verdict.decision.row()),
    }
    return {name: known[name] for name in COLUMNS}


def verdict_table(study: str, verdicts: Sequence[ClaimVerdict]) -> Table:
    """Return verdicts as a table for export: one row per claim, lists as text."""
    rows = [verdict_row(verdict) | {"checks": verdict.sturdiness.lines()} for verdict in verdicts]
    return Table(("study", *COLUMNS), [(study, *(_flat(value) for value in row.values())) for row in rows])


def _flat(value: object) -> object:
    if isinstance(value, tuple):
        return "; ".join(" ".join(map(str, item)) if isinstance(item, tuple) else str(item) for item in value)
    return value
