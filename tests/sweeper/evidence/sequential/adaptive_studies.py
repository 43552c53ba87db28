"""Studies in memory whose seeds were added until their claims were decided."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from sweeper.evidence.data.load import StudyData
from sweeper.evidence.sequential.progress import progress
from sweeper.spec.phase import AdaptiveSeeds
from sweeper.spec.study import Decide
from tests.reports.studies import Phase, factor, study_data

LATE = Decide(spending="obrien_fleming")  # whatever the default is
HORIZON = 12  # seeds of which values are drawn


def contrast(name: str, **more: Any) -> dict[str, Any]:
    """A claim that a factor helps."""
    statement = {"phase": "p", "factor": name, "from": 0, "to": 1, "where": None}
    return {"id": name, "text": "", "metric": None, "contrast": statement, "expect": "decrease", "at_least": 0, **more}


def largest(name: str, *others: str) -> dict[str, Any]:
    """A claim that a factor gains more than others."""
    statement = {"phase": "p", "largest": name, "among": list(others), "order": None, "levels": None}
    return {"id": "largest", "text": "", "metric": None, "ordering": statement, "expect": None, "at_least": 0}


def whole(
    effects: Mapping[str, float],
    *,
    sd: float = 0.01,
    seed: int = 0,
    seeds: AdaptiveSeeds | None = None,
    decide: Decide | None = None,
    claims: Sequence[Mapping[str, Any]] = (),
) -> StudyData:
    """A study one factor at a time with all the seeds that it may get, and by default a claim on each factor."""
    seeds = seeds or AdaptiveSeeds(first=2, most=6)
    rows = [dict.fromkeys(effects, 0), *({**dict.fromkeys(effects, 0), name: 1} for name in effects)]

    def value(levels: Mapping[str, int], run_seed: int) -> float:
        place = sum((index + 1) * levels[name] for index, name in enumerate(effects))
        noise = np.random.default_rng([seed, run_seed, place]).normal(0, sd)
        return math.exp(4.0 + 0.1 * run_seed + noise + sum(effects[name] * levels[name] for name in effects))

    phase = Phase("p", "one_at_a_time", rows, value, seeds=range(seeds.most or HORIZON))
    factors = {name: factor(0, 1, path=f"x.{name}") for name in effects}
    data = study_data(factors, phase, claims=claims or [contrast(name) for name in effects])
    grown = replace(data.study.phases[0], seeds=tuple(range(seeds.first)), adaptive=seeds)
    return replace(data, study=replace(data.study, phases=(grown,), decide=decide or LATE))


def only(data: StudyData, enrolled: Collection[int], ended: Collection[int]) -> StudyData:
    """The study while only some trials are in the queue, and some of those have ended."""
    frame = pd.DataFrame(data.trials[data.trials["trial_id"].isin(list(enrolled))]).copy()
    waiting = ~frame["trial_id"].isin(list(ended))
    frame.loc[waiting, "state"] = "waiting"
    frame.loc[waiting, "value"] = math.nan
    frame.loc[waiting, "device_seconds"] = 0.0
    members = {name: tuple(trial for trial in trials if trial in enrolled) for name, trials in data.members.items()}
    return replace(data, trials=frame, members=members)


def played(data: StudyData, *, rounds: int | None = None) -> StudyData:
    """The study as its launch leaves it: all rounds, or the first ones, whose next trials wait."""
    rows = data.trials[["trial_id", "configuration_hash", "seed"]].itertuples(index=False)
    by_run = {(configuration, int(seed)): int(trial) for trial, configuration, seed in rows}
    first = data.study.phases[0].adaptive
    assert first is not None
    ended: set[int] = set()
    enrolled = {trial for (_, seed), trial in by_run.items() if seed < first.first}
    while True:
        now = only(data, enrolled, ended)
        found = progress(now)
        if found.is_done or (rounds is not None and found.round == rounds):
            return now
        enrolled |= {by_run[run.configuration_hash, run.seed] for run in found.missing}
        ended = set(enrolled)
