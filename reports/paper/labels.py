"""What configurations are called in a paper: short, no two of one stratum and budget alike."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from reports import wording
from reports.paper.names import own_letters
from sweeper.evidence.data.cells import Level, level_key
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.standings.standing import Standing, Standings

FULL: Final = "full"
FEWEST_OF_FULL: Final = 3  # changes of a configuration from which others leave one out
MOST_DRAWN: Final = 3  # changes by which a drawn configuration is called; one of more is called by its trial


def labels(data: StudyData, group: Standings, standings: Sequence[Standings]) -> dict[str, str]:
    """Return by arm the name that the study gives a configuration, or what it changes from the baseline.

    Where that is shorter, it is what it changes from a configuration with a name, or from the full one of which a
    leave-one-out design leaves one out. A drawn configuration of many changes is called by its trial.

    Args:
        group: whose configurations these are.
        standings: of the study, which call a configuration by the same name in all strata at one budget.
    """
    full = _full(data, [row for each in standings if each.budget == group.budget for row in each.rows])
    bases: dict[str, Mapping[str, str]] = {name: _keys(levels) for name, levels in data.study.arms.items() if levels}
    bases |= {} if full is None else {FULL: full}
    plain = {row.arm: wording.brief(_label(data, row, bases)) for row in group.rows}
    times = Counter(plain.values())
    phases = {row.arm: f", phase {wording.clean(row.phases[0])}" for row in group.rows if times[plain[row.arm]] > 1}
    found = {arm: f"{label}{phases.get(arm, '')}" for arm, label in plain.items()}
    # Long names may be shortened to the same text. What sets them apart is the same in every stratum.
    times = Counter(found.values())
    own = {row.arm: own_letters(json.dumps([row.name, dict(row.changes)])) for row in group.rows}
    return {arm: f"{label} ({own[arm]})" if times[label] > 1 else label for arm, label in found.items()}


def _keys(levels: Mapping[str, Level]) -> dict[str, str]:
    return {name: level_key(level) for name, level in levels.items()}


def _label(data: StudyData, row: Standing, bases: Mapping[str, Mapping[str, str]]) -> str:
    if row.name is not None:
        return wording.clean(row.name)
    if row.trial_ids and len(row.changes) > MOST_DRAWN and _design(data, row.phases[0]) == "sampler":
        chosen = data.trials[data.trials["trial_id"] == row.trial_ids[0]]
        return wording.clean(f"{chosen['phase'].iloc[0]} {chosen['number'].iloc[0]}")
    own = changes_text(row.changes)
    if row.changes == bases.get(FULL):
        return f"{FULL}: {own}"
    others = (_from(wording.clean(name), base, row.changes) for name, base in bases.items())
    return min([own, *others], key=len)


def _from(name: str, base: Mapping[str, str], changes: Mapping[str, str]) -> str:
    """Return what a configuration changes from one with a name, and which changes of that it is without."""
    added = {factor: key for factor, key in changes.items() if base.get(factor) != key}
    left = [wording.clean(factor) for factor in base if factor not in changes]
    with_text = f" with {changes_text(added)}" if added else ""
    return f"{name}{with_text}{f' without {wording.listed(left)}' if left else ''}"


def changes_text(changes: Mapping[str, str]) -> str:
    """Return what a configuration changes; ``baseline`` if that is nothing."""
    parts = (f"{wording.clean(name)} = {wording.level_text(json.loads(key))}" for name, key in changes.items())
    return ", ".join(parts) or "baseline"


def _full(data: StudyData, rows: Sequence[Standing]) -> Mapping[str, str] | None:
    """Return what the configuration changes from which those of a leave-one-out design leave one out.

    None if there is none, or the study names it.
    """
    of_design = [row for row in rows if any(_design(data, phase) == "leave_one_out" for phase in row.phases)]
    full = max(of_design, key=lambda row: len(row.changes), default=None)
    if full is None or len(full.changes) < FEWEST_OF_FULL or full.name is not None:
        return None
    fewer = (row.changes for row in of_design if len(row.changes) == len(full.changes) - 1)
    return full.changes if any(changes.items() <= full.changes.items() for changes in fewer) else None


def _design(data: StudyData, phase: str) -> str:
    return str(data.study.phase(phase).design.kind)
