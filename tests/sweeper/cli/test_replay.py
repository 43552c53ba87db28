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


def test_fewer_seeds_as_text(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--seeds", "1", "--store", store)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "quickstart with the first seed of each phase:"
    assert "66.7% saved" in lines[1]
    assert lines[2] == "  15 trials: 0 pruned, 10 not run"
    assert lines[4] == "  claim input-dropout-helps: supported -> undecided"


def test_a_pruner_as_json(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--pruner", "asha", "--json", "--store", store)
    document = json.loads(answer.out)
    assert answer.code == 0
    assert document["trials"] == 15
    assert document["device_hours_after"] <= document["device_hours_before"]
    assert document["saved"] == pytest.approx(1 - document["device_hours_after"] / document["device_hours_before"])


def test_sequential_stopping_as_json(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--stopping", "pocock", "--futility", "--json", "--store", store)
    document = json.loads(answer.out)
    assert answer.code == 0
    assert (document["stopping"], document["futility"], document["pruner"]) == ("pocock", True, None)
    assert len(document["dropped"]) >= 6  # two levels of embedding dropout, which no claim needs


def test_only_the_trials_that_claims_need_as_text(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--needed", "--store", store)
    lines = answer.out.splitlines()
    assert lines[0] == "quickstart with only the trials that claims need:"
    assert lines[2] == "  15 trials: 0 pruned, 6 not run"


def test_the_cheapest_protocol_as_text(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--least", "--store", store)
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "quickstart: 0.0625 device-hours, 15 trials, 2 claims"
    for heading in ("Each saving by itself:", "A protocol fixed in advance:"):
        assert heading in lines
    assert lines[-2].startswith("The same verdicts take 0.")
    assert lines[-1].startswith("The cheapest protocol is chosen by its outcome")


def test_the_cheapest_protocol_as_json(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--least", "--json", "--store", store)
    document = json.loads(answer.out)
    least = document["least"]
    assert (document["claims"], document["not_ended"]) == (2, 0)
    assert least["verdicts_kept"] == 2
    assert least["ratio"] == pytest.approx(least["device_hours"] / document["device_hours"])
    assert document["frontier"][0] == least
    assert len(document["savings"]) == 5
    assert "chosen by its outcome" in document["caveat"]


@pytest.mark.parametrize("options", [("--least",), ("--seeds", "1"), ("--stopping", "kim_demets", "--json")])
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_kept_directory_gives_the_replay_of_its_store(
    sweeper: Sweeper, store: str, tmp_path: Path, form: str, options: tuple[str, ...]
) -> None:
    kept = str(tmp_path / "kept")
    assert sweeper("export", "quickstart", "--all", "--format", form, "--out", kept, "--store", store).code == 0
    there, here = (
        sweeper("replay", "--from", kept, *options),
        sweeper("replay", "quickstart", *options, "--store", store),
    )
    assert (there.code, there.out) == (0, here.out)


def test_a_study_or_a_directory_is_replayed_and_not_both(sweeper: Sweeper, store: str, tmp_path: Path) -> None:
    assert "STUDY is missing" in sweeper("replay", "--least", "--store", store).err
    both = sweeper("replay", "quickstart", "--from", str(tmp_path), "--least", "--store", store)
    assert (both.code, "the directory already names the study" in both.err) == (2, True)
    absent = sweeper("replay", "--from", str(tmp_path / "nowhere"), "--least")
    assert (absent.code, "study.json: no such file" in absent.err) == (2, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            (),
            "name a protocol to replay: a pruner (--pruner asha), fewer seeds (--seeds 2), --needed, sequential "
            "stopping (--stopping kim_demets), several of these, or --least.\n",
        ),
        (
            ("--futility", "--seeds", "2"),
            "--futility gives up on claims between looks. Say how the looks are made: --stopping kim_demets.\n",
        ),
        (("--least", "--seeds", "2", "--needed"), "--least tries all protocols. Leave out --seeds, --needed.\n"),
    ],
)
def test_options_that_name_no_protocol_are_refused(
    sweeper: Sweeper, store: str, options: tuple[str, ...], message: str
) -> None:
    answer = sweeper("replay", "quickstart", *options, "--store", store)
    assert answer.code == 2
    assert answer.err == message


def test_the_error_for_an_unknown_pruner_lists_the_known_ones(sweeper: Sweeper, store: str) -> None:
    answer = sweeper("replay", "quickstart", "--pruner", "axe", "--store", store)
    assert answer.code == 2
    assert "asha" in answer.err
