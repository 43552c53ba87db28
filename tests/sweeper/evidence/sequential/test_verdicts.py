"""Verdicts over several looks, as claims, reports and exports show them."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.claims.table import COLUMNS, verdict_row
from sweeper.evidence.sequential.paths import ClaimPath
from sweeper.evidence.sequential.progress import progress
from sweeper.evidence.sequential.verdicts import claims_table, decisions_of, judge_study
from sweeper.evidence.statistics.group_sequential import SPENDINGS, spent
from sweeper.spec.phase import AdaptiveSeeds
from sweeper.spec.study import Decide
from tests.reports.studies import Phase, factor, study_data
from tests.sweeper.evidence.sequential.adaptive_studies import LATE, contrast, largest, played, whole

EFFECTS = {"a": -0.06, "b": -0.012, "c": 0.0, "d": 0.05}
PATIENT = replace(LATE, futility=None)


def test_a_verdict_is_that_of_the_rounds_and_says_at_which_seed() -> None:
    data = played(whole(EFFECTS, seed=3))
    found = {each.id: each for each in judge_study(data)}
    paths: dict[str, ClaimPath] = {each.name: each for each in progress(data).claims}
    for name, verdict in found.items():
        path = paths[name]
        assert verdict.verdict == path.verdict
        assert (verdict.p_adjusted, verdict.p_refuted_adjusted) == path.adjusted
        assert verdict.evidence.num_seeds == verdict.n == path.parts[0].looks[-1].seeds
        assert (verdict.low, verdict.high) == path.parts[0].interval("obrien_fleming")
    assert (found["a"].verdict, found["d"].verdict) == ("supported", "refuted")
    assert "at the look that decided it (repeated 95% interval " in found["a"].sentence
    assert found["a"].sentence.endswith("Claimed: decrease. Decided at 3 of 6 seeds.")
    assert found["c"].sentence.endswith("Undecided: given up at 2 of 6 seeds, as a decision had become unlikely.")


def test_a_claim_that_uses_all_its_seeds_says_so() -> None:
    data = played(whole({"a": -0.06, "b": -0.004}, decide=PATIENT))
    a, b = judge_study(data)
    assert (a.verdict, b.verdict) == ("supported", "undecided")
    assert b.sentence.endswith("Undecided: all 6 seeds used.")
    assert b.decision is not None
    assert (b.decision.stage, b.decision.look, b.decision.most_looks, b.decision.seeds) == ("used_up", 5, 5, 6)
    assert b.decision.left == pytest.approx(0.0, abs=1e-9)


def test_what_is_left_of_the_error_is_what_the_spending_function_says() -> None:
    _, b = judge_study(played(whole({"a": -0.06, "b": -0.004}, decide=PATIENT), rounds=2))
    assert b.decision is not None
    assert (b.decision.stage, b.decision.look, b.decision.seeds) == ("open", 2, 3)
    assert b.decision.left == pytest.approx(1 - spent(0.05, 3 / 6, "obrien_fleming") / 0.05)
    assert b.sentence.endswith("Open: look 2 of at most 5, 3 of 6 seeds.")


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10**6), rounds=st.integers(1, 6), spending=st.sampled_from(SPENDINGS))
def test_a_claim_is_decided_exactly_if_a_look_is_beyond_a_boundary(seed: int, rounds: int, spending: str) -> None:
    effects = {"a": -0.03, "b": -0.012, "c": 0.012}
    decide = Decide(spending=spending)  # type: ignore[arg-type]  # one of its names
    data = played(whole(effects, seed=seed, decide=decide), rounds=rounds)
    decisions = decisions_of(data)
    assert decisions is not None
    for place, claim in enumerate(decisions.progress.claims):
        points = [point for point in decisions.path(data, place) if point.evidence is not None]
        above = any(point.evidence >= point.supports_from for point in points if point.evidence is not None)
        below = any(point.evidence <= point.refutes_from for point in points if point.evidence is not None)
        assert above == (claim.verdict == "supported")
        assert below == (claim.verdict == "refuted")


def test_planned_looks_have_boundaries_and_the_last_spends_the_rest() -> None:
    data = played(whole(EFFECTS, seed=3, decide=PATIENT), rounds=1)
    decisions = decisions_of(data)
    assert decisions is not None
    points = decisions.path(data, 1)
    assert [point.seeds for point in points] == [2, 3, 4, 5, 6]
    assert [point.evidence is None for point in points] == [False, True, True, True, True]
    assert [point.supports_from for point in points] == sorted((p.supports_from for p in points), reverse=True)
    assert all(point.refutes_from == pytest.approx(-point.supports_from) for point in points)
    # Several looks cost a little: the last boundary is above that of a single look at Holm's level.
    single = stats.norm.isf(0.05 / 4)
    assert single < points[-1].supports_from < single + 0.3


def test_a_study_of_fixed_seeds_is_judged_by_one_look() -> None:
    rows = [{"a": 0}, {"a": 1}]
    phase = Phase("p", "one_at_a_time", rows, lambda levels, seed: 50.0 + seed**2 - 9 * levels["a"], seeds=range(4))
    data = study_data({"a": factor(0, 1)}, phase, claims=[contrast("a")])
    assert decisions_of(data) is None
    (once,), (found,) = judge_claims(data), judge_study(data)
    assert found.decision is None
    assert verdict_row(found) == verdict_row(once)
    assert [verdict_row(found)[name] for name in COLUMNS[-5:]] == [None] * 5


def test_the_budget_ends_claims_that_are_open_and_no_others() -> None:
    data = played(whole(EFFECTS, seed=3), rounds=1)
    for ended_at, stage in ((5.0, "budget_ended"), (None, "open")):
        found = judge_study(replace(data, decided=replace(data.decided, budget_ended_at=ended_at)))
        stages = {each.id: each.decision.stage for each in found if each.decision is not None}
        assert stages == {"a": stage, "b": stage, "c": "unlikely", "d": stage}
    ended = judge_study(replace(data, decided=replace(data.decided, budget_ended_at=5.0)))
    assert ended[0].sentence.endswith("Undecided: the budget ended at seed 2 of 6.")
    assert ended[0].verdict == "undecided"


def test_a_trial_that_runs_has_been_admitted_so_the_budget_has_not_ended() -> None:
    data = played(whole(EFFECTS, seed=3), rounds=1)
    frame = data.trials.copy()
    frame.loc[frame["state"].eq("waiting").idxmax(), "state"] = "running"
    data = replace(data, trials=frame, study=replace(data.study, device_hours=0.01))
    decisions = decisions_of(data)
    assert decisions is not None
    assert not decisions.budget_ended


def test_before_the_first_look_claims_are_untested() -> None:
    data = played(whole(EFFECTS), rounds=0)
    for found in judge_study(data):
        assert found.verdict == "untested"
        assert math.isnan(found.p_adjusted)
        assert found.sentence.endswith("Open: not looked at yet.")
        assert found.decision is not None
        assert (found.decision.look, found.decision.left) == (0, 1.0)


def test_without_a_maximum_there_is_nothing_to_spend_and_no_end() -> None:
    seeds = AdaptiveSeeds(first=2, most=None)
    data = played(whole({"a": -0.1, "b": -0.1}, seeds=seeds))
    decisions = decisions_of(data)
    assert decisions is not None
    for place, found in enumerate(judge_study(data)):
        assert found.decision is not None
        assert (found.decision.stage, found.decision.most, found.decision.most_looks) == ("decided", None, None)
        assert found.decision.left is None
        assert found.sentence.endswith(f"Decided at {found.decision.seeds} seeds.")
        points = decisions.path(data, place)
        assert [point.seeds for point in points] == list(range(2, found.decision.seeds + 1))
        last = points[-1]
        assert last.evidence is not None
        assert last.evidence >= last.supports_from


def test_an_ordering_is_shown_by_the_comparison_that_supports_it_least() -> None:
    effects = {"a": -0.10, "b": -0.002, "c": -0.06}
    data = played(whole(effects, sd=0.006, claims=[largest("a", "b", "c")]))
    (found,) = judge_study(data)
    assert found.verdict == "supported"
    assert "the weakest of 2 comparisons" in found.sentence
    (path,) = progress(data).claims
    assert found.estimate == min(part.looks[-1].estimate for part in path.parts)


def test_an_export_has_the_looks() -> None:
    table = claims_table(played(whole(EFFECTS, seed=3)))
    assert table.column("stage") == ["decided", "used_up", "unlikely", "decided"]
    assert table.column("look")[0] == 2
    assert table.column("most_seeds") == [6] * 4


def test_a_first_interval_that_excludes_nothing_is_called_unlimited() -> None:
    seeds = AdaptiveSeeds(first=2, most=12)
    (first,) = judge_study(played(whole({"a": -0.03}, seeds=seeds), rounds=1))
    assert first.high - first.low > 2 * math.log(100)
    assert "(repeated 95% interval unlimited; 2 pairs; " in first.sentence
    (later,) = judge_study(played(whole({"a": -0.03}, seeds=seeds), rounds=4))
    assert "(repeated 95% interval \u2212" in later.sentence
