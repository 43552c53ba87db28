"""Which claims a plan can test, and on how many pairs."""

from typing import Any

import pytest

from sweeper.forecast.claim_power import ClaimPower, claim_power
from sweeper.planning.plan import make_plan
from tests.sweeper.documents import factor, phase, study

FACTORS = {"a": factor([0, 1, 2]), "b": factor([0, 1])}
GRID = phase("grid", "grid", seeds=[0, 1, 2])
LONG = phase("long", {"list": [{}, {"a": 1}]}, seeds=[1, 2, 3], budget={"steps": 900})
ONE_SEED = phase("one", "one_at_a_time", seeds=[9])
SEARCH = phase("search", {"sampler": "tpe", "trials": 5})


def verdict(form: str, statement: dict[str, Any]) -> ClaimPower:
    made = study(FACTORS, GRID, LONG, ONE_SEED, SEARCH, claims=[{"id": "c", form: statement}])
    (found,) = claim_power(make_plan(made), made)
    return found


@pytest.mark.parametrize(
    ("form", "statement", "pairs"),
    [
        ("contrast", {"phase": "grid", "factor": "a", "from": 0, "to": 1, "where": {}}, 6),
        ("contrast", {"phase": "grid", "factor": "a", "from": 0, "to": 2.0, "where": {"b": 1}}, 3),
        ("equivalence", {"phase": "long", "factor": "a", "from": 0, "to": 1, "where": {}}, 3),
        ("contrast", {"from": {"phase": "grid", "levels": {}}, "to": {"phase": "long", "levels": {"a": 1}}}, 2),
        ("ordering", {"phase": "grid", "largest": "a", "among": ["b"], "order": None}, 6),
        ("ordering", {"phase": "grid", "largest": None, "among": None, "order": ["a", "b"]}, 6),
        (
            "interaction",
            {"phase": "grid", "factor": "a", "from": 0, "to": 1, "with": {"factor": "b", "from": 0, "to": 1}},
            3,
        ),
        ("interaction", {"factor": "a", "from": 0, "to": 1, "with": {"phases": ["grid", "long"]}}, 3),
        ("constant", {"phase": "grid", "levels": {"a": 2}, "value": 1.0}, 3),
    ],
)
def test_a_claim_rests_on_the_pairs_of_its_weakest_comparison(form: str, statement: dict[str, Any], pairs: int) -> None:
    found = verdict(form, statement)
    assert (found.pairs, found.is_testable, found.reason) == (pairs, True, "")


@pytest.mark.parametrize(
    ("form", "statement", "reason"),
    [
        (
            "contrast",
            {"phase": "long", "factor": "a", "from": 0, "to": 2, "where": {}},
            "no trials: a from 0 to 2 in phase long",
        ),
        (
            "contrast",
            {"phase": "one", "factor": "a", "from": 0, "to": 1, "where": {"b": 1}},
            "no trials: a from 0 to 1 in phase one where b=1",
        ),
        (
            "contrast",
            {"phase": "one", "factor": "a", "from": 0, "to": 1, "where": {}},
            "only one seed, which has no variance: a from 0 to 1 in phase one",
        ),
        (
            "ordering",
            {"phase": "long", "largest": "a", "among": ["b"], "order": None},
            "no trials: b has only its baseline in phase long",
        ),
        (
            "contrast",
            {"from": {"phase": "one", "levels": {}}, "to": {"phase": "grid", "levels": {}}},
            "no trials: the baseline in phase one against the baseline in phase grid",
        ),
    ],
)
def test_a_claim_without_trials_or_with_one_seed_cannot_be_tested(
    form: str, statement: dict[str, Any], reason: str
) -> None:
    found = verdict(form, statement)
    assert not found.is_testable
    assert found.reason == reason


def test_a_claim_on_a_sampler_s_phase_depends_on_what_it_draws() -> None:
    found = verdict("contrast", {"phase": "search", "factor": "a", "from": 0, "to": 1, "where": {}})
    assert (found.is_testable, found.pairs) == (True, None)
    assert found.reason == "depends on what phase search draws or promotes"


HALF = [{"a": a, "b": b, "c": c} for a in (0, 1) for b in (0, 1) for c in (0, 1) if (a + b + c) % 2 == 0]


def in_blocks(claim: dict[str, Any]) -> ClaimPower:
    factors = {"corpus": factor(["x", "y", "z"]), **{name: factor([0, 1]) for name in "abc"}}
    blocks = {"blocks": ["corpus"], "levels": {"corpus": ["x", "y"]}}
    phases = [
        phase("half", {"list": HALF}, seeds=[0, 1], **blocks),
        phase("long", {"list": [{}, {"a": 1, "b": 1}]}, seeds=[1, 2], budget={"steps": 900}, **blocks),
    ]
    made = study(factors, *phases, claims=[{"id": "c", **claim}])
    (found,) = claim_power(make_plan(made), made)
    return found


def test_a_claim_on_a_pruned_phase_depends_on_what_the_pruner_lets_finish() -> None:
    pruned = phase("pruned", "grid", seeds=[0, 1, 2], pruner={"name": "asha", "reduction": 2})
    statement = {"phase": "pruned", "factor": "a", "from": 0, "to": 1, "where": {}}
    made = study(FACTORS, pruned, claims=[{"id": "c", "contrast": statement}])
    (found,) = claim_power(make_plan(made), made)
    assert (found.is_testable, found.pairs) == (True, None)
    assert found.reason == "depends on which trials of phase pruned its pruner lets finish"


def test_arms_that_name_no_block_are_paired_within_each() -> None:
    arms = {"from": {"phase": "half", "levels": {}}, "to": {"phase": "long", "levels": {"a": 1, "b": 1}}}
    assert in_blocks({"contrast": arms}).pairs == 2  # one seed in common, on two corpora


def test_a_fraction_written_as_a_list_is_tested_by_its_runs() -> None:
    contrast = {"phase": "half", "factor": "a", "from": 0, "to": 1, "where": {}}
    assert in_blocks({"contrast": contrast}).pairs == 8
    crossed = {"phase": "half", "factor": "a", "from": 0, "to": 1, "with": {"factor": "b", "from": 0, "to": 1}}
    assert in_blocks({"interaction": crossed}).pairs == 4


def test_an_interaction_of_arms_rests_on_the_fewer_pairs_of_its_two_differences() -> None:
    pair = {"from": {"phase": "half", "levels": {}}, "to": {"phase": "half", "levels": {"a": 1, "b": 1}}}
    cross = {"from": {"phase": "half", "levels": {}}, "to": {"phase": "long", "levels": {"a": 1, "b": 1}}}
    assert in_blocks({"interaction": {**pair, "with": pair}}).pairs == 4
    assert in_blocks({"interaction": {**pair, "with": cross}}).pairs == 2
