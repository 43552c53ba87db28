"""Every length of every configuration of a study, and its runs at the best one.

A configuration has a length for each evaluation of its runs, and for each budget that phases run it with: a run of any
of these lengths could have been reported. `at_best_length` gives the runs of a study as if each configuration had been
run for its own best length alone, so that whatever judges runs can judge them.

- The length is chosen on the study's own metric, by the mean over seeds, and it is one for all seeds.
- A length is known where both the study's metric and the one that is compared were measured: at the same steps of most
  runs of a budget (`sweeper.evidence.data.looks`). A metric that is measured once, such as a test of the best weights
  at the end, belongs to the whole run, which then counts as one length.
- A budget at which a run diverged, failed or was pruned is none that is best, unless all of them are like that.
"""

import json
import math
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from sweeper.evidence.data.arm_lengths import STRATUM, UNITS, ArmKey, ArmLengths, Length, Trials, shared_units
from sweeper.evidence.data.cells import Cell, Levels
from sweeper.evidence.data.looks import look_at, looks_of
from sweeper.evidence.data.measures import make_measure, mean_of
from sweeper.evidence.data.runs import PhaseRuns, Runs
from sweeper.evidence.statistics.best_length import best_length
from sweeper.spec.metric import BEST_LENGTH
from sweeper.store.reading.reader import Curve

LOST: Final = ("failed", "pruned")


def at_best_length(runs: Runs) -> Runs:
    """Return the runs of a study with each configuration at its best length.

    Without any completed run they stay as they are, so that a plan shows what its phases will give.
    """
    arms = arm_lengths(runs)
    if not arms:
        return runs
    raw = {trial: value for arm in arms.values() for trial, value in _chosen(arm, runs)}
    metric = replace(runs.measure.metric, value=BEST_LENGTH)
    measure = replace(make_measure(metric, raw), diverged=runs.measure.diverged)
    shifts = {
        trial: arm.measure.sign * arm.choice.optimism
        for arm in arms.values()
        if math.isfinite(arm.choice.optimism)
        for trial, _ in _trials_of(arm)
    }
    values = {trial: value + shifts.get(trial, 0.0) for trial, value in measure.values.items()}
    shifted = {trial: measure.measured(value) if shifts.get(trial) else raw[trial] for trial, value in values.items()}
    measure = replace(measure, values=values, raw={**measure.raw, **shifted})
    chooser = None if runs.chooser is None else at_best_length(runs.chooser)

    def again(trials: Collection[int]) -> Runs:
        return at_best_length(runs.only(trials))

    return replace(
        runs,
        measure=measure,
        phases={name: _phase(phase, arms) for name, phase in runs.phases.items()},
        endings=replace(runs.endings, curves={}, own=None),
        chooser=chooser,
        lengths=arms,
        unchosen=runs,
        rechosen=again,
    ).measured()


def arm_lengths(runs: Runs) -> dict[ArmKey, ArmLengths]:
    """Return the lengths of every configuration of which some run has completed."""
    groups: dict[ArmKey, dict[str, dict[int, Trials]]] = {}
    levels: dict[ArmKey, Levels] = {}
    for phase in runs.phases.values():
        for cell in phase.cells:
            budget, *place = cell.stratum
            key = (cell.arm, tuple(place))
            levels.setdefault(key, cell.levels)
            known = groups.setdefault(key, {}).setdefault(budget, {})
            # Of several phases with the same runs, one may repeat them more often than another.
            known[cell.seed] = tuple({**dict(known.get(cell.seed, ())), **_states(cell)}.items())
    found = {key: _arm(runs, levels[key], group) for key, group in groups.items()}
    return {key: arm for key, arm in found.items() if arm is not None}


def _arm(runs: Runs, levels: Levels, group: Mapping[str, Mapping[int, Trials]]) -> ArmLengths | None:
    """Return the lengths of a configuration from its trials by budget and seed; None if no run has completed."""
    chooser = runs.chooser or runs
    completed = {
        budget: {seed: done for seed, trials in by_seed.items() if (done := _completed(trials, runs, chooser))}
        for budget, by_seed in group.items()
    }
    lost = {budget: _lost(group[budget], runs, chooser) for budget, by_seed in completed.items() if by_seed}
    sound = {budget: completed[budget] for budget, trials in lost.items() if not trials}
    counted = sound or {budget: completed[budget] for budget in lost}
    looks = {budget: looks_of(by_seed, chooser, runs) for budget, by_seed in counted.items()}
    columns = [
        column
        for budget, by_seed in counted.items()
        for column in _columns(budget, by_seed, looks[budget].shared, runs, chooser)
    ]
    seeds = tuple(sorted({seed for by_seed in completed.values() for seed in by_seed}))
    if not columns:
        return None
    units = shared_units([column.length for column in columns])
    columns.sort(key=lambda column: _order(column.length, units))
    chosen_by, values = (
        np.array([[points.get(seed, math.nan) for points in part] for seed in seeds], dtype=float)
        for part in ([column.chosen_by for column in columns], [column.values for column in columns])
    )
    choice = best_length(chooser.measure.sign * chosen_by, runs.measure.sign * values)
    if choice is None:
        return None
    return ArmLengths(
        levels=levels,
        lengths=tuple(column.length for column in columns),
        seeds=seeds,
        chosen_by=chosen_by,
        values=values,
        trials={(seed, budget): trials for budget, by_seed in group.items() for seed, trials in by_seed.items()},
        choice=choice,
        looks=looks,
        lost={budget: trials for budget, trials in lost.items() if budget not in counted},
        chooser=chooser.measure,
        measure=runs.measure,
    )


def _states(cell: Cell) -> dict[int, str]:
    return {**dict.fromkeys(cell.trial_ids, "completed"), **dict(cell.missing)}


def _completed(trials: Trials, runs: Runs, chooser: Runs) -> tuple[int, ...]:
    return tuple(trial for trial, _ in trials if trial in runs.measure.values and trial in chooser.measure.values)


def _lost(by_seed: Mapping[int, Trials], *of: Runs) -> tuple[tuple[int, int], ...]:
    """Return the runs of a budget that failed, were pruned, or diverged on a metric: their seeds and trials."""
    return tuple(
        (seed, trial)
        for seed, trials in by_seed.items()
        for trial, state in trials
        if state in LOST or any(trial in runs.measure.diverged for runs in of)
    )


@dataclass(frozen=True, slots=True)
class _Column:
    """A length with its values by seed."""

    length: Length
    chosen_by: Mapping[int, float]
    values: Mapping[int, float]


def _columns(
    budget: str, by_seed: Mapping[int, tuple[int, ...]], steps: Sequence[int], runs: Runs, chooser: Runs
) -> Iterator[_Column]:
    """Yield the lengths of the runs of one budget: their evaluations at some steps, or whole runs without any."""
    places: Sequence[int | None] = steps or [None]
    for step in places:
        chosen_by, values = (
            {seed: value for seed, done in by_seed.items() if (value := _mean_at(each, done, step)) is not None}
            for each in (chooser, runs)
        )
        trials = [trial for seed in chosen_by for trial in by_seed[seed]]
        length = Length(budget=budget, step=step, cost=_cost(budget, trials, step, chooser))
        yield _Column(length, chosen_by, values)


def _mean_at(runs: Runs, trials: Sequence[int], step: int | None) -> float | None:
    """Return the mean of trials at an evaluation, on the scale; None if one has none. Of whole runs if that is None."""
    if step is None:
        return mean_of([runs.measure.values[trial] for trial in trials])
    found = [look_at(runs, trial, step) for trial in trials]
    known = [runs.measure.on_scale(value) for value in found if value is not None]
    return mean_of(known) if len(known) == len(found) else None


def _cost(budget: str, trials: Sequence[int], step: int | None, chooser: Runs) -> dict[str, float]:
    """Return what a length takes, the mean over its runs; of whole runs without a curve, their budget.

    The step of a value that was measured once may be none: programs that print no step have it at step 1.
    """
    curves = [curve for trial in trials if (curve := chooser.endings.curves.get(trial)) is not None]
    found = _budget_cost(budget) if step is None else {}
    is_once = step is None and any(len(curve.steps) < 2 for curve in curves)
    for unit in ("steps", "tokens", "flops"):
        if is_once and unit in found:
            continue
        amounts = [_amount(curve, unit, step) for curve in curves]
        if amounts and all(math.isfinite(amount) and amount > 0 for amount in amounts):
            found[unit] = mean_of(amounts)
    return found


def _amount(curve: Curve, unit: str, step: int | None) -> float:
    place = -1 if step is None else bisect_left(curve.steps, step)
    amounts: Sequence[float] = getattr(curve, unit)
    return float(amounts[place])


def _budget_cost(budget: str) -> dict[str, float]:
    try:
        document = json.loads(budget)
    except ValueError:
        return {}
    return {unit: float(amount) for unit, amount in document.items() if unit in UNITS}


def _order(length: Length, units: Sequence[str]) -> tuple[float, ...]:
    """Return by what lengths are ordered: their costs in the units in which all are known, and their steps."""
    return (*(length.cost.get(unit, 0.0) for unit in units), float(length.step or 0))


def _trials_of(arm: ArmLengths) -> Iterator[tuple[int, str]]:
    """Yield the trials of a configuration at the budget of its best length."""
    for (_, budget), trials in arm.trials.items():
        if budget == arm.best.budget:
            yield from trials


def _chosen(arm: ArmLengths, runs: Runs) -> Iterator[tuple[int, float]]:
    """Yield the completed trials of a configuration with their values at its best length, as measured."""
    step, absent = arm.best.step, {trial for seed in arm.absent for trial, _ in arm.trials[seed, arm.best.budget]}
    for trial, _ in _trials_of(arm):
        if trial not in runs.measure.values or trial in absent:
            continue
        value = runs.measure.raw[trial] if step is None else look_at(runs, trial, step)
        if value is not None:
            yield trial, value


def _phase(phase: PhaseRuns, arms: Mapping[ArmKey, ArmLengths]) -> PhaseRuns:
    """Return a phase whose cells have the runs at their best lengths; a seed that has none there is left out."""
    cells: dict[tuple[object, ...], Cell] = {}
    for cell in phase.cells:
        arm = arms.get(cell.arm_key)
        trials = None if arm is None else arm.trials.get((cell.seed, arm.best.budget))
        if arm is not None and (trials is None or cell.seed in arm.absent):
            continue
        found = Cell(
            levels=cell.levels,
            arm=cell.arm,
            seed=cell.seed,
            stratum=(STRATUM, *cell.stratum[1:]),
            missing=trials or tuple((trial, "waiting") for trial in cell.all_trials),
            chosen=0.0 if arm is None else arm.choice.optimism,
        )
        cells[found.identity] = found
    return replace(phase, cells=tuple(cells.values()))
