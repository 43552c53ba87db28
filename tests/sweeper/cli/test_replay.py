"""`sweeper replay`: what it prints, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.reports.builders import Plot, screen, store_with
from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]


@pytest.fixture
def store(tmp_path: Path) -> str:
    return store_with(tmp_path, Plot([screen()]))


def test_fewer_seeds_for_people(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--seeds", "1", "--store", store)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "quickstart with the first seed of each phase:"
    assert "66.7 % saved" in lines[1]
    assert lines[2] == "  of 15 trials 0 pruned, 10 not run"
    assert lines[4] == "  claim input-dropout-helps: supported -> undecided"


def test_a_pruner_for_programs(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--pruner", "asha", "--json", "--store", store)
    document = json.loads(answer.out)
    assert answer.code == 0
    assert document["trials"] == 15
    assert document["device_hours_after"] <= document["device_hours_before"]
    assert document["saved"] == pytest.approx(1 - document["device_hours_after"] / document["device_hours_before"])


def test_nothing_to_replay_is_refused(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--store", store)
    assert answer.code == 2
    assert answer.err == "replay what? Name a pruner (--pruner asha), fewer seeds (--seeds 2), or both.\n"


def test_an_unknown_pruner_is_refused_with_those_that_there_are(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--pruner", "axe", "--store", store)
    assert answer.code == 2
    assert "asha" in answer.err
