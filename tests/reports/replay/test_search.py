"""The search for the cheapest protocol: what it reports, and that it is the cheapest."""

import math

import pytest

from reports.replay.protocols import Protocol
from reports.replay.search import IN_ADVANCE, search
from tests.reports.studies import Phase, factor, falling, study_data

LEVELS = (0, 1, 2, 3)
FACTORS = {"x": factor(*LEVELS)}


def value(levels, seed):
    return 100.0 * math.exp(
        -0.2 * levels["x"] + 0.01 * seed + 0.001 * ((7 * levels["x"] + 3 * seed + levels["x"] * seed) % 5)
    )


@pytest.fixture(scope="module")
def found():
    spec = {"phase": "p", "factor": "x", "from": 0, "to": 3, "where": None}
    claims = [{"id": "x", "text": "", "metric": None, "contrast": spec, "expect": "decrease", "at_least": 0}]
    rows = [{"x": level} for level in LEVELS]
    data = study_data(
        FACTORS,
        Phase("p", "one_at_a_time", rows, value),
        Phase("search", "sampler", [{"x": 5}], lambda *_: 90.0, seeds=(7,)),
        claims=claims,
        curves=lambda row: falling(value(row.configuration, row.seed)),
    )
    return search(data)


def test_the_least_keeps_all_verdicts_and_nothing_that_keeps_them_is_cheaper(found):
    assert found.full.ratio == 1.0
    assert not found.least.changed
    assert found.least.ratio < 1.0
    keeping = [each for each in found.replays if not each.changed]
    assert min(each.device_seconds_after for each in keeping) == found.least.device_seconds_after


def test_the_frontier_falls_in_cost_and_in_verdicts(found):
    costs = [each.device_seconds_after for each in found.frontier]
    kept = [each.num_same for each in found.frontier]
    assert found.frontier[0] == found.least
    assert costs == sorted(costs, reverse=True)
    assert kept == sorted(kept, reverse=True)
    assert len(set(costs)) == len(costs)


def test_savings_are_reported_one_by_one(found):
    needed, seeds, stopping, futility, pruner = found.savings
    assert needed.protocol == Protocol(needed=True)
    assert len(needed.dropped) == 7  # two levels of three seeds, and the search
    assert (seeds.protocol.seeds, seeds.protocol.needed) == (2, False)
    assert stopping.protocol.stopping != "fixed"
    assert futility.protocol.futility
    assert pruner.protocol.pruner != "none"


def test_the_protocol_of_before_is_one_of_those_played_and_hindsight_is_none(found):
    assert found.in_advance.protocol == IN_ADVANCE
    assert found.in_advance in found.replays
    assert found.hindsight not in found.replays
    assert not found.hindsight.changed
    assert found.hindsight.device_seconds_after <= found.in_advance.device_seconds_after


def test_all_protocols_are_different(found):
    assert len({each.protocol for each in found.replays}) == len(found.replays)
    assert found.num_open == 0


def test_no_protocol_that_keeps_all_verdicts_is_cheaper_than_the_bound(found):
    one, two = found.bounds[1], found.bounds[2]
    assert 0 < one <= two <= found.hindsight.device_seconds_after
    keeping = [each for each in found.replays if not each.changed and each.protocol.pruner == "none"]
    assert one <= min(each.device_seconds_after for each in keeping)
