"""Commands on a study that added seeds until its claims were decided, in a store and from its archive."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from sweeper.decision import decide
from sweeper.store.engine import open_existing
from tests.sweeper.adaptive_store import EFFECTS, claim, enrolled, finish, outcome, play, study_file
from tests.sweeper.cli.conftest import Answer
from tests.sweeper.store.builders import new_store

Sweeper = Callable[..., Answer]


class Kept(NamedTuple):
    """A study "s" in a store, and where to write."""

    url: str
    directory: Path


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    url = new_store(tmp_path)
    engine = open_existing(url)
    enrolled(engine, study_file(tmp_path))
    play(engine, url, outcome(EFFECTS))
    yield Kept(url, tmp_path)
    engine.dispose()


def claims(sweeper: Sweeper, *options: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(sweeper("claims", *options, "--json").out)["claims"]
    return found


def test_claims_say_at_which_seed_they_stopped(sweeper: Sweeper, kept: Kept) -> None:
    out = sweeper("claims", "s", "--store", kept.url).out
    assert "Claimed: decrease. Decided at " in out
    assert out.splitlines()[-1].startswith(
        "Estimates are those of the last look. A claim that stops once it is decided"
    )
    rows = claims(sweeper, "s", "--store", kept.url)
    assert rows[0]["stage"] == "decided"
    for row in rows:
        assert isinstance(row["look"], int)
        assert 1 <= row["look"] <= 5 == row["most_looks"]
        assert isinstance(row["seeds"], int)
        assert 2 <= row["seeds"] <= 6 == row["most_seeds"]


def test_an_archive_gives_the_same_stops(sweeper: Sweeper, kept: Kept) -> None:
    directory = kept.directory / "out"
    answer = sweeper("export", "s", "--all", "--out", str(directory), "--store", kept.url)
    assert answer.code == 0, answer.err
    assert claims(sweeper, "--from", str(directory)) == claims(sweeper, "s", "--store", kept.url)


def test_a_replay_by_the_same_rule_gives_the_same_stops(sweeper: Sweeper, kept: Kept) -> None:
    options = ("--stopping", "obrien_fleming", "--futility", "--store", kept.url)
    found = json.loads(sweeper("replay", "s", *options, "--json").out)
    rows = claims(sweeper, "s", "--store", kept.url)
    stops = [{"claim": row["id"], "verdict": row["verdict"], "seeds": row["seeds"]} for row in rows]
    assert found["stops"] == stops
    assert (found["changed"], found["unknown"]) == ([], [])
    text = sweeper("replay", "s", *options).out
    assert f"  claim a: {rows[0]['verdict']} at {rows[0]['seeds']} seeds" in text


def test_status_shows_the_same(sweeper: Sweeper, kept: Kept) -> None:
    rows = {row["id"]: row for row in claims(sweeper, "s", "--store", kept.url)}
    found = json.loads(sweeper("status", "s", "--store", kept.url, "--json").out)
    assert found["round"] is None
    for row in found["claims"]:
        for key in ("verdict", "look", "most_looks", "seeds", "most_seeds", "stage"):
            assert row[key] == rows[row["id"]][key]
        assert row["estimate"] == pytest.approx(rows[row["id"]]["estimate"])
        assert row["low"] == pytest.approx(rows[row["id"]]["low"])
    assert "a: supported at " in sweeper("status", "s", "--store", kept.url).out


def test_status_works_claims_out_until_the_next_decision_on_an_edited_file(sweeper: Sweeper, kept: Kept) -> None:
    path = kept.directory / "s.yaml"
    path.write_text(path.read_text().replace("most: 6", "most: 8"))
    engine = open_existing(kept.url)
    enrolled(engine, path, extend=True)
    engine.dispose()
    rows = {row["id"]: row for row in claims(sweeper, "s", "--store", kept.url)}
    found = json.loads(sweeper("status", "s", "--store", kept.url, "--json").out)["claims"]
    assert {row["id"] for row in found} == set(rows)
    for row in found:
        for key in set(row) & set(rows[row["id"]]):
            assert row[key] == pytest.approx(rows[row["id"]][key]), key
    assert all(row["exploratory"] for row in found)
    # A claim that is decided stays so, at what it was decided of.
    assert {row["id"]: row["most_seeds"] for row in found} == {
        row["id"]: 6 if row["stage"] == "decided" else 8 for row in found
    }
    assert "a: supported (exploratory) at " in sweeper("status", "s", "--store", kept.url).out


def test_between_rounds_claims_are_open(sweeper: Sweeper, tmp_path: Path) -> None:
    url = new_store(tmp_path)
    engine = open_existing(url)
    enrolled(engine, study_file(tmp_path))
    decide(engine, "s")
    while (lease := claim(engine)) is not None:
        finish(engine, lease, outcome())
    assert "round 1, 0 of 3 claims decided" in sweeper("status", "s", "--store", url).out
    decide(engine, "s")
    engine.dispose()
    rows = claims(sweeper, "s", "--store", url)
    assert "open" in [row["stage"] for row in rows]
    assert "Open: look 1 of at most 5, 2 of 6 seeds." in sweeper("claims", "s", "--store", url).out
