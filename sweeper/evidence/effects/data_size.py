"""What a configuration gains over the baseline on growing amounts of one training text.

A phase shows it where a factor changes how much is trained on, and nothing about what is predicted: the validation
text and the vocabulary are the same. It may be a cut of one corpus or a larger corpus in the smaller one's words.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.evidence.data.cells import Cell, baseline_key, cells, level_text
from sweeper.evidence.data.comparison import infer, matching, paired_by_seed
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import measure
from sweeper.evidence.statistics.paired import Estimate

MOST: Final = 8  # configurations in one figure


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeEffect:
    """The change from the baseline to one configuration with one amount of training text.

    Attributes:
        phase, factor: where it was measured, and the factor that changes the amount.
        label: what the configuration changes from the baseline.
        tokens: trained on.
        estimate: of the difference, on the measure's scale.
        trial_ids: what it rests on.
    """

    phase: str
    factor: str
    label: str
    tokens: int
    estimate: Estimate
    trial_ids: tuple[int, ...]


def size_effects(data: StudyData, metric: str | None = None) -> tuple[SizeEffect, ...]:
    """The effects of all phases that vary the amount of text beside something else, by phase and configuration."""
    found = measure(data, metric)
    effects: list[SizeEffect] = []
    for phase in data.phases:
        runs = cells(data, phase.name, found)
        for factor in data.factors:
            sizes = _sizes(data, runs, factor)
            if len(sizes) > 1:
                effects += _phase_effects(data, phase.name, factor, runs, sizes)
    return tuple(effects)


def _sizes(data: StudyData, runs: Sequence[Cell], factor: str) -> dict[str, int]:
    """Tokens by level, smallest first; empty unless they differ and all else about the text is the same."""
    facts: dict[str, set[tuple[object, ...]]] = {}
    for cell in runs:
        for trial in cell.trial_ids:
            corpus = data.results.get(trial, {}).get("corpus")
            if isinstance(corpus, Mapping):
                key = tuple(corpus.get(name) for name in ("train_tokens", "valid_tokens", "vocabulary"))
                facts.setdefault(cell.levels[factor], set()).add(key)
    if any(len(found) > 1 for found in facts.values()):
        return {}
    told = {level: next(iter(found)) for level, found in facts.items()}
    alike = len({found[1:] for found in told.values()}) == 1
    sizes = {level: found[0] for level, found in told.items() if isinstance(found[0], int)}
    if not alike or len(set(sizes.values())) < len(told) or len(told) < 2:
        return {}
    return dict(sorted(sizes.items(), key=lambda item: item[1]))


def _phase_effects(
    data: StudyData, phase: str, factor: str, runs: Sequence[Cell], sizes: Mapping[str, int]
) -> list[SizeEffect]:
    base = {name: baseline_key(data, name, phase) for name in data.factors if name != factor}
    changes = _changes(runs, base)
    effects = []
    for change in _chosen(changes):
        for level, tokens in sizes.items():
            low = matching(runs, {**base, factor: level})
            high = matching(runs, {**base, **change, factor: level})
            comparison = paired_by_seed(low, high, runs)
            if comparison.units:
                label = ", ".join(f"{name} {level_text(key)}" for name, key in change.items())
                effects.append(
                    SizeEffect(
                        phase=phase,
                        factor=factor,
                        label=label,
                        tokens=tokens,
                        estimate=infer(comparison),
                        trial_ids=comparison.trial_ids,
                    )
                )
    return effects


def _changes(runs: Sequence[Cell], base: Mapping[str, str]) -> list[dict[str, str]]:
    """What each configuration changes from the baseline, each once; the baseline itself changes nothing."""
    found: dict[tuple[tuple[str, str], ...], None] = {}
    for cell in runs:
        found[tuple((name, cell.levels[name]) for name, key in base.items() if cell.levels[name] != key)] = None
    return [dict(change) for change in found if change]


def _chosen(changes: Sequence[dict[str, str]]) -> Sequence[dict[str, str]]:
    """Those of one factor, where they are too many."""
    if len(changes) <= MOST:
        return changes
    return ([change for change in changes if len(change) == 1] or list(changes))[:MOST]
