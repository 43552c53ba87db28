"""Replays of studies that added seeds until their claims were decided."""

from dataclasses import replace

import pytest

from reports.replay.protocols import Player, Protocol, Replay
from reports.replay.search import search
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.sequential.progress import progress, rule_of
from sweeper.evidence.sequential.stopping import play_stopping
from sweeper.evidence.sequential.verdicts import judge_study
from sweeper.spec.phase import AdaptiveSeeds
from sweeper.spec.study import Decide
from tests.sweeper.evidence.sequential.adaptive_studies import LATE, played, whole

EFFECTS = {"a": -0.06, "b": -0.012, "c": 0.0, "d": 0.05}
OWN = Protocol(needed=True, stopping="obrien_fleming", futility=True)


def replay(data: StudyData, protocol: Protocol) -> Replay:
    return Player(data).play(protocol)


@pytest.mark.parametrize(
    ("decide", "protocol"),
    [
        (LATE, OWN),
        (Decide(spending="pocock", futility=None), replace(OWN, stopping="pocock", futility=False)),
        (replace(LATE, futility=0.3), OWN),
    ],
)
def test_by_its_own_rule_a_study_stops_where_it_stopped(decide: Decide, protocol: Protocol) -> None:
    data = played(whole(EFFECTS, seed=3, decide=decide))
    found = replay(data, protocol)
    judged = judge_study(data)
    assert found.verdicts == tuple((each.id, each.verdict, each.verdict) for each in judged)
    assert found.seeds == tuple(each.evidence.num_seeds for each in judged)
    assert (found.ratio, found.dropped, found.unknown) == (1.0, (), ())


@pytest.mark.parametrize("seed", range(4))
def test_rounds_that_are_played_anew_are_those_of_the_study(seed: int) -> None:
    data = played(whole(EFFECTS, seed=seed))
    player, number = Player(data), len(EFFECTS)
    again = play_stopping(
        player.looks,
        player.every,
        dict.fromkeys(player.every, 1.0),
        rule_of(data.study),
        first=[2] * number,
        most=[6] * number,
    )
    assert again == player.declared


def test_fewer_seeds_are_the_first_of_those_that_were_added() -> None:
    data = played(whole(EFFECTS, seed=3))
    seeds = dict(zip(data.trials["trial_id"], data.trials["seed"], strict=True))
    dropped = {seeds[trial] for trial in replay(data, Protocol(seeds=3)).dropped}
    assert dropped == {3, 4, 5}


def test_all_trials_give_the_verdicts_of_the_study_and_not_those_of_one_look() -> None:
    for seed in range(6):
        data = played(whole({"a": -0.02, "b": -0.012}, seed=seed))
        found = replay(data, Protocol())
        assert [after for _, _, after in found.verdicts] == [each.verdict for each in judge_study(data)]


def test_seeds_that_were_never_run_are_not_known() -> None:
    data = played(whole(EFFECTS, seed=3))
    given_up = [each.name for each in progress(data).claims if each.stop == "futile"]
    assert given_up
    found = replay(data, replace(OWN, futility=False))
    assert set(given_up) <= set(found.unknown)
    verdicts = {claim: after for claim, _, after in found.verdicts}
    assert all(verdicts[name] == "undecided" for name in given_up)
    assert not set(found.unknown) & {name for name, verdict in verdicts.items() if verdict == "supported"}


def test_a_rule_that_stops_sooner_saves_trials() -> None:
    seeds = AdaptiveSeeds(first=2, most=12)
    data = played(whole({"a": -0.06, "b": -0.05}, seeds=seeds))
    own, pocock = replay(data, OWN), replay(data, replace(OWN, stopping="pocock"))
    assert pocock.device_seconds_after < own.device_seconds_after
    assert max(pocock.seeds) < max(own.seeds)


def test_without_a_maximum_the_play_has_none_either() -> None:
    data = played(whole({"a": -0.1, "b": -0.1}, seeds=AdaptiveSeeds(first=2, most=None)))
    found = replay(data, OWN)
    assert found.seeds == tuple(each.evidence.num_seeds for each in judge_study(data))
    assert [after for _, _, after in found.verdicts] == ["supported", "supported"]


def test_the_search_for_the_least_keeps_the_verdicts_over_looks() -> None:
    data = played(whole(EFFECTS, seed=3, decide=Decide()))
    found = search(data)
    assert not found.least.changed
    assert not found.in_advance.changed
    assert found.in_advance.ratio == 1.0
