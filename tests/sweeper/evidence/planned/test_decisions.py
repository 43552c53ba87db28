"""What a study takes until its claims are decided, against the launch's own rounds on whole simulated studies."""

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from sweeper.evidence.planned import decisions
from sweeper.evidence.planned.decision_wording import decisions_json, effect_text
from sweeper.evidence.planned.decisions import PlannedDecisions, planned_decisions
from sweeper.evidence.planned.runs import planned_runs
from sweeper.evidence.planned.spread import Spreads
from sweeper.evidence.sequential.progress import rule_of
from sweeper.evidence.sequential.simulation import Assumption, simulate_decisions
from sweeper.planning.plan import make_plan, with_all_seeds
from sweeper.spec.study import Study
from tests.sweeper.documents import factor, phase, study
from tests.sweeper.evidence.planned.studies import LEVELS, LINEAR, LOG, NO_STORE, contrast, one_at_a_time
from tests.sweeper.evidence.planned.test_spread import run

SD = math.log(1.01)
HOURS = 0.5  # of a trial


def adaptive(*claims: dict[str, Any], first: int = 2, most: int | None = 6, **changes: Any) -> Study:
    """Five configurations, the baseline and one for each other level of `a`, with seeds until claims are decided."""
    planned = phase("p", "one_at_a_time", seeds={"first": first, "most": most})
    given = {"metric": LOG, "assume": {"sd": "1%"}, **changes}
    return study({"a": factor(LEVELS)}, planned, claims=list(claims), **given)


def decisions_for(made: Study, *, store: str = NO_STORE, hours: float | None = HOURS) -> PlannedDecisions:
    plan = make_plan(made)
    seconds = {} if hours is None else dict.fromkeys(plan.by_reference, 3600.0 * hours)
    return planned_decisions(made, plan, Spreads(made, store), seconds)


def test_the_most_are_what_claims_may_want_and_the_least_what_runs_anyway() -> None:
    found = decisions_for(adaptive(contrast(1), contrast(2)))
    assert found.most is not None
    assert (found.least.trials, found.least.device_hours) == (10, 5.0)
    assert found.most.trials == 3 * 6 + 2 * 2  # levels 3 and 4 have no claim
    assert found.most.device_hours == 11.0
    assert decisions_for(adaptive(contrast(1)), hours=None).least.device_hours is None


def test_the_expectation_is_that_of_whole_simulated_studies(monkeypatch: pytest.MonkeyPatch) -> None:
    effects = {"c1": "-3%", "c2": "-1%"}
    made = adaptive(contrast(1), contrast(2), assume={"sd": "1%", "effects": effects})
    monkeypatch.setattr(decisions, "LOOKS", 10**6)
    monkeypatch.setattr(decisions, "MOST_STUDIES", 150)
    found = decisions_for(made)
    grown = with_all_seeds(made)
    plan = make_plan(grown)
    known = {("a", "1"): math.log(0.97), ("a", "2"): math.log(0.99)}
    whole = simulate_decisions(
        grown,
        planned_runs(grown, plan),
        dict.fromkeys(range(len(plan.trials)), 1.0),
        rule_of(made),
        Assumption(effects=known, sd=SD),
        studies=60,
        generator=np.random.default_rng(1),
    )
    assert found.expected is not None
    for quick, slow in zip(found.claims, whole.claims, strict=True):
        assert quick.chance == pytest.approx(1 - slow.shares["undecided"], abs=0.17)
        assert quick.seeds == pytest.approx(slow.seeds, abs=0.7)
    assert found.claims[0].chance > 0.9
    assert found.expected.trials - 4 == pytest.approx(whole.expected, abs=1.5)  # and two levels without a claim
    assert found.expected.device_hours == pytest.approx(found.expected.trials * HOURS)


def test_a_claim_without_an_effect_is_hardly_ever_decided() -> None:
    made = adaptive(contrast(1), most=8, assume={"sd": "1%", "effects": {"c1": 0}})
    (claim,) = decisions_for(made).claims
    assert (claim.effect, claim.source) == (0.0, "assumed")
    assert claim.chance < 0.2
    assert claim.seeds < 7  # given up


def test_an_effect_that_nothing_says_is_what_the_most_seeds_show() -> None:
    made = adaptive(contrast(1), most=10, decide={"futility": False, "spending": "obrien_fleming", "order": "by_cost"})
    (claim,) = decisions_for(made).claims
    assert claim.source == "detectable"
    assert effect_text(claim).endswith("% (detectable)")
    assert 0.6 < claim.chance < 0.9  # several looks cost a little of the 0.8
    assert claim.effect < 0


def test_no_worse_is_planned_for_no_effect() -> None:
    (claim,) = decisions_for(adaptive(contrast(1, expect="no_worse", within="3%"))).claims
    assert (claim.effect, claim.source, effect_text(claim)) == (0.0, "no effect", "0.0% (none, as claimed)")
    assert claim.chance > 0.8


def test_earlier_runs_of_the_study_say_how_large_effects_are(engine: Engine, url: str, tmp_path: Path) -> None:
    values = run(engine, one_at_a_time([contrast()], assume={}), tmp_path)
    found = decisions_for(adaptive(contrast(1), assume={}), store=url)
    (claim,) = found.claims
    assert claim.source == "earlier runs"
    logs = {key: math.log(value) for key, value in values.items()}
    assert claim.effect == pytest.approx(sum(logs[1, seed] - logs[0, seed] for seed in range(3)) / 3)


@pytest.mark.parametrize("changes", [{}, {"metric": "test_perplexity"}, {"at": "same_length"}, {"at": "best_length"}])
def test_a_claim_that_is_new_in_the_study_file_is_planned_from_earlier_runs_too(
    changes: dict[str, Any], engine: Engine, url: str, tmp_path: Path
) -> None:
    run(engine, one_at_a_time([], assume={}), tmp_path)
    (claim,) = decisions_for(adaptive(contrast(1, **changes), assume={"sd": "1%"}), store=url).claims
    assert claim.source == ("detectable" if "metric" in changes else "earlier runs")  # none reported a test


def test_the_budget_ends_the_seeds() -> None:
    claims = [contrast(1), contrast(2)]
    made = adaptive(*claims, assume={"sd": "1%", "effects": {"c1": "-1%", "c2": "-1%"}})
    free, capped = decisions_for(made), decisions_for(replace(made, device_hours=6.0))
    assert free.expected is not None
    assert capped.expected is not None
    assert free.expected.device_hours is not None
    assert capped.expected.device_hours is not None
    assert free.expected.device_hours > 6.0 >= capped.expected.device_hours
    assert sum(each.chance for each in capped.claims) < sum(each.chance for each in free.claims)


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (adaptive(contrast(1), assume={}), "nothing says how much runs vary between seeds"),
        (adaptive(contrast(1), most=None, budget={"device_hours": 9}), "a claim without a maximum of seeds may"),
        (
            adaptive(contrast(1, at_least=0.01), metric=LINEAR),
            "the margin of c1 and the standard deviation are in different units",
        ),
        (
            adaptive(contrast(1), metric=LINEAR, assume={"sd": "1%", "effects": {"c1": -0.01}}),
            "the effect of c1 and the standard deviation are in different units",
        ),
    ],
)
def test_what_nothing_says_is_not_expected(made: Study, reason: str) -> None:
    found = decisions_for(made)
    assert found.expected is None
    assert found.claims == ()
    assert found.reason.startswith(reason)
    document = decisions_json(found)
    assert (document["trials_least"], document["trials_expected"]) == (10, None)
    assert (document["trials_most"] is None) == (made.device_hours is not None)


def test_the_same_study_gives_the_same_numbers() -> None:
    made = adaptive(contrast(1), contrast(2))
    assert decisions_json(decisions_for(made)) == decisions_json(decisions_for(made))


def test_on_a_linear_scale_effects_are_shares_of_the_metric_or_in_its_unit() -> None:
    share = adaptive(contrast(1), metric=LINEAR, assume={"sd": "1%", "effects": {"c1": "-2%"}})
    unit = adaptive(contrast(1), metric=LINEAR, assume={"sd": 0.01, "effects": {"c1": -0.02}})
    (first,), (second,) = decisions_for(share).claims, decisions_for(unit).claims
    assert effect_text(first) == "\u22122.0% (assumed)"
    assert effect_text(second) == "\u22120.020 (assumed)"
    assert (first.chance, first.seeds) == (second.chance, second.seeds)
