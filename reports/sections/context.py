"""What all sections of a report share: the study, its effects and verdicts, and the names of its trials."""

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeGuard

import numpy as np
import pandas as pd

from reports import wording
from studies.published import Mark, available, marks
from sweeper.evidence.claims.compared import Compared, Sides, as_claimed, claimed
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.data.cells import Level
from sweeper.evidence.data.load import Constant, FrameRow, Study, StudyData
from sweeper.evidence.data.measures import Metric
from sweeper.evidence.data.runs import MetricRuns, Runs
from sweeper.evidence.data.strata import Stratum, strata_of
from sweeper.evidence.effects.effects import Effect, effect_table
from sweeper.evidence.effects.two_configurations import by_largest_phase
from sweeper.evidence.sequential.verdicts import Decisions, decisions_of, judge_study
from sweeper.evidence.standings.against import Against
from sweeper.evidence.standings.gains import Contest, gain, num_contests
from sweeper.evidence.standings.standing import Standing, Standings
from sweeper.evidence.standings.standings import standings

ENDED = ("completed", "pruned", "failed")


@dataclass(frozen=True, kw_only=True)
class Context:
    """A study for one report.

    Attributes:
        now: when the report is made.
        metric_runs: on any metric.
        effects: each with the estimate and interval of the claim about it, if there is one.
        decisions: how far its claims are where seeds are added until they are decided; None where seeds are fixed.
        compared: the comparisons that claims are about.
    """

    data: StudyData
    now: datetime
    metric_runs: MetricRuns = field(repr=False)
    effects: tuple[Effect, ...] = field(repr=False)
    verdicts: tuple[ClaimVerdict, ...] = field(repr=False)
    decisions: Decisions | None = field(default=None, repr=False)
    compared: Mapping[Sides, Compared] = field(default_factory=dict, repr=False)

    @property
    def runs(self) -> Runs:
        """The runs on the study's metric."""
        return self.metric_runs.own

    @property
    def study(self) -> Study:
        """The study as launched."""
        return self.data.study

    @property
    def metric(self) -> Metric:
        """The study's metric."""
        return self.data.study.metric

    @property
    def metric_name(self) -> str:
        """The metric's name in plain English."""
        return wording.metric_name(self.metric.name)

    @property
    def trials(self) -> pd.DataFrame:
        """The trials, one row each."""
        return self.data.trials

    @functools.cached_property
    def baseline(self) -> dict[str, Level]:
        """The baseline level of each factor that has one."""
        return {name: factor.baseline for name, factor in self.study.factors.items() if factor.has_baseline}

    @functools.cached_property
    def configurations(self) -> dict[int, str]:
        """By trial id what its configuration changes from the baseline, its stratum among it, or the arm that it is."""
        return self._named(strata=True)

    @functools.cached_property
    def arms(self) -> dict[int, str]:
        """By trial id its configuration within its stratum: an arm's name, or what it changes from the baseline."""
        return self._named(strata=False) if self.study.strata else self.configurations

    def _named(self, *, strata: bool) -> dict[int, str]:
        drawn = zip(self.trials["trial_id"], self.trials["configuration_hash"], strict=True)
        return {trial: "not drawn yet" if arm is None else self._name(trial, strata=strata) for trial, arm in drawn}

    def _name(self, trial: int, *, strata: bool) -> str:
        levels, hidden = self.levels[trial], self.study.strata
        where = {name: level for name, level in levels.items() if name in hidden}
        rest = {name: level for name, level in levels.items() if name not in hidden}
        shown = self._arm(rest)
        there = wording.configuration(where, self.baseline) if strata else "baseline"
        if shown is None:
            return wording.configuration(levels if strata else rest, self.baseline)
        return shown if there == "baseline" else f"{shown}, {there}"

    def _arm(self, levels: Mapping[str, Level]) -> str | None:
        """Return the name of the arm that a configuration is, or the arm and in what it differs if that is shorter."""
        if not self.study.arms:
            return None
        named = self.runs.arm_names.name(levels)
        if named is not None:
            return wording.clean(named)
        own = wording.configuration(levels, self.baseline)
        others = (
            f"{wording.clean(name)} with {wording.configuration(levels, {**self.baseline, **arm})}"
            for name, arm in self.study.arms.items()
            if arm
        )
        closest = min(others, key=len, default=own)
        return closest if len(closest) < len(own) else None

    @functools.cached_property
    def strata(self) -> tuple[Stratum, ...]:
        """The groups of trials within which results can be compared; one of all trials if there are none."""
        return tuple(strata_of(self.data))

    @functools.cached_property
    def stratum_of(self) -> dict[int, str]:
        """By trial id the label of its stratum; empty if the study has one only."""
        return {int(trial): self.stratum_label(each) for each in self.strata for trial in each.trials["trial_id"]}

    @functools.cached_property
    def standings(self) -> tuple[Standings, ...]:
        """How configurations stand in each stratum and at each budget; those without a mean are not in any."""
        return standings(self.data, self.metric_runs)

    @functools.cached_property
    def contests(self) -> Mapping[tuple[str, str], Contest]:
        """By the stratum's name and the budget, its configurations with their baseline."""
        return {
            (group.name, group.budget): Contest(
                group,
                next((row for row in group.rows if row.trial_ids and self.at_baseline(row.trial_ids[0])), None),
            )
            for group in self.standings
        }

    @functools.cached_property
    def num_contests(self) -> int:
        """In how many strata and budgets there is something to compare with the baseline."""
        return num_contests(self.contests.values())

    @functools.cached_property
    def gains(self) -> Mapping[tuple[str, str], Compared | None]:
        """By the stratum's name and the budget, the change from the baseline to the best, see `gain`."""
        return {
            place: gain(contest, self.against[contest.group.metric.name], among=self.num_contests)
            for place, contest in self.contests.items()
        }

    @functools.cached_property
    def against(self) -> Mapping[str, Against]:
        """By the metric of standings, what compares two configurations of them."""
        names = {group.metric.name: group.metric for group in self.standings}
        others = [metric for name, metric in names.items() if name != self.metric.name]
        runs = self.metric_runs.on(list(names), also=others)
        return {name: Against(runs[name], self.compared) for name in names}

    @functools.cached_property
    def places(self) -> dict[int, Standing]:
        """By trial id how its configuration stands on the study's metric, in its stratum and at its budget."""
        own = all(group.metric.name == self.metric.name for group in self.standings)
        groups = self.standings if own else standings(self.data, self.metric_runs, on_test=False)
        return {trial: row for group in groups for row in group.rows for trial in row.all_trials}

    def stratum_label(self, stratum: Stratum | Standings) -> str:
        """Return what a stratum is called; empty if the study has one only."""
        return wording.clean(stratum.label) if len(self.strata) > 1 else ""

    def published_in(self, stratum: Stratum) -> dict[str, float]:
        """Return the values that a figure marks in a stratum: those for its corpus, and those of claims about it."""
        if len(self.strata) < 2:
            return self.published
        levels = {wording.slug(str(level)) for level in stratum.levels.values()}
        names = [name for name in self.study.published if wording.slug(name) in levels and name in available()]
        found = {mark.drawn: mark.test for name in names for mark in marks(name) if mark.drawn is not None}
        own = set(stratum.trials["trial_id"].tolist())
        for identifier, statement in self._constants:
            trials = self.data.members.get(statement.arm.phase, ())
            about = [trial for trial in trials if not wording.changed(statement.arm.levels, self.levels[trial])]
            value = float(statement.value)
            found |= {identifier: value} if own.intersection(about) and value not in found.values() else {}
        return found

    @property
    def levels(self) -> Mapping[int, Mapping[str, Level]]:
        """By trial id the levels of its factors."""
        return self.data.configurations

    @functools.cached_property
    def slugs(self) -> dict[str, str]:
        """By phase the name of its files, unique among the phases."""
        found: dict[str, str] = {}
        for position, phase in enumerate(self.study.phases):
            slug = wording.slug(phase.name)
            found[phase.name] = slug if slug not in found.values() else f"{slug}-{position}"
        return found

    @functools.cached_property
    def names(self) -> dict[int, str]:
        """By trial id its name, e.g. ``screen 7``."""
        columns = self.trials[["trial_id", "phase", "number"]].itertuples(index=False)
        return {int(trial): f"{wording.clean(phase)} {number}" for trial, phase, number in columns}

    @functools.cached_property
    def labels(self) -> dict[int, str]:
        """By trial id its name, configuration, seed, budget and value."""
        rows = self.trials[["trial_id", "seed", "budget", "value", "state"]].itertuples(index=False)
        return {
            int(trial): f"{self.names[int(trial)]}: {self.configurations[int(trial)]}; seed {seed}; "
            f"{wording.budget(budget)}; {state}, {wording.perplexity(value)}"
            for trial, seed, budget, value, state in rows
        }

    @functools.cached_property
    def best(self) -> FrameRow | None:
        """The completed trial with the best value; None if there is none."""
        done = self.trials[(self.trials["state"] == "completed") & np.isfinite(self.trials["value"])]
        if not len(done):
            return None
        ordered = done.sort_values("value", ascending=self.metric.minimizes, kind="stable")
        best: FrameRow = ordered.iloc[:1].to_dict("records")[0]
        return best

    @functools.cached_property
    def corpora(self) -> tuple[Mapping[str, object], ...]:
        """The corpora that the results name, without duplicates."""
        found = {
            json.dumps(corpus, sort_keys=True): corpus
            for result in self.data.results.values()
            if isinstance(corpus := result.get("corpus"), Mapping)
        }
        return tuple(found.values())

    @functools.cached_property
    def marks(self) -> tuple[Mark, ...]:
        """The published results that the study names; none for a metric other than a perplexity."""
        names = self.study.published if "perplexity" in self.metric.name else ()
        return tuple(mark for name in names if name in available() for mark in marks(name))

    @functools.cached_property
    def published(self) -> dict[str, float]:
        """The values that figures mark: published ones by short name, and those that claims compare with, by claim."""
        found = {mark.drawn: mark.test for mark in self.marks if mark.drawn is not None}
        known = set(found.values())
        for identifier, statement in self._constants:
            value = float(statement.value)
            found |= {} if value in known else {identifier: value}
        return found

    @property
    def _constants(self) -> list[tuple[str, Constant]]:
        """The claims that compare with a published value of the metric, by their ids."""
        found = ((claim.id, claim.statement) for claim in self.study.claims if claim.metric.name == self.metric.name)
        return [(identifier, statement) for identifier, statement in found if isinstance(statement, Constant)]

    @property
    def unfinished(self) -> int:
        """The number of trials that have not ended."""
        return int((~self.trials["state"].isin(ENDED)).sum())

    @property
    def is_imported(self) -> bool:
        """Whether another tool made all runs, so that what they cost is unknown."""
        return self.study.trial.is_imported

    @property
    def device_seconds(self) -> float:
        """What the study has cost so far."""
        return float(np.nansum(self.trials["device_seconds"])) if len(self.trials) else 0.0

    def at_baseline(self, trial: int) -> bool:
        """Return whether a trial's configuration is the baseline of its stratum."""
        levels, hidden = self.levels[trial], self.study.strata
        return not wording.changed({name: level for name, level in levels.items() if name not in hidden}, self.baseline)


def make_context(data: StudyData, now: datetime) -> Context:
    """Return the context of a study's report."""
    runs, decisions = MetricRuns(data), decisions_of(data)
    verdicts = judge_study(data, decisions, runs)
    known = claimed(verdicts)
    return Context(
        data=data,
        now=now,
        metric_runs=runs,
        effects=as_claimed(by_largest_phase(effect_table(data, runs.own), data, runs.own), runs.own, known),
        verdicts=verdicts,
        decisions=decisions,
        compared=known,
    )


def is_finite(value: object) -> TypeGuard[float]:
    """Return whether a value is a finite number."""
    return isinstance(value, int | float) and math.isfinite(value)
