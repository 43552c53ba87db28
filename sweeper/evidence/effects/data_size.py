"""What a configuration gains over the baseline on growing amounts of training text.

A phase shows it if a factor changes the amount of training text and nothing about what is predicted: the validation
text and the vocabulary stay the same. The text may be a part of one corpus, or a larger corpus with the smaller one's
vocabulary.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sweeper.evidence.data.cells import Cell, level_text
from sweeper.evidence.data.comparison import infer, matching, paired_by_seed
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.statistics.paired import Estimate

MOST: Final = 8  # configurations in one figure
Text = tuple[object, ...]  # the tokens that are trained on, those of the validation text, and the vocabulary


@dataclass(frozen=True, slots=True, kw_only=True)
class SizeEffect:
    """The change from the baseline to one configuration with one amount of training text.

    Attributes:
        phase: where it was measured.
        label: what the configuration changes from the baseline.
        tokens: trained on.
        estimate: of the difference, on the measure's scale.
    """

    phase: str
    label: str
    tokens: int
    estimate: Estimate


def size_effects(data: StudyData, runs: Runs) -> tuple[SizeEffect, ...]:
    """Return the effects of all phases that vary the amount of text and something else, by phase and configuration."""
    effects: list[SizeEffect] = []
    for phase in runs.phases.values():
        texts = [(cell, text) for cell in phase.cells for text in _texts(data, cell)]
        for factor in runs.factors if len({text for _, text in texts}) > 1 else ():
            sizes = _sizes(texts, factor)
            if len(sizes) > 1:
                effects += _phase_effects(phase, factor, sizes)
    return tuple(effects)


def _texts(data: StudyData, cell: Cell) -> Iterator[Text]:
    """Yield what the completed trials of a cell read, as far as their results say it."""
    for trial in cell.trial_ids:
        corpus = data.results.get(trial, {}).get("corpus")
        if isinstance(corpus, Mapping):
            yield tuple(corpus.get(name) for name in ("train_tokens", "valid_tokens", "vocabulary"))


def _sizes(texts: Sequence[tuple[Cell, Text]], factor: str) -> dict[str, int]:
    """Return tokens by level, smallest first; empty unless they differ and all else about the text is the same."""
    facts: dict[str, set[Text]] = {}
    for cell, text in texts:
        facts.setdefault(cell.levels[factor], set()).add(text)
    if any(len(found) > 1 for found in facts.values()):
        return {}
    known = {level: next(iter(found)) for level, found in facts.items()}
    alike = len({found[1:] for found in known.values()}) == 1
    sizes = {level: found[0] for level, found in known.items() if isinstance(found[0], int)}
    if not alike or len(set(sizes.values())) < len(known) or len(known) < 2:
        return {}
    return dict(sorted(sizes.items(), key=lambda item: item[1]))


def _phase_effects(phase: PhaseRuns, factor: str, sizes: Mapping[str, int]) -> list[SizeEffect]:
    base = {name: key for name, key in phase.baseline.items() if name != factor}
    effects = []
    for change in _chosen(_changes(phase.cells, base)):
        for level, tokens in sizes.items():
            low = matching(phase.cells, {**base, factor: level})
            high = matching(phase.cells, {**base, **change, factor: level})
            comparison = paired_by_seed(low, high, phase.pool)
            if comparison.units:
                label = ", ".join(f"{name} {level_text(key)}" for name, key in change.items())
                effects.append(SizeEffect(phase=phase.name, label=label, tokens=tokens, estimate=infer(comparison)))
    return effects


def _changes(cells: Sequence[Cell], base: Mapping[str, str]) -> list[dict[str, str]]:
    """Return what each configuration changes from the baseline, without duplicates; the baseline changes nothing."""
    found: dict[tuple[tuple[str, str], ...], None] = {}
    for cell in cells:
        found[tuple((name, cell.levels[name]) for name, key in base.items() if cell.levels[name] != key)] = None
    return [dict(change) for change in found if change]


def _chosen(changes: Sequence[dict[str, str]]) -> Sequence[dict[str, str]]:
    """Return all changes, or only those of one factor if there are too many."""
    if len(changes) <= MOST:
        return changes
    return ([change for change in changes if len(change) == 1] or list(changes))[:MOST]
