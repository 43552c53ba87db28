"""What configurations are called in a paper: short, no two of one stratum and budget alike."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from reports import wording
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.standings.standing import Standing, Standings

FEWEST_OF_FULL: Final = 3  # changes of a configuration from which others leave one out
MOST_DRAWN: Final = 3  # changes by which a drawn configuration is called; one of more is called by its trial


def labels(data: StudyData, group: Standings, standings: Sequence[Standings]) -> dict[str, str]:
    """Return by arm the name that the study gives a configuration, or what it changes from the baseline.

    Where one was left out from a full configuration, that is what it is called by; a drawn one by its trial.

    Args:
        group: whose configurations these are.
        standings: of the study, which call a configuration by the same name in all strata at one budget.
    """
    full = _full(data, [row for each in standings if each.budget == group.budget for row in each.rows])
    plain = {row.arm: _label(data, row, full) for row in group.rows}
    times = Counter(plain.values())
    phases = {row.arm: f", phase {wording.clean(row.phases[0])}" for row in group.rows if times[plain[row.arm]] > 1}
    return {arm: f"{label}{phases.get(arm, '')}" for arm, label in plain.items()}


def _label(data: StudyData, row: Standing, full: Standing | None) -> str:
    if row.name is not None:
        return wording.clean(row.name)
    if full is not None and _leaves_one_out(row, full):
        (left,) = full.changes.keys() - row.changes.keys()
        return f"full without {wording.clean(left)}"
    if row.trial_ids and len(row.changes) > MOST_DRAWN and _design(data, row) == "sampler":
        chosen = data.trials[data.trials["trial_id"] == row.trial_ids[0]]
        return wording.clean(f"{chosen['phase'].iloc[0]} {chosen['number'].iloc[0]}")
    text = changes_text(row.changes)
    return f"full: {text}" if full is not None and row.changes == full.changes else text


def changes_text(changes: Mapping[str, str]) -> str:
    """Return what a configuration changes; ``baseline`` if that is nothing."""
    parts = (f"{wording.clean(name)} = {wording.level_text(json.loads(key))}" for name, key in changes.items())
    return ", ".join(parts) or "baseline"


def _full(data: StudyData, rows: Sequence[Standing]) -> Standing | None:
    """Return the configuration from which those of a leave-one-out design leave one out; None if there is none."""
    of_design = [row for row in rows if any(_is_leave_one_out(data, phase) for phase in row.phases)]
    full = max(of_design, key=lambda row: len(row.changes), default=None)
    if full is None or len(full.changes) < FEWEST_OF_FULL or full.name is not None:
        return None
    return full if any(_leaves_one_out(row, full) for row in of_design) else None


def _leaves_one_out(row: Standing, full: Standing) -> bool:
    return len(row.changes) == len(full.changes) - 1 and row.changes.items() <= full.changes.items()


def _is_leave_one_out(data: StudyData, phase: str) -> bool:
    return str(data.study.phase(phase).design.kind) == "leave_one_out"


def _design(data: StudyData, row: Standing) -> str:
    return str(data.study.phase(row.phases[0]).design.kind)
