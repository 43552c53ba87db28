"""Sequential stopping: which claims get seeds, when they stop, and that verdicts are rarely wrong."""

import math

import numpy as np
import pytest

from sweeper.evidence.sequential.costs import planned_costs
from sweeper.evidence.sequential.foresight import least_runs
from sweeper.evidence.sequential.looks import Looks
from sweeper.evidence.sequential.paths import Rule
from sweeper.evidence.sequential.stopping import play_hindsight, play_stopping
from tests.reports.studies import Phase, factor, study_data

NAMES = ("a", "b", "c", "d")
FACTORS = {name: factor(0, 1) for name in NAMES}
BASE = dict.fromkeys(NAMES, 0)
ROWS = [BASE, *({**BASE, name: 1} for name in NAMES)]
SEEDS = (0, 1, 2, 3, 4)


def contrast(name, **more):
    spec = {"phase": "p", "factor": name, "from": 0, "to": 1, "where": None}
    return {"id": name, "text": "", "metric": None, "contrast": spec, "expect": "decrease", "at_least": 0, **more}


def study(effects, claims, *, sd=0.003, seed=0, seeds=SEEDS):
    def value(levels, run_seed):
        place = sum((index + 1) * levels[name] for index, name in enumerate(NAMES))
        draw = np.random.default_rng([seed, run_seed, place]).normal(0, sd)
        return math.exp(4.0 + sum(effects.get(name, 0.0) * levels[name] for name in NAMES) + 0.02 * run_seed + draw)

    return study_data(FACTORS, Phase("p", "one_at_a_time", ROWS, value, seeds=seeds), claims=claims)


def stopped(data, spending="obrien_fleming", futility=None):
    looks = Looks.of(data)
    rule = Rule(spending=spending, futility=futility)
    return looks, play_stopping(looks, looks.needed, planned_costs(data), rule)


def num_run(data, run):
    rows = data.trials.set_index("trial_id")
    return {name: int((rows.loc[list(run), name] == 1).sum()) for name in NAMES}


def test_a_clear_effect_stops_early_and_a_small_one_asks_for_all_seeds():
    data = study({"a": -0.3, "b": -0.001}, [contrast("a"), contrast("b")])
    _, found = stopped(data)
    assert found.verdicts == ("supported", "undecided")
    assert found.seeds[0] < found.seeds[1] == len(SEEDS)
    assert num_run(data, found.run) == {"a": found.seeds[0], "b": 5, "c": 0, "d": 0}


def test_what_stops_is_a_part_of_what_is_wanted_and_its_first_seeds():
    data = study({"a": -0.3, "b": 0.3}, [contrast("a"), contrast("b")])
    looks, found = stopped(data)
    assert found.verdicts == ("supported", "refuted")
    assert found.run < looks.needed
    rows = data.trials.set_index("trial_id").loc[list(found.run)]
    for name in "ab":
        seeds = sorted(rows.loc[rows[name] == 1, "seed"])
        assert seeds == list(range(len(seeds)))


def test_pocock_stops_no_later_than_obrien_and_fleming_where_effects_are_clear():
    data = study({"a": -0.02}, [contrast("a")])
    late, early = stopped(data)[1], stopped(data, "pocock")[1]
    assert late.verdicts == early.verdicts == ("supported",)
    assert early.seeds <= late.seeds


def test_futility_gives_up_what_is_unlikely_to_be_decided_and_supports_nothing_more():
    data = study({"a": -0.3}, [contrast("a"), contrast("b", at_least=0.001)])
    plain, futile = stopped(data)[1], stopped(data, futility=0.1)[1]
    assert plain.verdicts == futile.verdicts == ("supported", "undecided")
    assert futile.seeds[1] < plain.seeds[1] == len(SEEDS)
    assert futile.run < plain.run


def test_in_an_ordering_what_is_shown_asks_for_no_more_seeds():
    ordering = {"phase": "p", "largest": "a", "among": ["a", "b", "c"], "order": None}
    claim = {"id": "o", "text": "", "metric": None, "ordering": ordering, "expect": None, "at_least": 0}
    data = study({"a": -0.301, "b": -0.3, "c": -0.01}, [claim])
    _, found = stopped(data)
    run = num_run(data, found.run)
    assert run["c"] < run["b"] == run["a"] == len(SEEDS)


def test_one_seed_decides_nothing():
    data = study({"a": -0.3}, [contrast("a")], seeds=(0,))
    _, found = stopped(data)
    assert found.verdicts == ("undecided",)


def test_a_claim_without_trials_is_untested_and_asks_for_nothing():
    elsewhere = contrast("a")
    elsewhere["contrast"] = {**elsewhere["contrast"], "phase": "nowhere"}
    data = study({"b": -0.3}, [elsewhere, contrast("b")])
    _, found = stopped(data)
    assert found.verdicts == ("untested", "supported")
    assert found.seeds[0] == 0


def test_hindsight_keeps_all_verdicts_with_no_more_than_stopping_runs():
    data = study({"a": -0.3, "b": 0.3}, [contrast("a"), contrast("b"), contrast("c")])
    looks, sequential = stopped(data)
    target = looks.verdicts(looks.needed)
    seconds = dict.fromkeys((int(trial) for trial in data.trials["trial_id"]), 60.0)
    found = play_hindsight(looks, looks.needed, seconds, target)
    assert found.verdicts == target == looks.verdicts(found.run)
    assert len(found.run) <= len(sequential.run)
    assert max(found.seeds) < len(SEEDS)


def test_no_verdict_can_be_had_with_fewer_seeds_than_foresight_says():
    ordering = {"phase": "p", "largest": "c", "among": ["a", "b", "c"], "order": None}
    claims = [
        contrast("a"),
        contrast("b"),
        {"id": "o", "text": "", "metric": None, "ordering": ordering, "expect": None, "at_least": 0},
    ]
    data = study({"a": -0.3, "b": 0.013}, claims)
    looks = Looks.of(data)
    target = looks.verdicts(looks.needed)
    assert target == ("supported", "refuted", "refuted")
    found = least_runs(looks, looks.needed, target)
    assert found.seeds[0] < found.seeds[1]  # the smaller effect takes more
    assert sorted(found.seeds[2])[0] == 1  # one comparison is enough to refute it
    number = found.seeds[1][0]
    every = [need for needs in looks.needs for need in needs]
    rounds = [list(need.by_seed.values())[: number - 1] for need in every]
    fewer = frozenset(trial for own in rounds for trials in own for trial in trials)
    assert looks.verdicts(fewer)[1] == "undecided"
    with_two = least_runs(looks, looks.needed, target, first=2)
    assert found.run <= with_two.run < looks.needed
    assert min(map(min, with_two.seeds)) == 2
    open_ones = least_runs(looks, looks.needed, ("undecided",) * 3)
    assert open_ones.seeds == ((1,), (1,), (1, 1))


@pytest.mark.slow
def test_of_studies_without_any_effect_few_support_anything():
    """Four null claims that share a baseline: promised are at most 5% of studies with one supported."""
    claims = [contrast(name) for name in NAMES]
    found = {"obrien_fleming": [], "pocock": []}
    for seed in range(400):
        data = study({}, claims, seed=seed)
        looks, costs = Looks.of(data), planned_costs(data)
        for spending, verdicts in found.items():
            rule = Rule(spending=spending, futility=None)
            verdicts.append(play_stopping(looks, looks.needed, costs, rule).verdicts)
    for verdicts in found.values():
        assert sum("supported" in each for each in verdicts) <= 30  # 20 expected; more than 30 in 1 % of tries
        assert sum("refuted" in each for each in verdicts) <= 30
