"""The claims of a study that adds seeds, as `sweeper status` has them: the same as the verdicts."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine

from sweeper.decision import decide
from sweeper.evidence.claims.judge import ClaimVerdict
from sweeper.evidence.data.load import load
from sweeper.evidence.sequential.verdicts import judge_study
from sweeper.evidence.statistics.multiplicity import holm
from sweeper.monitor.claims import ClaimStatus, adjusted
from sweeper.monitor.observation import observe
from sweeper.monitor.status import Status, status_json
from sweeper.store.reading import reader
from sweeper.store.records import BudgetTooSmall
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
        (status.claim, status.verdict) == (verdict.id, verdict.verdict)
        and verdict.decision is not None
        and (status.decision.stage, status.decision.text) == (verdict.decision.stage, verdict.decision.text)
        and status.decision.left == pytest.approx(verdict.decision.left)
        and all(one == pytest.approx(other, nan_ok=True) for one, other in numbers)
    )


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
        "id", "verdict", "estimate", "low", "high", "seeds", "look", "most_looks", "stage", "most_seeds", "level_left",
    }  # fmt: skip


def test_the_budget_ends_what_is_open(engine: Engine, url: str, tmp_path: Path) -> None:
    enrolled(engine, study_file(tmp_path, budget="{device_hours: 0.0028}"))  # 10 trials of a second
    first_seeds(engine, url)
    assert decide(engine, "s")
    with pytest.raises(BudgetTooSmall):
        while (lease := claim(engine)) is not None:
            finish(engine, lease, outcome())
    stages = {each.claim: each.decision.stage for each in observed(url).claims}
    assert "budget_ended" in stages.values()
    verdicts = {each.id: each.decision.stage for each in judge_study(load(url, "s")) if each.decision is not None}
    assert stages == verdicts


def test_claims_that_may_get_more_seeds_than_before_are_not_called_used_up(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    value = outcome({"a": 0.0, "b": 0.0, "c": 0.0}, sd=0.05)
    path = study_file(tmp_path, seeds="{first: 2, most: 3}", decide="{futility: false}")
    enrolled(engine, path)
    play(engine, url, value)
    assert {each.decision.stage for each in observed(url).claims} == {"used_up"}
    path.write_text(path.read_text().replace("most: 3", "most: 5"))
    enrolled(engine, path, extend=True)
    assert {each.decision.stage for each in observed(url).claims} == {"open"}
    play(engine, url, value)
    stages = {each.claim: each.decision.stage for each in observed(url).claims}
    assert stages == {each.id: each.decision.stage for each in judge_study(load(url, "s")) if each.decision is not None}


def test_a_study_of_fixed_seeds_has_no_claims_in_its_status(engine: Engine, url: str, tmp_path: Path) -> None:
    enrolled(engine, study_file(tmp_path, seeds="3"))
    found = observed(url)
    assert (found.claims, found.round) == ((), None)
    assert "claims" not in status_json(found)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_p_values_are_adjusted_as_verdicts_adjust_them(p_values: list[float]) -> None:
    assert adjusted(p_values) == pytest.approx(list(holm(p_values)) if p_values else [])
