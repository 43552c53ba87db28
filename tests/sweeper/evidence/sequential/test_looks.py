"""What claims say on some of a study's trials, and which they want."""

import math

import pytest

from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.sequential.looks import Looks
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"a": factor(0, 1, 2), "b": factor(0, 1), "c": factor(0, 1)}
BASE = {"a": 0, "b": 0, "c": 0}
ROWS = [BASE, {**BASE, "a": 1}, {**BASE, "a": 2}, {**BASE, "b": 1}, {**BASE, "c": 1}]


def value(levels, seed):
    noise = 0.002 * ((7 * levels["a"] + 5 * levels["b"] + 3 * seed) % 4)
    return math.exp(4.0 - 0.1 * levels["a"] - 0.05 * levels["b"] + 0.01 * seed + noise)


def data(outcome=value):
    ordering = {"phase": "p", "largest": "a", "among": ["a", "b"], "order": None}
    spec = {"phase": "p", "factor": "b", "from": 0, "to": 1, "where": None}
    claims = [
        {"id": "o", "text": "", "metric": None, "ordering": ordering, "expect": None, "at_least": 0},
        {"id": "b", "text": "", "metric": None, "contrast": spec, "expect": "decrease", "at_least": 0},
    ]
    return study_data(FACTORS, Phase("p", "one_at_a_time", ROWS, outcome), claims=claims)


def trials(found, **levels):
    rows = found.trials
    for name, level in levels.items():
        rows = rows[rows[name] == level]
    return frozenset(int(trial) for trial in rows["trial_id"])


def test_an_ordering_wants_all_levels_among_which_it_chooses_and_no_other_factor():
    found = data()
    looks = Looks.of(found)
    assert looks.needed == trials(found, c=0)
    (need,) = looks.needs[1]
    assert need.trials == trials(found, a=0, c=0)
    assert list(need.by_seed) == [0, 1, 2]


@pytest.mark.parametrize("seeds", [1, 2, 3])
def test_a_look_at_some_trials_is_the_verdict_of_a_study_where_the_others_wait(seeds):
    def cut(levels, seed):
        return value(levels, seed) if seed < seeds and not levels["c"] else "waiting"

    whole, part = data(), data(cut)
    run = trials(whole, c=0) & frozenset(
        int(trial) for trial in whole.trials.loc[whole.trials["seed"] < seeds, "trial_id"]
    )
    looks, judged = Looks.of(whole), judge_claims(part)
    assert looks.verdicts(run) == tuple(each.verdict for each in judged)
    for place, each in enumerate(judged):
        assert looks.look(place, run).p_support == pytest.approx(each.evidence.p)


def test_a_look_counts_the_seeds_with_complete_pairs():
    whole = data()
    looks = Looks.of(whole)
    run = trials(whole, c=0, seed=0) | trials(whole, b=1)
    (part,) = looks.look(1, run).parts
    assert (part.seeds, part.decides) == (1, False)
    (part,) = looks.look(1, looks.needed).parts
    assert (part.seeds, part.decides) == (3, True)
    assert part.estimate == pytest.approx(-0.045, abs=0.01)


def test_choosing_among_levels_is_known_to_have_been_paid_for():
    looks = Looks.of(data())
    (part,) = looks.look(0, looks.needed).parts
    assert part.ways == (2, 1)
    (part,) = looks.look(1, looks.needed).parts
    assert part.ways == (1, 1)


def test_trials_that_a_claim_does_not_look_at_do_not_change_what_it_says():
    looks = Looks.of(data())
    assert looks.look(1, looks.needed) is looks.look(1, looks.needed | {10_000})
