"""Options of the built-in trainer that are set, and have no effect in any trial of a study."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from sweeper.designs.factor import DesignError, Factors, complete
from sweeper.designs.levels import Configuration, Level
from sweeper.designs.paths import apply_levels, get_path
from sweeper.planning.plan import trial_budget
from sweeper.spec.configurations import baseline_config, enumerate_phase, factors_in, varied
from sweeper.spec.phase import Phase
from sweeper.spec.study import Study
from trainer.config import ConfigError, num_steps, parse
from trainer.config.idle import Condition, conditions, conditions_in_run
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import dotted

LENGTHS: Final = ("steps", "tokens")  # in which the length of a run is known without its corpus
MOST_ROWS: Final = 2000  # of a phase: a larger study is not searched


def idle_options(study: Study) -> Iterator[tuple[KeyPath, str]]:
    """Yield the options that have no effect, or less, wherever they are set, with their place in the study file."""
    if not study.trial.is_trainer:
        return
    found: dict[tuple[str, ...], list[Condition]] = {}
    for phase in study.phases:
        rows = rows_of(phase, factors_in(study, phase))
        if len(rows) > MOST_ROWS:
            return
        for row in rows:
            for condition in _conditions(study, phase, row):
                found.setdefault(condition.path, []).append(condition)
    for path, each in found.items():
        if not any(condition.is_met for condition in each):
            yield _position(study, path), each[0].problem.message


def _conditions(study: Study, phase: Phase, row: Configuration) -> list[Condition]:
    config, budget = apply_levels(baseline_config(study, phase), study.factors, row), trial_budget(study, phase)
    try:
        parsed = parse(config)
    except ConfigError:  # which planning reports
        return []
    if budget.unit not in LENGTHS:
        return list(conditions(parsed))
    steps = num_steps(config, {budget.unit: budget.amount})
    return [*conditions(parsed), *conditions_in_run(parsed, steps)]


def rows_of(phase: Phase, factors: Factors) -> Sequence[Configuration]:
    """Return a phase's configurations; where a sampler will choose them, some in which every level occurs."""
    try:
        return enumerate_phase(phase, factors)
    except DesignError:
        ends = {name: _levels(factors, name) for name in (*varied(phase, factors), *phase.blocks)}
        single = [{name: level} for name, levels in ends.items() for level in levels]
        most = max((len(levels) for levels in ends.values()), default=0)
        joint = [
            {name: levels[min(number, len(levels) - 1)] for name, levels in ends.items()} for number in range(most)
        ]
        return [complete(row, factors) for row in [{}, *single, *joint]]


def _levels(factors: Factors, name: str) -> Sequence[Level]:
    bounds = factors[name].range
    return factors[name].listed_levels if bounds is None else (bounds.low, bounds.high)


def _position(study: Study, path: tuple[str, ...]) -> KeyPath:
    """Return where the study file sets an option: in a factor, in its config or in that of a phase."""
    around = {dotted(path[:end]) for end in range(1, len(path) + 1)}  # levels of a factor may be mappings
    for name, factor in study.factors.items():
        if around.intersection(factor.paths):
            return ("factors", name)
    if _has(study.trial.config, path):
        return ("trial", "config", *path)
    index = next((index for index, phase in enumerate(study.phases) if _has(phase.config, path)), 0)
    return ("phases", index, "config", *path)


def _has(config: Mapping[str, object], path: tuple[str, ...]) -> bool:
    return get_path(config, dotted(path), None) is not None
