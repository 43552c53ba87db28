"""What all sections of a report draw on: the study, its effects and verdicts, and the words for its trials."""

import functools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd

from reports import wording
from reports.figures.scales import Metric
from studies.published import Mark, available, marks
from sweeper.evidence.claims.judge import ClaimVerdict, judge_claims
from sweeper.evidence.data.cells import blocks_of
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.effects.effects import Effect, effect_table

ENDED = ("completed", "pruned", "failed")


@dataclass(frozen=True, kw_only=True)
class Context:
    """One study for one report."""

    data: StudyData
    now: datetime
    metric: Metric
    effects: tuple[Effect, ...] = field(repr=False)
    verdicts: tuple[ClaimVerdict, ...] = field(repr=False)

    @property
    def trials(self) -> pd.DataFrame:
        """The trials, a row each."""
        return self.data.trials

    @functools.cached_property
    def baseline(self) -> dict[str, Any]:
        """The baseline's level of each factor that has one."""
        factors: Mapping[str, Mapping[str, Any]] = self.data.study.spec.get("factors") or {}
        return {name: _level(factor["baseline"]) for name, factor in factors.items() if "baseline" in factor}

    @functools.cached_property
    def configurations(self) -> dict[int, str]:
        """What each trial's configuration changes from the baseline, by trial id."""
        drawn = dict(zip(self.trials["trial_id"], self.trials["configuration_hash"], strict=True))
        return {
            trial: "not drawn yet" if drawn[trial] is None else wording.configuration(levels, self.baseline)
            for trial, levels in self.levels.items()
        }

    @functools.cached_property
    def levels(self) -> dict[int, dict[str, Any]]:
        """The level of each factor in each trial, by trial id."""
        columns = {factor: self.trials[self.data.column(factor)].tolist() for factor in self.data.factors}
        return {
            int(trial): {name: levels[place] for name, levels in columns.items()}
            for place, trial in enumerate(self.trials["trial_id"])
        }

    @functools.cached_property
    def slugs(self) -> dict[str, str]:
        """What each phase's files are named by: each another."""
        found: dict[str, str] = {}
        for phase in self.data.phases:
            slug = wording.slug(phase.name)
            found[phase.name] = slug if slug not in found.values() else f"{slug}-{phase.position}"
        return found

    @functools.cached_property
    def names(self) -> dict[int, str]:
        """What each trial is called, e.g. ``screen 7``, by trial id."""
        columns = self.trials[["trial_id", "phase", "number"]].itertuples(index=False)
        return {int(trial): f"{wording.clean(phase)} {number}" for trial, phase, number in columns}

    @functools.cached_property
    def labels(self) -> dict[int, str]:
        """What names each trial in full: its name, configuration, seed, budget and value."""
        rows = self.trials[["trial_id", "seed", "budget", "value", "state"]].itertuples(index=False)
        return {
            int(trial): f"{self.names[int(trial)]}: {self.configurations[int(trial)]}; seed {seed}; "
            f"{wording.budget(budget)}; {state}, {wording.perplexity(value)}"
            for trial, seed, budget, value, state in rows
        }

    @functools.cached_property
    def best(self) -> "pd.Series[Any] | None":
        """The completed trial with the best value; None if there is none."""
        done = self.trials[(self.trials["state"] == "completed") & np.isfinite(self.trials["value"])]
        if not len(done):
            return None
        ordered = done.sort_values("value", ascending=self.metric.direction == "minimize", kind="stable")
        best: pd.Series[Any] = ordered.iloc[0]
        return best

    @functools.cached_property
    def corpora(self) -> tuple[Mapping[str, Any], ...]:
        """The corpora that the results name, each once."""
        found = {
            json.dumps(corpus, sort_keys=True): corpus
            for result in self.data.results.values()
            if isinstance(corpus := result.get("corpus"), Mapping)
        }
        return tuple(found.values())

    @functools.cached_property
    def marks(self) -> tuple[Mark, ...]:
        """The published results that the study names; none beside a metric that is no perplexity."""
        names = self.data.study.spec.get("published") or () if "perplexity" in self.metric.name else ()
        return tuple(mark for name in names if name in available() for mark in marks(name))

    @functools.cached_property
    def published(self) -> dict[str, float]:
        """What figures show as marks: published values by their short names, those that claims compare with by id."""
        found = {mark.drawn: mark.test for mark in self.marks if mark.drawn is not None}
        known = set(found.values())
        for claim in self.data.study.spec.get("claims") or ():
            constant = claim.get("constant")
            if not constant or float(constant["value"]) in known:
                continue
            if (claim.get("metric") or self.metric.name) == self.metric.name:
                found[str(claim["id"])] = float(constant["value"])
        return found

    @property
    def unfinished(self) -> int:
        """How many trials have not ended."""
        return int((~self.trials["state"].isin(ENDED)).sum())

    @property
    def device_seconds(self) -> float:
        """What the study has cost so far."""
        return float(np.nansum(self.trials["device_seconds"])) if len(self.trials) else 0.0

    def phase_frame(self, phase: str) -> pd.DataFrame:
        """The trials that a phase wants, best first; those without a value last."""
        frame = self.data.phase_trials(phase)
        return frame.sort_values("value", ascending=self.metric.direction == "minimize", kind="stable")

    def at_baseline(self, trial: int) -> bool:
        """Whether a trial's configuration is the baseline."""
        return self.configurations[trial] == "baseline"

    def is_at(self, trial: int, baseline: Mapping[str, Any]) -> bool:
        """Whether a trial's configuration is another baseline than the study's, such as that of its blocks."""
        return wording.configuration(self.levels[trial], baseline) == "baseline"

    def block_baseline(self, trial: int, phase: str) -> dict[str, Any]:
        """The baseline that a trial of a phase compares with: at the trial's own levels of the phase's blocks."""
        own = self.levels[trial]
        return {**self.baseline, **{factor: own[factor] for factor in blocks_of(self.data, phase)}}


def make_context(data: StudyData, now: datetime) -> Context:
    """The context of a study's report."""
    spec = data.study.spec.get("metric") or {}
    scale = spec.get("scale") or ("log" if "perplexity" in data.study.metric else "linear")
    metric = Metric(name=data.study.metric, direction=data.study.direction, log=scale == "log")
    return Context(data=data, now=now, metric=metric, effects=effect_table(data), verdicts=judge_claims(data))


def finite(value: Any) -> bool:
    """Whether something is a number that is finite."""
    return isinstance(value, int | float) and math.isfinite(value)


def _level(value: Any) -> Any:
    return json.dumps(value, sort_keys=True) if isinstance(value, list | dict) else value
