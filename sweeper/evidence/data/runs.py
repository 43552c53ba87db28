"""A study's runs on one metric, phase by phase: what claims are judged on and effects are computed from."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from sweeper.designs.baselines import Guess
from sweeper.designs.kinds import DesignKind
from sweeper.designs.levels import Level, level_key
from sweeper.evidence.data.arm_lengths import ArmKey, ArmLengths
from sweeper.evidence.data.cells import Cell, block_text, measured
from sweeper.evidence.data.censored import Endings, Series
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure, Metric, make_measure
from sweeper.evidence.data.pool import ErrorRule, Pool
from sweeper.spec.arm_names import ArmNames
from sweeper.spec.metric import metric_named
from sweeper.spec.phase import Phase

# The settings of the trainer that choose the text to model. How it is read (batches, noise) is like any other setting.
TEXT_PATHS: Final = frozenset(
    ["data", *(f"data.{name}" for name in ("corpus", "folder", "max_train_tokens", "tokenization", "vocabulary_size"))]
)


@dataclass(frozen=True, kw_only=True)  # no slots: the pool is made once
class PhaseRuns:
    """The runs of one phase.

    Attributes:
        design: its kind.
        blocks: the factors at each of whose levels the design is repeated.
        strata: the factors at whose levels the study's results stand apart.
        baseline: by factor the key of its baseline level in this phase.
        cells: of all trials that the phase wants, in its order, except those that have no configuration yet.
        rule: how standard errors are found.
        repeats: how many trials of each cell the study declares.
    """

    name: str
    design: DesignKind
    blocks: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    baseline: Mapping[str, str]
    cells: tuple[Cell, ...] = field(repr=False)
    rule: ErrorRule = ErrorRule.DECLARED
    repeats: int = 1

    @cached_property
    def pool(self) -> Pool:
        """The cells, to pool the variance over."""
        return Pool(self.cells, self.rule)

    @cached_property
    def places(self) -> Mapping[int, int]:
        """By trial the place of its cell."""
        return {trial: place for place, cell in enumerate(self.cells) for trial in cell.all_trials}

    @cached_property
    def known_levels(self) -> frozenset[tuple[str, str]]:
        """The levels that its trials have, each with its factor."""
        return frozenset(pair for cell in self.cells for pair in cell.levels.items())

    @property
    def apart(self) -> tuple[str, ...]:
        """The factors at each of whose levels effects are computed: its blocks, and the study's strata."""
        return tuple(dict.fromkeys([*self.blocks, *self.strata]))

    @cached_property
    def by_block(self) -> Mapping[str, "PhaseRuns"]:
        """The runs of each combination of the levels of blocks and strata, named e.g. ``dataset = x``.

        None without several of them.
        """
        return self._groups(lambda cell: tuple(block_text([name], [cell.levels[name]]) for name in self.apart))

    @cached_property
    def by_stratum(self) -> Mapping[str, "PhaseRuns"]:
        """The runs of each block and stratum, and of each corpus, declared as one or not; none without several."""
        return self._groups(
            lambda cell: tuple(
                dict.fromkeys([*(block_text([name], [cell.levels[name]]) for name in self.apart), *cell.stratum[1:]])
            )
        )

    def _groups(self, key: Callable[[Cell], tuple[str, ...]]) -> Mapping[str, "PhaseRuns"]:
        """Return the runs by the texts of what they have in common, without those that all of them have."""
        groups: dict[tuple[str, ...], list[Cell]] = {}
        for cell in self.cells:
            groups.setdefault(key(cell), []).append(cell)
        if len(groups) < 2:
            return {}
        shared = set.intersection(*(set(texts) for texts in groups))
        return {
            ", ".join(text for text in texts if text not in shared): replace(self, cells=tuple(cells))
            for texts, cells in groups.items()
        }

    def full_level(self, factor: str) -> str | None:
        """Return the key of the level that a factor of two levels has where it is on; None if it has more or fewer."""
        others = {cell.levels[factor] for cell in self.cells} - {self.baseline[factor]}
        return others.pop() if len(others) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """A study's runs on one metric.

    Attributes:
        levels: by factor, in the study's order, the keys of its declared levels; none for a range.
        endings: what is known of trials without a value.
        chooser: the runs on the metric by which levels are chosen; None if that is this one.
        seed_names: the seeds as a reader knows them, where they are not the numbers.
        is_imported: whether they are of another tool, so that the user chooses the factors when importing them.
        is_frame: whether they are the rows of a frame, of whose columns the caller chooses the factors.
        arm_names: what configurations are called.
        guesses: by factor of a frame, its baseline, where another level could be that as well.
        lengths: where each configuration is at its best length, all of its lengths, by its identity and its blocks.
        unchosen: the same runs at the lengths of their phases, among which the best ones were chosen; None where none
            were.
        rechosen: returns the runs as if only some trials had been run, with lengths that those choose; None where
            none were chosen.
    """

    measure: Measure
    phases: Mapping[str, PhaseRuns]
    levels: Mapping[str, tuple[str, ...]]
    endings: Endings
    chooser: "Runs | None" = None
    seed_names: Mapping[int, str] = field(default_factory=dict, repr=False)
    is_frame: bool = False
    is_imported: bool = False
    arm_names: ArmNames = field(default_factory=ArmNames, repr=False)
    guesses: Mapping[str, Guess] = field(default_factory=dict, repr=False)
    lengths: Mapping[ArmKey, ArmLengths] = field(default_factory=dict, repr=False)
    unchosen: "Runs | None" = field(default=None, repr=False, compare=False)
    rechosen: "Callable[[Collection[int]], Runs] | None" = field(default=None, repr=False, compare=False)

    @property
    def factors(self) -> tuple[str, ...]:
        """All factors, in the study's order."""
        return tuple(self.levels)

    def measured(self) -> "Runs":
        """Return the runs with their cells measured."""
        return replace(self, phases=_measured(self.phases, self.measure))

    def only(self, trials: Collection[int]) -> "Runs":
        """Return the runs as if only these trials had been run: levels are chosen on them too, the others wait."""
        if self.rechosen is not None:
            return self.rechosen(trials)
        values = {trial: value for trial, value in self.measure.values.items() if trial in trials}
        raw = {trial: self.measure.raw[trial] for trial in values}
        useless = {trial: value for trial, value in self.measure.raw.items() if trial not in self.measure.values}
        raw |= {trial: value for trial, value in useless.items() if trial in trials}
        diverged = frozenset(trial for trial in self.measure.diverged if trial in trials)
        measure = replace(self.measure, raw=raw, values=values, diverged=diverged)
        chooser = None if self.chooser is None else self.chooser.only(trials)
        return replace(self, measure=measure, phases=_measured(self.phases, measure, trials), chooser=chooser)

    def behind(self, cells: Iterable[Cell]) -> Sequence[Cell]:
        """Return the cells on which some cells rest: where lengths were chosen, those of all lengths; else the same."""
        if self.unchosen is None:
            return tuple(cells)
        arms = {cell.arm_key for cell in cells}
        every = (cell for phase in self.unchosen.phases.values() for cell in phase.cells)
        return tuple(cell for cell in every if cell.arm_key in arms)

    def filled(self, values: Mapping[int, float]) -> "Runs":
        """Return the runs with values, on the scale, for trials that have none; levels are chosen without them."""
        known = self.measure
        raw = {**{trial: known.measured(value) for trial, value in values.items()}, **known.raw}
        measure = replace(known, raw=raw, values={**known.values, **values})
        phases = {name: _refilled(phase, measure, values) for name, phase in self.phases.items()}
        return replace(self, measure=measure, phases=phases, chooser=self.chooser or self)

    def judged_by(self, rule: ErrorRule) -> "Runs":
        """Return the runs with another rule for standard errors."""
        return replace(self, phases={name: replace(phase, rule=rule) for name, phase in self.phases.items()})

    def remeasured(self, measure: Measure) -> "Runs":
        """Return the runs with other values; levels are chosen on those too, unless another metric chooses them."""
        return replace(self, measure=measure, phases=_measured(self.phases, measure))


def study_runs(data: StudyData, metric: str | None = None) -> Runs:
    """Return a study's runs on a metric, by default its own.

    The value on the study's own metric is that of each trial, as the store keeps it. Another metric is read from the
    trials' results, or is the value of its curve where they do not have it.
    """
    name = metric or data.study.metric.name
    return MetricRuns(data).on([name])[name]


@dataclass(frozen=True)
class MetricRuns:
    """A study's runs on any of its metrics, each made once: a report asks for the same ones several times."""

    data: StudyData
    _made: dict[tuple[Metric, bool], Runs] = field(default_factory=dict, repr=False)

    def on(self, metrics: Iterable[str] | None = None, *, also: Sequence[Metric] = ()) -> dict[str, Runs]:
        """Return the runs on several metrics, by default those of the study's claims, by the metrics' names.

        Args:
            also: further metrics.
        """
        study, own = self.data.study, self.data.study.metric
        declared = [*also, own, *(claim.metric for claim in study.claims)]
        known = {metric.name: metric for metric in declared}
        wanted = {claim.metric.name for claim in study.claims} if metrics is None else set(metrics)
        wanted |= {metric.name for metric in also}
        is_trainer = study.trial.is_trainer
        named = {name: known.get(name) or metric_named(name, own, is_trainer=is_trainer) for name in wanted}
        return {name: self.own if name == own.name else self._of(metric) for name, metric in named.items()}

    @cached_property
    def own(self) -> Runs:
        """The runs on the study's own metric."""
        return replace(self._unmeasured, endings=self._endings(self.data.study.metric)).measured()

    def _of(self, metric: Metric) -> Runs:
        key = metric, metric.is_usual_value
        if key not in self._made:
            measure = _measure(self.data, metric)
            found = replace(self._unmeasured, measure=measure, endings=self._endings(metric), chooser=self.own)
            self._made[key] = found.measured()
        return self._made[key]

    @cached_property
    def _unmeasured(self) -> Runs:
        data, trials = self.data, self.data.trials
        ids = [int(trial) for trial in trials["trial_id"]]
        groups = zip(trials["phase"].map(str), trials["budget"].map(str), strict=True)
        states = trials["state"].map(str)
        return Runs(
            measure=_measure(data, data.study.metric),
            phases={phase.name: _phase_runs(data, phase) for phase in data.study.phases},
            levels={name: _declared(data, name) for name in data.factors},
            endings=Endings(groups=dict(zip(ids, groups, strict=True)), states=dict(zip(ids, states, strict=True))),
            is_imported=data.study.trial.is_imported,
            arm_names=ArmNames.of(data.study),
        )

    def _endings(self, metric: Metric) -> Endings:
        own, series = self.data.study.metric, None
        if metric.name != own.name and metric.scale == own.scale:
            series = Series(self.own.measure, self.data.curves(own.name))
        return replace(self._unmeasured.endings, curves=self.data.curves(metric.name), own=series)


def _measure(data: StudyData, metric: Metric) -> Measure:
    completed = data.trials[data.trials["state"] == "completed"]
    trials = [int(trial) for trial in completed["trial_id"]]
    if metric.name == data.study.metric.name:
        return make_measure(metric, dict(zip(trials, completed["value"].astype(float).tolist(), strict=True)))
    found = {trial: _value(data, trial, metric) for trial in trials}
    return make_measure(metric, {trial: value for trial, value in found.items() if value is not None})


def _value(data: StudyData, trial: int, metric: Metric) -> float | None:
    result = data.results.get(trial, {}).get(metric.name)
    if isinstance(result, int | float) and not isinstance(result, bool):
        return float(result)
    curve = data.curves(metric.name).get(trial)
    if curve is None:
        return None
    value = metric.value.of(curve.values, metric.direction)
    # Without a value, a curve that is finite has too few points for a mean; another one diverged.
    return None if math.isnan(value) and all(map(math.isfinite, curve.values)) else value


def _measured(
    phases: Mapping[str, PhaseRuns], measure: Measure, run: Collection[int] | None = None
) -> dict[str, PhaseRuns]:
    return {
        name: replace(phase, cells=tuple(measured(cell, measure, run) for cell in phase.cells))
        for name, phase in phases.items()
    }


def _refilled(phase: PhaseRuns, measure: Measure, trials: Iterable[int]) -> PhaseRuns:
    """Return a phase's runs with new values for some trials; a phase without any of these stays as it is."""
    places = {phase.places[trial] for trial in trials if trial in phase.places}
    if not places:
        return phase
    cells = list(phase.cells)
    for place in places:
        cells[place] = measured(cells[place], measure)
    return replace(phase, cells=tuple(cells))


def _phase_runs(data: StudyData, phase: Phase) -> PhaseRuns:
    """Return a phase's runs, none of them measured yet."""
    known = data.study.factors
    adapted = {name: phase.adapt(known[name]).baseline if name in known else None for name in data.factors}
    baseline = {name: level_key(level) for name, level in adapted.items()}
    return PhaseRuns(
        name=phase.name,
        design=phase.design.kind,
        blocks=phase.blocks,
        strata=tuple(name for name in data.study.strata if name in baseline),
        baseline=baseline,
        cells=_cells(data, phase.name, baseline, phase.blocks),
        repeats=phase.repeats,
    )


def _cells(data: StudyData, phase: str, baseline: Mapping[str, str], blocks: Sequence[str]) -> tuple[Cell, ...]:
    """Return a phase's cells; runs of one budget, one block and one corpus are a stratum."""
    names = ("trial_id", "configuration_hash", "seed", "budget", "state")
    frame = data.phase_trials(phase)
    groups: dict[tuple[str, int, str], list[tuple[int, str]]] = {}
    for trial, arm, seed, budget, state in zip(*(frame[name].tolist() for name in names), strict=True):
        if isinstance(arm, str):  # absent until drawn
            groups.setdefault((arm, int(seed), str(budget)), []).append((int(trial), str(state)))
    key_of, strata = _KeyCache(), tuple(dict.fromkeys([*blocks, *_corpus_factors(data)]))
    cells = []
    for (arm, seed, budget), trials in groups.items():
        configuration = data.configurations[trials[0][0]]
        levels = {
            name: key_of(configuration[name]) if name in configuration else base for name, base in baseline.items()
        }
        stratum = (budget, *(block_text([name], [levels[name]]) for name in strata))
        cells.append(Cell(levels=levels, arm=arm, seed=seed, stratum=stratum, missing=tuple(trials)))
    return tuple(cells)


class _KeyCache:
    """Return the keys of levels, and remember them: a phase has few levels and many trials."""

    def __init__(self) -> None:
        self._known: dict[tuple[type, Level], str] = {}

    def __call__(self, level: Level) -> str:
        if isinstance(level, list | dict):
            return level_key(level)
        found = self._known.get((type(level), level))
        if found is None:
            found = self._known[type(level), level] = level_key(level)
        return found


def _declared(data: StudyData, name: str) -> tuple[str, ...]:
    factor = data.study.factors.get(name)
    return tuple(level_key(level) for level in (factor.levels or ())) if factor is not None else ()


def _corpus_factors(data: StudyData) -> tuple[str, ...]:
    """Return the factors that change what text is modelled: perplexities on two corpora do not vary alike."""
    return tuple(name for name, factor in data.study.factors.items() if TEXT_PATHS & set(factor.paths))
