"""The trials of a phase as cells: one configuration with one seed at one budget, exact repeats averaged."""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any, Final

import pandas as pd

from sweeper.designs.configuration import baseline_level, with_own_levels
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure

Levels = Mapping[str, str]  # the key of each factor's level
# What says which text the built-in trainer models; how it reads it (batches, noise) changes no more than other options.
TEXT_PATHS: Final = frozenset(
    ["data", *(f"data.{name}" for name in ("corpus", "folder", "max_train_tokens", "tokenization", "vocabulary_size"))]
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One configuration with one seed at one budget.

    Attributes:
        levels: by factor, as `level_key` has them.
        arm: the configuration's identity, alike in all phases.
        seed: of the trials.
        stratum: budget and corpus: the runs that are taken to vary alike.
        value: on the measure's scale, the mean over exact repeats; NaN where none completed.
        raw: the mean as measured.
        trial_ids: the completed trials.
        missing: the others, by id, with their state.
    """

    levels: Levels
    arm: str
    seed: int
    stratum: tuple[str, ...]
    value: float
    raw: float
    trial_ids: tuple[int, ...]
    missing: tuple[tuple[int, str], ...]

    @property
    def block(self) -> tuple[object, ...]:
        """What runs of one seed in one stratum share."""
        return (self.seed, *self.stratum)

    @property
    def measured(self) -> bool:
        """Whether there is a value."""
        return math.isfinite(self.value)


def level_key(level: object) -> str:
    """The identity of a level: 0 and 0.0 are one, true and 1 are two, lists and mappings go by their content."""
    if isinstance(level, str) and level[:1] in "[{":  # a list or mapping, which the frame holds as canonical JSON
        return level
    if isinstance(level, float) and level.is_integer() and abs(level) < 2**53:
        level = int(level)
    return json.dumps(level, sort_keys=True)


def level_text(key: str) -> str:
    """A level as a reader sees it."""
    value = json.loads(key)
    return value if isinstance(value, str) else key


def factor_spec(data: StudyData, factor: str, phase: str | None = None) -> Mapping[str, Any]:
    """A factor as the study declares it, or as one of its phases has it; empty if it does not."""
    found: Mapping[str, Any] = (data.study.spec.get("factors") or {}).get(factor) or {}
    return found if phase is None or not found else with_own_levels(factor, found, _phase_spec(data, phase))


def blocks_of(data: StudyData, phase: str) -> tuple[str, ...]:
    """The factors at each of whose levels a phase repeats its design."""
    return tuple(_phase_spec(data, phase).get("blocks") or ())


def _phase_spec(data: StudyData, phase: str) -> Mapping[str, Any]:
    return next(each.spec for each in data.phases if each.name == phase)


def baseline_key(data: StudyData, factor: str, phase: str) -> str:
    """The key of a factor's baseline level in a phase, whose own config may move it."""
    level = baseline_level(factor, factor_spec(data, factor), _phase_spec(data, phase))
    return level_key(level)


def full_key(data: StudyData, factor: str, phase: str, found: Iterable[Cell]) -> str | None:
    """The key of the level that a factor has where it is on, in a phase of two levels; None if there are more."""
    base = baseline_key(data, factor, phase)
    others = {cell.levels[factor] for cell in found} - {base}
    return others.pop() if len(others) == 1 else None


def cells(data: StudyData, phase: str, measure: Measure) -> tuple[Cell, ...]:
    """The cells of all trials that a phase wants, in its order; trials that have no configuration yet are left out."""
    if phase not in measure.known_cells:
        measure.known_cells[phase] = _cells(data, phase, measure)
    found: tuple[Cell, ...] = measure.known_cells[phase]
    return found


def revalued(measure: Measure, raw: Mapping[int, float], values: Mapping[int, float]) -> Measure:
    """The measure with other values of its trials; the cells that are known of it are kept, with these values.

    A completed trial that loses its value counts as one that waits.
    """
    found = replace(measure, raw=raw, values=values)
    for phase, known in measure.known_cells.items():
        found.known_cells[phase] = tuple(_revalued(cell, found) for cell in known)
    return found


def _revalued(cell: Cell, measure: Measure) -> Cell:
    ids = (*cell.trial_ids, *(trial for trial, _ in cell.missing))
    done = tuple(sorted(trial for trial in ids if trial in measure.values))
    if done == cell.trial_ids and all(measure.values[trial] == cell.value for trial in done):
        return cell
    states = dict(cell.missing)
    return replace(
        cell,
        value=fmean(measure.values[trial] for trial in done) if done else math.nan,
        raw=fmean(measure.raw[trial] for trial in done) if done else math.nan,
        trial_ids=done,
        missing=tuple((trial, states.get(trial, "waiting")) for trial in ids if trial not in measure.values),
    )


def _cells(data: StudyData, phase: str, measure: Measure) -> tuple[Cell, ...]:
    frame = data.phase_trials(phase)
    factors, corpora = data.factors, _corpus_factors(data)
    levels = {factor: _keys(frame[data.column(factor)], baseline_key(data, factor, phase)) for factor in factors}
    places: dict[tuple[object, ...], list[int]] = {}
    for place, key in enumerate(zip(frame["configuration_hash"], frame["seed"], frame["budget"], strict=True)):
        if _present(key[0]):
            places.setdefault(key, []).append(place)
    trials, states = frame["trial_id"].tolist(), frame["state"].tolist()
    return tuple(
        _cell(
            measure,
            {factor: levels[factor][found[0]] for factor in factors},
            key,
            [(int(trials[place]), str(states[place])) for place in found],
            corpora,
        )
        for key, found in places.items()
    )


def _cell(
    measure: Measure,
    levels: Levels,
    key: tuple[object, ...],
    trials: list[tuple[int, str]],
    corpora: Iterable[str],
) -> Cell:
    arm, seed, budget = key
    done = [trial for trial, _ in trials if trial in measure.values]
    return Cell(
        levels=levels,
        arm=str(arm),
        seed=int(str(seed)),
        stratum=(str(budget), *(levels[factor] for factor in corpora)),
        value=fmean(measure.values[trial] for trial in done) if done else math.nan,
        raw=fmean(measure.raw[trial] for trial in done) if done else math.nan,
        trial_ids=tuple(done),
        missing=tuple((trial, state) for trial, state in trials if trial not in done),
    )


def _keys(column: Iterable[object], baseline: str) -> list[str]:
    """The keys of a factor's levels; a trial that does not vary it has it at its baseline."""
    known: dict[tuple[type, object], str] = {}
    result = []
    for level in column:
        if not _present(level):
            result.append(baseline)
            continue
        place = (type(level), level)
        if place not in known:
            known[place] = level_key(level)
        result.append(known[place])
    return result


def _corpus_factors(data: StudyData) -> tuple[str, ...]:
    """The factors that change what text is modelled: perplexities on two corpora do not vary alike."""
    return tuple(factor for factor in data.factors if _paths(data, factor) & TEXT_PATHS)


def _paths(data: StudyData, factor: str) -> set[str]:
    spec = factor_spec(data, factor)
    grouped = {path for group in (spec.get("groups") or {}).values() for path in group or {}}
    return grouped | ({spec["path"]} if spec.get("path") else set())


def _present(value: object) -> bool:
    return value is not None and value is not pd.NA and not (isinstance(value, float) and math.isnan(value))
