"""The rounds of a study that adds seeds: the same whichever trials end first, whatever is recorded, whoever dies."""

import math
from dataclasses import replace
from random import Random

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.evidence.sequential.progress import Progress, progress
from sweeper.spec.phase import AdaptiveSeeds
from tests.reports.studies import Phase, factor, study_data
from tests.sweeper.evidence.sequential.adaptive_studies import LATE

NAMES = ("a", "b", "c")
BASE = dict.fromkeys(NAMES, 0)
ROWS = [BASE, *({**BASE, name: 1} for name in NAMES)]
FIRST, MOST = 2, 6
SEEDS = AdaptiveSeeds(first=FIRST, most=MOST)


def contrast(name, **more):
    spec = {"phase": "p", "factor": name, "from": 0, "to": 1, "where": None}
    return {"id": name, "text": "", "metric": None, "contrast": spec, "expect": "decrease", "at_least": 0, **more}


def outcome(effects, *, sd=0.01, seed=0, failing=frozenset()):
    def value(levels, run_seed):
        place = sum((index + 1) * levels[name] for index, name in enumerate(NAMES))
        if (place, run_seed) in failing:
            return "failed"
        draw = np.random.default_rng([seed, run_seed, place]).normal(0, sd)
        return math.exp(4.0 + sum(effects.get(name, 0.0) * levels[name] for name in NAMES) + 0.1 * run_seed + draw)

    return value


def whole(value, decide=None, seeds=SEEDS):
    """All seeds that the study may get, as if they had run."""
    claims = [contrast(name) for name in NAMES]
    data = study_data(FACTORS, Phase("p", "one_at_a_time", ROWS, value, seeds=range(MOST)), claims=claims)
    (phase,) = data.study.phases
    grown = replace(phase, seeds=tuple(range(FIRST)), adaptive=seeds)
    return replace(data, study=replace(data.study, phases=(grown,), decide=decide or LATE))


FACTORS = {name: factor(0, 1) for name in NAMES}


def only(data, enrolled, ended):
    """The study while only some trials are in the queue, and some of those have ended."""
    frame = data.trials[data.trials["trial_id"].isin(enrolled)].copy()
    waiting = ~frame["trial_id"].isin(ended)
    frame.loc[waiting, "state"] = "waiting"
    frame.loc[waiting, "value"] = math.nan
    members = {name: tuple(trial for trial in trials if trial in enrolled) for name, trials in data.members.items()}
    return replace(data, trials=pd.DataFrame(frame), members=members)


def live(data, order, *, record=False):
    """Play a launch in which trials end one by one in some order; return all that was asked for, and the end."""
    rows = data.trials
    by_run = {
        (phase, configuration, int(seed)): int(trial)
        for trial, phase, configuration, seed in rows[["trial_id", "phase", "configuration_hash", "seed"]].itertuples(
            index=False
        )
    }
    enrolled = {trial for (_, _, seed), trial in by_run.items() if seed < FIRST}
    ended, past, log = set(), (), []
    while True:
        found = progress(only(data, enrolled, ended), past)
        if record:
            past = found.looks
        for request in found.requests:
            if (found.round, request) not in log:
                log.append((found.round, request))
        if found.is_done:
            return log, found, enrolled
        enrolled |= {by_run[run.phase, run.configuration_hash, run.seed] for run in found.missing}
        ended.add(order([trial for trial in sorted(enrolled) if trial not in ended]))


def summary(found: Progress):
    return [(each.name, each.verdict, each.stop, each.rounds, each.adjusted) for each in found.claims]


def test_a_large_effect_stops_early_and_its_arm_gets_no_more_seeds():
    data = whole(outcome({"a": -0.5, "b": -0.004}), decide=replace(LATE, futility=None))
    log, found, enrolled = live(data, min)
    verdicts = {each.name: each for each in found.claims}
    assert verdicts["a"].verdict == "supported"
    assert verdicts["a"].stop == "decided"
    assert verdicts["a"].parts[0].asked < MOST
    assert verdicts["b"].stop == "exhausted"
    assert verdicts["b"].parts[0].asked == MOST
    rows = data.trials[data.trials["trial_id"].isin(enrolled)]
    assert (rows["a"] == 1).sum() == verdicts["a"].parts[0].asked
    assert all(request.claim != "a" for number, request in log if number >= verdicts["a"].rounds)


def test_nothing_is_looked_at_before_the_first_seeds_of_all_have_ended():
    data = whole(outcome({"a": -0.5}))
    first = {int(trial) for trial in data.trials.loc[data.trials["seed"] < FIRST, "trial_id"]}
    found = progress(only(data, first, first - {max(first)}))
    assert (found.round, found.looks, found.requests, len(found.missing)) == (0, (), (), 1)
    assert all(each.verdict is None for each in found.claims)


def test_a_shared_baseline_is_asked_for_once_and_its_cost_is_shared():
    data = whole(outcome({"b": -0.02}, sd=0.02), decide=replace(LATE, futility=None))
    first = {int(trial) for trial in data.trials.loc[data.trials["seed"] < FIRST, "trial_id"]}
    found = progress(only(data, first, first))
    assert found.round == 1
    runs = [run for request in found.requests for run in request.runs]
    assert len(runs) == len(set(runs)) == len(found.missing)
    assert {run.seed for run in runs} == {FIRST}
    chances = [request.chance for request in found.requests]
    assert chances == sorted(chances, reverse=True)


def test_claims_in_the_declared_order_and_ties_by_name():
    data = whole(outcome({}, sd=0.02), decide=replace(LATE, futility=None, order="declared"))
    first = {int(trial) for trial in data.trials.loc[data.trials["seed"] < FIRST, "trial_id"]}
    assert [request.claim for request in progress(only(data, first, first)).requests] == list(NAMES)


@settings(max_examples=12, deadline=None)
@given(order=st.integers(0, 10**6), seed=st.integers(0, 40), record=st.booleans())
def test_whichever_trials_end_first_the_looks_and_the_seeds_are_the_same(order, seed, record):
    effects = {"a": -0.05, "b": -0.012}
    failing = frozenset({(1, 1), (2, 3)}) if seed % 3 == 0 else frozenset()
    data = whole(outcome(effects, seed=seed, failing=failing))
    expected, end, enrolled = live(data, min)
    log, found, also = live(data, Random(order).choice, record=record)
    assert log == expected
    assert summary(found) == summary(end)
    assert found.looks == end.looks
    assert also == enrolled


def test_what_was_recorded_stays_though_a_trial_ends_otherwise_when_it_is_rerun():
    data = whole(outcome({"a": -0.5, "b": -0.004}), decide=replace(LATE, futility=None))
    _, end, enrolled = live(data, min)
    changed = whole(outcome({"a": 0.5}), decide=replace(LATE, futility=None))
    again = progress(only(changed, enrolled, enrolled), end.looks)
    assert summary(again) == summary(end)
    assert summary(progress(only(changed, enrolled, enrolled))) != summary(end)


def test_an_arm_that_fails_never_supports_its_claim():
    failing = frozenset({(1, 1)})
    data = whole(outcome({"a": -0.5}, failing=failing))
    _, found, _ = live(data, min)
    assert next(each for each in found.claims if each.name == "a").verdict != "supported"


def test_without_a_maximum_a_claim_asks_on_until_it_is_decided():
    data = whole(outcome(dict.fromkeys(NAMES, -0.1)), seeds=AdaptiveSeeds(first=FIRST, most=None))
    _, found, _ = live(data, min)
    for claim in found.claims:
        assert (claim.verdict, claim.stop) == ("supported", "decided")
        assert FIRST < claim.parts[0].asked <= MOST
        low, high = claim.parts[0].interval("obrien_fleming")
        assert low < -0.1 < high < 0


def test_intervals_hold_over_all_looks_and_are_wider_than_that_of_a_single_one():
    data = whole(outcome({"a": -0.03}), decide=replace(LATE, futility=None))
    _, found, _ = live(data, min)
    for claim in found.claims:
        (part,) = claim.parts
        last = part.looks[-1]
        low, high = part.interval("obrien_fleming")
        assert low < last.estimate < high
        if part.share < 1.0:
            assert high - low > 2 * 1.96 * last.standard_error


@pytest.mark.parametrize("futility", [0.1, None])
def test_giving_up_only_makes_claims_undecided(futility):
    data = whole(outcome({"a": -0.5}), decide=replace(LATE, futility=futility))
    _, found, _ = live(data, min)
    verdicts = [each.verdict for each in found.claims]
    assert verdicts == ["supported", "undecided", "undecided"]
    seeds = [each.parts[0].asked for each in found.claims[1:]]
    assert seeds == [MOST, MOST] if futility is None else max(seeds) < MOST
