"""The strata of a study: the groups of trials within which results can be compared, such as those of one corpus."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import pandas as pd

from sweeper.designs.levels import Level, level_key
from sweeper.evidence.data.cells import block_text
from sweeper.evidence.data.load import StudyData
from sweeper.spec.phase import Phase

WHOLE: Final = "all trials"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stratum:
    """The trials with the same levels of the study's strata.

    Attributes:
        name: the levels, e.g. ``corpus = ptb``; empty if the study has no strata.
        label: what stands beside it in a figure, e.g. ``ptb``; the name if the level alone says too little.
        levels: by factor.
        trials: its rows of `StudyData.trials`, with their index.
    """

    name: str
    label: str
    levels: Mapping[str, Level]
    trials: pd.DataFrame = field(repr=False, compare=False)


def strata_of(data: StudyData) -> list[Stratum]:
    """Return the strata that have trials, in the order of the factors' levels; without strata, one of all trials.

    Trials that are not drawn yet are in none of several strata.
    """
    names = data.study.strata
    if not names:
        return [Stratum(name="", label=WHOLE, levels={}, trials=data.trials)]
    rows: dict[tuple[str, ...], list[int]] = {}
    levels: dict[tuple[str, ...], dict[str, Level]] = {}
    baselines = _baselines(data)
    for row, (trial, phase) in enumerate(zip(data.trials["trial_id"], data.trials["phase"], strict=True)):
        configuration = data.configurations.get(int(trial))
        if not configuration:
            continue
        found = {name: configuration.get(name, baselines[str(phase)].get(name)) for name in names}
        key = tuple(map(level_key, found.values()))
        rows.setdefault(key, []).append(row)
        levels.setdefault(key, found)
    order = _order(data)
    return [
        Stratum(name=block_text(names, key), label=_label(names, key), levels=levels[key], trials=data.trials.iloc[of])
        for key, of in sorted(rows.items(), key=lambda item: _position(order, item[0]))
    ]


def _position(order: Sequence[Mapping[str, int]], key: tuple[str, ...]) -> list[int]:
    return [known.get(each, len(known)) for known, each in zip(order, key, strict=True)]


def _baselines(data: StudyData) -> dict[str, dict[str, Level]]:
    """Return by phase the levels of strata that a configuration does not name."""
    factors = {name: data.study.factors[name] for name in data.study.strata if name in data.study.factors}
    return {
        phase.name: {name: phase.adapt(factor).baseline for name, factor in factors.items()}
        for phase in data.study.phases
    }


def _order(data: StudyData) -> list[dict[str, int]]:
    """Return for each of the strata the positions of its levels: as declared, then those of phases of their own."""
    found = []
    for name in data.study.strata:
        factor = data.study.factors.get(name)
        known: list[Level] = list((factor.levels or ()) if factor is not None else ())
        known += (level for phase in data.study.phases for level in _own_levels(phase, name))
        found.append({key: position for position, key in enumerate(dict.fromkeys(map(level_key, known)))})
    return found


def _own_levels(phase: Phase, name: str) -> tuple[Level, ...]:
    own = phase.levels.get(name)
    return own if isinstance(own, tuple) else ()


def _label(names: tuple[str, ...], key: tuple[str, ...]) -> str:
    """Return the levels alone where they are texts, which say what they are of."""
    if all(each.startswith('"') for each in key):
        return ", ".join(block_text([name], [each]).partition(" = ")[2] for name, each in zip(names, key, strict=True))
    return block_text(names, key)
