"""The claims of a study that adds seeds, as `sweeper status` has them: the same as the verdicts."""

import math
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete

from sweeper.decision import decide
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.data.load import load
from sweeper.evidence.sequential.states import states_of
from sweeper.evidence.sequential.verdicts import judge_study
from sweeper.monitor.claims import ClaimStatus, claim_statuses
from sweeper.monitor.observation import observe
from sweeper.monitor.status import Status, status_json
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.records import BudgetTooSmall
from sweeper.store.schema import claim_states
from sweeper.store.transactions import writing
from tests.sweeper.adaptive_store import claim, enrolled, finish, outcome, play, study_file


def observed(url: str) -> Status:
    with reader.connect(url) as connection:
        return observe(connection, reader.study(connection, "s"), connection.now())


def first_seeds(engine: Engine, url: str) -> None:
    """Run what the first round asks for."""
    decide(engine, "s")
    while (lease := claim(engine)) is not None:
        finish(engine, lease, outcome())


def agrees(status: ClaimStatus, verdict: ClaimVerdict) -> bool:
    numbers = ((status.estimate, verdict.estimate), (status.low, verdict.low), (status.high, verdict.high))
    return (
        (status.claim, status.words) == (verdict.id, verdict.words)
        and verdict.decision is not None
        and (status.decision.stage, status.decision.text) == (verdict.decision.stage, verdict.decision.text)
        and status.decision.left == pytest.approx(verdict.decision.left)
        and all(one == pytest.approx(other, nan_ok=True) for one, other in numbers)
    )


def same(url: str) -> None:
    """Check that claims are in the store where the verdicts say, or are known to be old."""
    found, data = observed(url), load(url, "s")
    claims = found.claims
    if found.claims_are_old:
        claims = claim_statuses(data.study, states_of(data), budget_ended=found.budget_ended)
    assert all(agrees(*pair) for pair in zip(claims, judge_study(data), strict=True))


def test_claims_are_where_the_verdicts_say_after_every_round(engine: Engine, url: str, tmp_path: Path) -> None:
    enrolled(engine, study_file(tmp_path))
    first_seeds(engine, url)
    rounds = 0
    while decide(engine, "s"):
        rounds += 1
        claims, verdicts = observed(url).claims, judge_study(load(url, "s"))
        assert all(agrees(*pair) for pair in zip(claims, verdicts, strict=True))
        while (lease := claim(engine)) is not None:
            finish(engine, lease, outcome())
    assert rounds > 2
    assert [each.decision.stage for each in observed(url).claims].count("decided") >= 1


def test_before_the_first_look_claims_are_open_and_the_first_round_runs(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    enrolled(engine, study_file(tmp_path))
    found = observed(url)
    assert (found.open_round, found.round, found.is_over) == (-1, None, False)
    assert [each.decision.text for each in found.claims] == ["open: not looked at yet"] * 3
    assert [each.verdict for each in found.claims] == ["untested"] * 3
    assert all(math.isnan(each.estimate) for each in found.claims)


def test_a_study_is_over_once_nothing_more_is_asked_for(engine: Engine, url: str, tmp_path: Path) -> None:
    enrolled(engine, study_file(tmp_path))
    first_seeds(engine, url)
    between = observed(url)
    assert between.open_round == 0
    assert not between.is_over
    play(engine, url, outcome())
    found = observed(url)
    assert (found.round, found.is_over) == (None, True)
    document = status_json(found)
    assert document["round"] is None
    rows = document["claims"]
    assert isinstance(rows, list)
    assert set(rows[0]) == {
        "id", "verdict", "exploratory", "estimate", "low", "high", "seeds", "look", "most_looks", "stage", "most_seeds",
        "level_left",
    }  # fmt: skip


def test_the_budget_ends_what_is_open_once_a_slot_has_found_that_it_has(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    path = study_file(tmp_path, budget="{device_hours: 0.0028}")  # 10 trials of a second
    enrolled(engine, path)
    first_seeds(engine, url)
    assert decide(engine, "s")
    with pytest.raises(BudgetTooSmall):
        while (lease := claim(engine)) is not None:
            finish(engine, lease, outcome())
    assert "budget_ended" not in {each.decision.stage for each in observed(url).claims}  # nobody has recorded it
    assert queue.record_budget_end(engine, 1)
    same(url)
    assert "budget_ended" in {each.decision.stage for each in observed(url).claims}
    assert decide(engine, "s")
    same(url)
    path.write_text(path.read_text().replace("0.0028", "1"))
    enrolled(engine, path)
    same(url)
    assert "budget_ended" not in {each.decision.stage for each in observed(url).claims}


def test_claims_that_may_get_more_seeds_than_before_are_shown_as_their_verdicts_are(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    value = outcome({"a": -0.5, "b": 0.0, "c": 0.0}, sd=0.05)
    path = study_file(tmp_path, seeds="{first: 2, most: 3}", decide="{futility: false}")
    enrolled(engine, path)
    play(engine, url, value)
    same(url)
    assert {each.decision.stage for each in observed(url).claims} == {"decided", "used_up"}
    path.write_text(path.read_text().replace("most: 3", "most: 5"))
    enrolled(engine, path, extend=True)
    assert observed(url).claims_are_old  # so that `sweeper status` works them out
    assert decide(engine, "s")
    same(url)
    found = observed(url)
    assert not found.claims_are_old
    assert {each.decision.stage for each in found.claims} == {"decided", "open"}
    assert all(each.is_exploratory for each in found.claims)
    play(engine, url, value)
    same(url)
    assert all(each.is_exploratory for each in observed(url).claims)


def test_an_added_claim_leaves_the_others_where_they_were_looked_at_last(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    path = study_file(tmp_path, names=("a", "b"), unclaimed="c")
    enrolled(engine, path)
    play(engine, url, outcome())
    before = {each.claim: each.decision.text for each in observed(url).claims}
    path = study_file(tmp_path, names=("a", "b", "e"), unclaimed="c")
    enrolled(engine, path, extend=True)
    now = {each.id: each.decision.text for each in judge_study(load(url, "s")) if each.decision is not None}
    assert now == {**before, "e": "open: not looked at yet"}
    assert decide(engine, "s")
    same(url)
    assert {each.claim: each.decision.text for each in observed(url).claims} == now


def test_states_of_a_store_of_an_older_version_are_worked_out(engine: Engine, url: str, tmp_path: Path) -> None:
    enrolled(engine, study_file(tmp_path))
    play(engine, url, outcome())
    before = observed(url).claims
    with writing(engine) as connection:
        connection.execute(delete(claim_states))
    found = observed(url)
    assert found.claims_are_old
    data = load(url, "s")
    assert claim_statuses(data.study, states_of(data), budget_ended=False) == before


def test_a_study_of_fixed_seeds_has_no_claims_in_its_status(engine: Engine, url: str, tmp_path: Path) -> None:
    enrolled(engine, study_file(tmp_path, seeds="3"))
    found = observed(url)
    assert (found.claims, found.round) == ((), None)
    assert "claims" not in status_json(found)
