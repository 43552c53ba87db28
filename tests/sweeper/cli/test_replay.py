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


def test_sequential_stopping_for_programs(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--stopping", "pocock", "--futility", "--json", "--store", store)
    document = json.loads(answer.out)
    assert answer.code == 0
    assert (document["stopping"], document["futility"], document["pruner"]) == ("pocock", True, None)
    assert len(document["dropped"]) >= 6  # two levels of embedding dropout, which no claim wants


def test_only_what_claims_want_for_people(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--needed", "--store", store)
    lines = answer.out.splitlines()
    assert lines[0] == "quickstart with the trials that claims want:"
    assert lines[2] == "  of 15 trials 0 pruned, 6 not run"


def test_the_least_for_people(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--least", "--store", store)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "quickstart: 0.0625 device-hours, 15 trials, 2 claims"
    for heading in ("Each saving by itself:", "A protocol fixed in advance:"):
        assert heading in lines
    assert lines[-2].startswith("The same verdicts come out at 0.")
    assert lines[-1].startswith("The least is chosen by its outcome")


def test_the_least_for_programs(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--least", "--json", "--store", store)
    document = json.loads(answer.out)
    least = document["least"]
    assert (document["claims"], document["not_ended"]) == (2, 0)
    assert least["verdicts_kept"] == 2
    assert least["ratio"] == pytest.approx(least["device_hours"] / document["device_hours"])
    assert document["frontier"][0] == least
    assert len(document["savings"]) == 5
    assert "chosen by its outcome" in document["caveat"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            (),
            "replay what? Name a pruner (--pruner asha), fewer seeds (--seeds 2), --needed, sequential stopping "
            "(--stopping obrien-fleming), several of them, or --least.\n",
        ),
        (
            ("--futility", "--seeds", "2"),
            "--futility gives claims up between looks. Say how the looks are made: --stopping obrien-fleming.\n",
        ),
        (("--least", "--seeds", "2", "--needed"), "--least plays all protocols. Leave out --seeds, --needed.\n"),
    ],
)
def test_what_cannot_be_replayed_is_refused(
    sweeper: Sweeper, store: str, options: tuple[str, ...], message: str
) -> None:
    answer = sweeper("replay", "quickstart", *options, "--store", store)
    assert answer.code == 2
    assert answer.err == message


def test_an_unknown_pruner_is_refused_with_those_that_there_are(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--pruner", "axe", "--store", store)
    assert answer.code == 2
    assert "asha" in answer.err
