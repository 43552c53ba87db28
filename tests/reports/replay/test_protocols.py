"""Protocols: a pruner that must take the bad trials, seeds that are left out, trials that no claim wants."""

import math

import pytest

from reports.replay.protocols import Player, Protocol
from sweeper.errors import UsageError
from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.sequential.pruning import play, with_stops
from tests.reports.studies import Phase, factor, falling, study_data

LEVELS = [0, 1, 2, 3, 4, 5, 6, 7]
FACTORS = {"x": factor(*LEVELS)}
CLAIMS = [
    {
        "id": "better",
        "contrast": {"phase": "p", "factor": "x", "from": 0, "to": 7, "where": None},
        "expect": "increase",
        "at_least": "1%",
    }
]


def value(levels, seed):
    return 100.0 * math.exp(0.05 * levels["x"] + 0.001 * ((7 * levels["x"] + 3 * seed) % 5))


def data(**more):
    rows = [{"x": level} for level in LEVELS]
    return study_data(
        FACTORS,
        Phase("p", "one_at_a_time", rows, value),
        claims=CLAIMS,
        curves=lambda row: falling(value(row.configuration, row.seed)),
        **more,
    )


def replay(found, **protocol):
    return Player(found).play(Protocol(**protocol))


def test_a_pruner_saves_time_on_bad_trials_and_costs_their_verdicts():
    before = data()
    assert [each.verdict for each in judge_claims(before)] == ["supported"]
    found = replay(before, pruner="asha")
    assert found.device_seconds_before == 24 * 60
    assert 0.1 < found.saved < 0.9
    assert found.best_after == found.best_before
    ((claim, was, became),) = found.changed
    assert (claim, was) == ("better", "supported")
    assert became in ("undecided", "untested")
    by_id = before.trials.set_index("trial_id")["x"]
    assert by_id[list(found.pruned)].mean() > by_id.drop(list(found.pruned)).mean()


def test_the_time_of_a_pruned_trial_is_that_of_its_last_report():
    before = data()
    stops = play(before, "median")
    assert stops
    after = with_stops(before, stops)
    rows = after.trials.set_index("trial_id")
    for trial, stop in stops.items():
        assert rows.loc[trial, "device_seconds"] == stop.device_seconds == pytest.approx(0.6 * stop.step)
        assert rows.loc[trial, "state"] == "pruned"
        assert after.curves("valid_perplexity")[trial].steps[-1] == stop.step
    saved = sum(60 - 0.6 * stop.step for stop in stops.values())
    found = replay(before, pruner="median")
    assert found.device_seconds_after == pytest.approx(found.device_seconds_before - saved)
    assert found.pruned == {trial: stop.step for trial, stop in stops.items()}


def test_no_pruner_changes_nothing():
    found = replay(data(), pruner="none")
    assert (found.saved, found.pruned, found.changed, found.dropped) == (0.0, {}, (), ())


def test_fewer_seeds_drop_the_others_and_say_what_is_no_longer_decided():
    found = replay(data(), seeds=1)
    assert found.saved == pytest.approx(2 / 3)
    assert len(found.dropped) == 16
    assert found.changed == (("better", "supported", "undecided"),)


def test_trials_that_no_claim_wants_are_left_out_and_no_verdict_changes():
    found = replay(data(), needed=True)
    by_id = data().trials.set_index("trial_id")["x"]
    assert set(by_id.drop(list(found.dropped))) == {0, 7}
    assert found.ratio == pytest.approx(1 / 4)
    assert found.verdicts == (("better", "supported", "supported"),)
    assert found.num_same == 1


def test_verdicts_of_all_trials_are_those_of_the_report():
    assert Player(data()).verdicts == tuple(each.verdict for each in judge_claims(data()))


def test_a_protocol_reads_as_what_is_run():
    assert str(Protocol()) == "all trials"
    assert str(Protocol(needed=True, seeds=2, pruner="asha")) == (
        "the trials that claims need, the first 2 seeds, pruner asha"
    )
    assert str(Protocol(needed=True, stopping="pocock", futility=True)) == (
        "the trials that claims need, sequential stopping (pocock, futility)"
    )


def test_two_seeds_and_a_pruner_go_together():
    found = replay(data(), pruner="asha", seeds=2)
    assert found.saved > 1 / 3
    assert not set(found.pruned) & set(found.dropped)


def test_the_study_itself_is_left_as_it_is():
    before = data()
    copy = before.trials.copy()
    replay(before, pruner="asha", seeds=2)
    assert before.trials.equals(copy)


def test_the_same_replay_twice_is_the_same():
    assert replay(data(), pruner="asha").pruned == replay(data(), pruner="asha").pruned


def test_a_pruner_that_there_is_not_is_refused():
    with pytest.raises(UsageError, match="'axe' is not a pruner"):
        replay(data(), pruner="axe")


def test_a_study_that_has_not_started_saves_nothing():
    rows = [{"x": level} for level in LEVELS]
    waiting = study_data(FACTORS, Phase("p", "list", rows, lambda *_: "waiting"), claims=CLAIMS)
    assert replay(waiting, pruner="asha").saved == 0.0
