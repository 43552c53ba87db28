"""How configurations stand in each stratum of a study: means, intervals, and which may be the best.

::

    for group in standings(load("sqlite:///sweeper.db", "quickstart")):
        best = group.chosen           # the best configuration, by validation where there is a test
        print(group.name, group.budget, best.mean, best.low, best.high, best.ranks)
        print([row.arm for row in group.possible])  # those that cannot be told from the best

Runs of all phases that share a stratum and a budget are compared: a configuration that two phases want is one. Where a
study's metric is one of validation and its runs report the test that belongs to it, the values are those of the test,
and the best is chosen by validation. A configuration of which a run diverged, failed or was pruned is shown and not
ranked: the mean of the others flatters it.
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from statistics import fmean
from typing import Any, Final

from sweeper.evidence.claims.alternatives import validation_names
from sweeper.evidence.data.cells import Cell, block_text
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure, Metric
from sweeper.evidence.data.runs import MetricRuns, PhaseRuns, Runs
from sweeper.evidence.data.strata import strata_of
from sweeper.evidence.standings.ranking import Place, Ranking, rank
from sweeper.evidence.standings.standing import Standing, Standings
from sweeper.spec.arm_names import arm_name
from sweeper.spec.metric import metric_named

BUDGET: Final = 0  # of a cell's stratum
CENSORED: Final = ("failed", "pruned")
SHARED: Final = tuple(each.name for each in fields(Place))  # what a standing has of its place

Key = tuple[tuple[str, ...], str]  # the stratum's levels, and the budget


@dataclass(frozen=True, slots=True)
class _Group:
    """The cells of one stratum and budget by arm and seed; the phases that want each arm, with their baselines."""

    cells: dict[str, dict[int, Cell]] = field(default_factory=dict)
    phases: dict[str, dict[str, None]] = field(default_factory=dict)
    baselines: dict[str, Mapping[str, str]] = field(default_factory=dict)

    def add(self, cell: Cell, phase: PhaseRuns) -> None:
        """Add a cell; of the same runs in two phases, those of the one with more repeats count."""
        seeds = self.cells.setdefault(cell.arm, {})
        known = seeds.get(cell.seed)
        if known is None or len(cell.all_trials) > len(known.all_trials):
            alone = cell.stratum[:1]  # the budget
            seeds[cell.seed] = cell if cell.stratum == alone else replace(cell, stratum=alone)
        self.phases.setdefault(cell.arm, {})[phase.name] = None
        self.baselines[phase.name] = phase.baseline

    def measured(self) -> dict[str, list[Cell]]:
        """Return the measured cells of each arm, by seed."""
        return {
            arm: [cell for _, cell in sorted(seeds.items()) if cell.is_measured] for arm, seeds in self.cells.items()
        }

    def is_ranked(self, arm: str) -> bool:
        """Return whether an arm has a value, and no run of it was cut short, so that those with one are all good."""
        cells = self.cells[arm].values()
        return any(cell.is_measured for cell in cells) and not any(
            state in CENSORED for cell in cells for _, state in cell.missing
        )


def standings(data: StudyData, known: MetricRuns | None = None, *, on_test: bool = True) -> tuple[Standings, ...]:
    """Return how configurations stand: budgets from small to large, of each the strata in their order.

    Budgets in several units are in the order of the study's phases, unit by unit.

    Strata and budgets of which no run has a configuration yet are left out.

    Args:
        known: the runs, if they are known.
        on_test: whether values are those of the test, if there is one.
    """
    own, test, factors = data.study.metric, test_metric(data) if on_test else None, data.study.strata
    runs = (known or MetricRuns(data)).on([own.name], also=[test] if test is not None else [])
    by_own = _groups(runs[own.name], factors)
    by_test = _groups(runs[test.name], factors) if test is not None else {}
    found = []
    for key, group in by_own.items():
        tested = by_test.get(key)
        # A test that some of the runs lack would compare other runs than their validation does.
        if tested is not None and all(_has_all(tested, arm, cells) for arm, cells in group.measured().items()):
            assert test is not None
            found.append(_standings(data, key, tested, runs[test.name].measure, (group, runs[own.name].measure)))
        else:
            found.append(_standings(data, key, group, runs[own.name].measure, None))
    return _in_order(data, found)


def _in_order(data: StudyData, found: Sequence[Standings]) -> tuple[Standings, ...]:
    strata = {stratum.name: (place, stratum.label) for place, stratum in enumerate(strata_of(data))}
    known = [json.loads(group.budget) for group in found]
    units = list(dict.fromkeys(tuple(budget) for budget in known))
    budgets = {
        group.budget: (units.index(tuple(budget)), *map(float, budget.values()))
        for group, budget in zip(found, known, strict=True)
    }
    labelled = [replace(group, label=strata[group.name][1]) for group in found]
    return tuple(sorted(labelled, key=lambda group: (budgets[group.budget], strata[group.name][0])))


def test_metric(data: StudyData) -> Metric | None:
    """Return the metric of the test that belongs to the study's metric of validation; None if runs report none."""
    own, study = data.study.metric, data.study
    declared = {claim.metric.name: claim.metric for claim in study.claims}
    reported = dict.fromkeys([*declared, *(name for result in data.results.values() for name in result)])
    for name in reported:
        if own.name in validation_names(name):
            found = declared.get(name) or metric_named(name, own, is_trainer=study.trial.is_trainer)
            return replace(found, direction=own.direction, scale=own.scale)  # those of its validation
    return None


def _groups(runs: Runs, factors: Sequence[str]) -> dict[Key, _Group]:
    found: dict[Key, _Group] = {}
    for phase in runs.phases.values():
        for cell in phase.cells:
            key = tuple(cell.levels[factor] for factor in factors), cell.stratum[BUDGET]
            found.setdefault(key, _Group()).add(cell, phase)
    return found


def _has_all(tested: _Group, arm: str, cells: Iterable[Cell]) -> bool:
    return all(tested.cells[arm][cell.seed].is_measured for cell in cells)


def _standings(
    data: StudyData, key: Key, group: _Group, measure: Measure, choice: tuple[_Group, Measure] | None
) -> Standings:
    """Return the standings of a group.

    Args:
        measure: of the cells' values.
        choice: the same runs on the metric by which the best is chosen, if that is another one.
    """
    levels, budget = key
    factors = data.study.strata
    cells = {arm: runs for arm, runs in group.measured().items() if runs}
    ranked = [arm for arm in cells if group.is_ranked(arm)]
    ranking = rank(cells, ranked, measure)
    ordered = _order(group, ranked, ranking, measure)
    known, best, seconds = set(ranked), _chosen(ranked, *(choice or (group, measure))), _device_seconds(data)
    rows = [
        replace(
            _standing(arm, group, factors, seconds),
            name=_name(data, group, arm),
            **_as_measured(ranking.places.get(arm), measure),
            is_ranked=arm in known,
            is_chosen=arm == best,
        )
        for arm in ordered
    ]
    places = {arm: place for place, arm in enumerate(ranked)}
    return Standings(
        stratum=dict(zip(factors, levels, strict=True)),
        name=block_text(factors, levels),
        label="",
        budget=budget,
        phases=tuple(dict.fromkeys(phase for phases in group.phases.values() for phase in phases)),
        metric=measure.metric,
        chooser=choice[1].metric if choice is not None else measure.metric,
        rows=tuple(rows),
        spread=ranking.spread,
        method=ranking.method,
        means=ranking.means and ranking.means.of([places[arm] for arm in ordered if arm in known]),
    )


def _device_seconds(data: StudyData) -> dict[int, float]:
    return dict(zip(data.trials["trial_id"].tolist(), data.trials["device_seconds"].tolist(), strict=True))


def _order(group: _Group, ranked: Sequence[str], ranking: Ranking, measure: Measure) -> list[str]:
    """Return the arms: ranked ones, best first, then those with other means, then those without."""
    known = set(ranked)

    def place(arm: str) -> tuple[int, float]:
        if arm not in ranking.places:
            return 2, 0.0
        return 0 if arm in known else 1, measure.sign * ranking.places[arm].mean

    return sorted(group.cells, key=place)


def _chosen(ranked: Sequence[str], group: _Group, measure: Measure) -> str | None:
    cells = group.measured()
    return min(
        (arm for arm in ranked if cells[arm]),
        key=lambda arm: measure.sign * fmean(cell.value for cell in cells[arm]),
        default=None,
    )


def _standing(arm: str, group: _Group, factors: Sequence[str], seconds: Mapping[int, float]) -> Standing:
    """Return a configuration with what is known of its runs but their values."""
    cells = [cell for _, cell in sorted(group.cells[arm].items())]
    measured = [cell for cell in cells if cell.is_measured]
    trials = tuple(trial for cell in measured for trial in cell.trial_ids)
    took = [seconds[trial] for trial in trials if math.isfinite(seconds[trial])]
    lost = [_state(cell) for cell in cells if not cell.is_measured]
    levels, baseline = cells[0].levels, group.baselines[next(iter(group.phases[arm]))]
    return Standing(
        arm=arm,
        levels=levels,
        changes={
            name: level for name, level in levels.items() if name not in factors and level != baseline.get(name, level)
        },
        phases=tuple(group.phases[arm]),
        n=len(measured),
        seeds=tuple(cell.seed for cell in measured),
        failed=lost.count("failed"),
        pruned=lost.count("pruned"),
        waiting=len(lost) - lost.count("failed") - lost.count("pruned"),
        device_seconds=fmean(took) if took else math.nan,
        trial_ids=trials,
        all_trials=tuple(trial for cell in cells for trial in cell.all_trials),
    )


def _name(data: StudyData, group: _Group, arm: str) -> str | None:
    """Return the name that the study gives an arm; None if it gives none."""
    cell, phase = next(iter(group.cells[arm].values())), next(iter(group.phases[arm]))
    return arm_name(data.study, data.configurations[cell.all_trials[0]], phase)


def _state(cell: Cell) -> str:
    """Return how a cell without a value ended: its repeats are one run, which failed if one of them did."""
    states = [state for _, state in cell.missing]
    return next((state for state in CENSORED if state in states), "waiting")


def _as_measured(place: Place | None, measure: Measure) -> dict[str, Any]:
    """Return the fields of a place with the mean and its interval as measured, whose ends keep their order."""
    if place is None:
        return {}
    mean, low, high = (
        measure.measured(value) if math.isfinite(value) else value for value in (place.mean, place.low, place.high)
    )
    others = {name: getattr(place, name) for name in SHARED}
    return {**others, "mean": mean, "low": low, "high": high}
