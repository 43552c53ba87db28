import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sweeper.designs.factor import Range
from sweeper.errors import UsageError
from sweeper.planning.plan import Plan, TrialBudget, further_seed, make_plan, trial_budget
from sweeper.spec.configurations import varied_factors
from sweeper.spec.json_form import from_json, to_json
from sweeper.spec.load import parse_study
from sweeper.spec.study import Study
from tests.sweeper.designs.factors import several
from tests.sweeper.documents import factor, on_off, phase, study

DESIGNS = st.sampled_from(["grid", "one_at_a_time", "leave_one_out", "ladder", "sampler"])


def design_named(kind: str, order: list[str]) -> object:
    if kind == "ladder":
        return {"ladder": order}
    return {"sampler": "tpe", "trials": 5} if kind == "sampler" else kind


@st.composite
def studies(draw: st.DrawFn) -> Study:
    factors = draw(several(most=3))
    seeds = st.lists(st.integers(0, 5), min_size=1, max_size=3, unique=True)
    phases = [
        phase(
            f"p{place}",
            design_named(kind := draw(DESIGNS), order := draw(st.permutations(list(factors)))),
            factors=draw(st.none() | st.just(order)),
            seeds=draw(seeds),
            budget={"steps": draw(st.sampled_from([100, 200]))},
            repeats=1 if kind == "sampler" else draw(st.integers(1, 2)),
        )
        for place in range(draw(st.integers(1, 3)))
    ]
    return study(factors, *phases)


def identity(plan: Plan) -> list[tuple[Any, ...]]:
    return [(t.phase, t.number, t.configuration_hash, t.seed, t.budget.key) for t in plan.trials]


@settings(max_examples=60)
@given(studies())
def test_each_configuration_seed_and_budget_is_one_trial_of_the_first_phase_that_wants_it(made: Study) -> None:
    plan = make_plan(made)
    drawn = [trial for trial in plan.trials if trial.configuration_hash is not None]
    assert len({(t.configuration_hash, t.seed, t.budget.key) for t in drawn}) == len(drawn)
    for place, planned in enumerate(plan.phases):
        assert [trial.number for trial in planned.trials] == list(range(len(planned.trials)))
        assert len(set(planned.members)) == len(planned.members)
        assert [trial for trial in plan.wanted(planned) if trial.phase == planned.name] == list(planned.trials)
        earlier = {phase.name for phase in plan.phases[: place + 1]}
        assert {name for name, _ in planned.members} <= earlier


@settings(max_examples=60)
@given(studies())
def test_seeds_are_paired_and_the_first_seed_of_all_configurations_comes_first(made: Study) -> None:
    plan = make_plan(made)
    for planned in plan.phases:
        if planned.kind == "sampler":
            continue
        trials = plan.wanted(planned)
        by_seed: dict[tuple[int, str], list[str | None]] = {}
        for trial in trials:
            by_seed.setdefault((trial.seed, trial.budget.key), []).append(trial.configuration_hash)
        assert len({tuple(hashes) for hashes in by_seed.values()}) == 1  # the same, in the same order
        size = len(trials) // len(by_seed)
        order = [trial.seed for trial in trials[::size]]
        assert order == list(planned.phase.seeds) * planned.phase.repeats


@settings(max_examples=40)
@given(studies(), st.randoms(use_true_random=False))
def test_a_plan_is_the_same_whatever_the_order_of_keys_that_carry_none(made: Study, random: Any) -> None:
    def shuffled(value: Any, *, ordered: bool = False) -> Any:
        if isinstance(value, list):
            return [shuffled(each) for each in value]
        if not isinstance(value, dict):
            return value
        keys = list(value)
        if not ordered:
            random.shuffle(keys)
        return {key: shuffled(value[key], ordered=key == "factors") for key in keys}  # factors have an order

    assert identity(make_plan(from_json(shuffled(to_json(made))))) == identity(make_plan(made))
    assert identity(make_plan(from_json(json.loads(json.dumps(to_json(made)))))) == identity(make_plan(made))


def test_every_trial_has_a_level_of_every_factor_so_that_phases_can_share() -> None:
    factors = {"a": factor([0, 1]), "b": factor([0, 1])}
    one, two = phase("one", "grid", factors=["a"]), phase("two", "grid", factors=["b"])
    plan = make_plan(study(factors, one, two))
    assert [dict(trial.configuration or {}) for trial in plan.trials] == [
        {"a": 0, "b": 0},
        {"a": 1, "b": 0},
        {"a": 0, "b": 1},
    ]
    assert plan.phases[1].members == (("one", 0), ("two", 0))


def test_another_budget_or_config_makes_another_trial() -> None:
    factors = {"a": factor([0, 1])}
    longer = phase("longer", "grid", budget={"steps": 200})
    deeper = phase("deeper", "grid", config={"depth": 2})
    assert len(make_plan(study(factors, phase("p", "grid"), longer, deeper)).trials) == 6


def test_repeats_are_told_apart_by_the_budgets_key_alone() -> None:
    plan = make_plan(study({}, phase("noise", {"list": [{}]}, seeds=[3], repeats=4)))
    assert [trial.budget.key for trial in plan.trials] == ['{"steps":100}' + end for end in ("", "#1", "#2", "#3")]
    assert [trial.budget.as_dict() for trial in plan.trials] == [{"steps": 100}] * 4


def test_a_conditional_factor_stays_at_its_baseline_elsewhere_and_no_configuration_doubles() -> None:
    factors = {"kind": factor(["adam", "adamw"]), "decay": factor([0.0, 0.1, 0.2], when={"kind": ["adamw"]})}
    plan = make_plan(study(factors, phase("p", "grid")))
    assert [tuple((trial.configuration or {}).values()) for trial in plan.trials] == [
        ("adam", 0.0),
        ("adamw", 0.0),
        ("adamw", 0.1),
        ("adamw", 0.2),
    ]


def test_exclusions_take_configurations_out() -> None:
    factors = {"a": factor([0, 1, 2]), "b": factor([0, 1])}
    plan = make_plan(study(factors, phase("p", "grid", exclude=[{"a": 2, "b": 1}, {"a": 1.0}])))
    assert [tuple((trial.configuration or {}).values()) for trial in plan.trials] == [(0, 0), (0, 1), (2, 0)]
    with pytest.raises(UsageError, match=r"phases\.p\.exclude: leaves no configuration"):
        make_plan(study(factors, phase("p", "grid", exclude=[{"b": 0}, {"b": 1}])))


def test_groups_of_the_same_values_are_one_configuration() -> None:
    factors = {"tricks": on_off({"x": 1, "y": 2}, {"x": 0, "y": 0}), "x2": factor([5, 6], path="z")}
    plan = make_plan(study(factors, phase("p", "leave_one_out")))
    assert [trial.config for trial in plan.trials] == [
        {"x": 1, "y": 2, "z": 6},
        {"x": 0, "y": 0, "z": 6},
        {"x": 1, "y": 2, "z": 5},
    ]


def test_a_phases_own_config_is_its_baseline() -> None:
    factors = {"depth": factor([2, 4], path="depth")}
    plan = make_plan(study(factors, phase("p", "one_at_a_time", config={"depth": 8})))
    assert [(trial.configuration or {})["depth"] for trial in plan.trials] == [8, 2, 4]


def test_samplers_and_promotions_plan_trials_whose_configurations_come_later() -> None:
    search = phase("search", {"sampler": "tpe", "trials": 5}, seeds=[7, 8])
    long = phase("long", {"promote": "search", "top": 2, "from": "scratch"}, seeds=[0, 1, 2])
    plan = make_plan(study({"a": factor(low=0, high=1)}, search, long))
    assert [trial.seed for trial in plan.phases[0].trials] == [7, 8, 7, 8, 7]
    assert [trial.seed for trial in plan.phases[1].trials] == [0, 0, 1, 1, 2, 2]
    assert {trial.configuration for trial in plan.trials} == {None}


def test_reference_hours_become_steps_and_share_with_phases_that_name_the_steps() -> None:
    hours, steps = phase("hours", "grid", budget={"reference_hours": 0.25}), phase("p", "grid", budget={"steps": 4464})
    plan = make_plan(study({}, hours, steps, calibration={"steps_per_hour": 17857.0}))
    assert [trial.budget.as_dict() for trial in plan.trials] == [{"steps": 4464}]
    assert plan.trials[0].budget.reference_hours == 0.25
    plain = study({}, hours)
    with pytest.raises(UsageError, match=r"needs trial\.calibration"):
        trial_budget(plain, plain.phases[0])


def test_budgets_that_say_the_same_are_the_same() -> None:
    assert TrialBudget("steps", 5, reference_hours=1.0) == TrialBudget("steps", 5)
    assert TrialBudget("steps", 5).key != TrialBudget("tokens", 5).key


def test_all_phases_that_cannot_be_planned_are_named_at_once() -> None:
    factors = {"a": factor([0, 1, 2]), "lr": factor(low=0.1, high=1.0)}
    with pytest.raises(UsageError, match=r"(?s)phases\.one\.design: .*3 levels.*\nphases\.two\.design: factor 'lr'"):
        make_plan(study(factors, phase("one", "plackett_burman"), phase("ok", {"list": [{}]}), phase("two", "grid")))


def test_combinations_that_the_trainer_refuses_are_named_with_their_levels() -> None:
    factors = {"width": factor([64, 60], path="model.d_model"), "heads": factor([4, 8], path="model.heads")}
    with pytest.raises(UsageError, match=r"phases\.p: the trainer refuses width=60, heads=8: .*not divisible"):
        make_plan(study(factors, phase("p", "grid"), program="trainer"))
    allowed = phase("p", "grid", exclude=[{"width": 60, "heads": 8}])
    assert len(make_plan(study(factors, allowed, program="trainer")).trials) == 3


def test_ten_thousand_trials_are_planned_with_one_config_a_configuration() -> None:
    factors = {name: factor(list(range(10))) for name in "abc"}
    plan = make_plan(study(factors, phase("p", "grid", seeds=list(range(10)))))
    assert len(plan.trials) == 10_000
    assert len({id(trial.config) for trial in plan.trials}) == 1000
    assert set(Counter(trial.configuration_hash for trial in plan.trials).values()) == {10}


def test_a_phase_varies_the_factors_that_it_names_in_its_order() -> None:
    factors = {"a": factor([0, 1]), "b": factor([0, 1]), "c": factor([0, 1])}
    made = study(factors, phase("p", "grid", factors=["c", "a"]), phase("q", "grid"))
    assert [list(varied_factors(made, each)) for each in made.phases] == [["c", "a"], ["a", "b", "c"]]


CORPUS = factor(["a", "b", "c"], groups={name: {"data": name} for name in "abc"})
OTHER = {"x": factor([0, 1]), "y": factor([0, 1])}


def test_a_design_is_repeated_whole_at_each_level_of_its_blocks() -> None:
    whole = phase("p", "one_at_a_time", factors=["x", "y"], blocks=["corpus"], levels={"corpus": ["b", "c"]})
    planned = make_plan(study({"corpus": CORPUS, **OTHER}, whole)).phases[0]
    assert [trial.configuration for trial in planned.trials] == [
        {"corpus": corpus, **row}
        for corpus in ("b", "c")
        for row in ({"x": 0, "y": 0}, {"x": 1, "y": 0}, {"x": 0, "y": 1})
    ]


def test_a_block_stays_balanced_in_a_fraction() -> None:
    half = phase("p", {"fractional": {"resolution": 3, "generators": "a b ab"}}, blocks=["corpus"])
    planned = make_plan(study({"corpus": CORPUS, **OTHER, "z": factor([0, 1])}, half)).phases[0]
    assert Counter((trial.configuration or {})["corpus"] for trial in planned.trials) == {"a": 4, "b": 4, "c": 4}


def test_a_factor_that_is_no_block_of_a_phase_is_varied_by_it_as_ever() -> None:
    made = study({"corpus": CORPUS, **OTHER}, phase("p", "grid", blocks=["x"], levels={"y": [5, 6, 7]}))
    assert list(varied_factors(made, made.phases[0])) == ["corpus", "y"]
    assert len(make_plan(made).trials) == 2 * 3 * 3


def test_a_range_of_a_phase_alone_is_what_its_sampler_draws_from() -> None:
    search = phase(
        "p", {"sampler": "tpe", "trials": 3}, levels={"x": {"low": 0.1, "high": 0.4, "log": False, "step": None}}
    )
    made = study(OTHER, search)
    varied = varied_factors(made, made.phases[0])["x"]
    assert (varied.levels, varied.range, varied.baseline) == (None, Range(low=0.1, high=0.4), 0)


def test_levels_of_a_phase_give_a_range_no_baseline() -> None:
    study = parse_study(
        """
study: ranges
metric: {name: y, direction: minimize}
trial: {program: {python: "prog:train"}, config: {}}
factors: {lr: {low: 0.001, high: 0.1, log: true}, depth: {levels: [2, 4]}}
phases:
  - {name: search, design: {sampler: random, trials: 3}, budget: {steps: 5}}
  - name: chosen
    design: {list: [{depth: 2}, {depth: 4, lr: 0.01}]}
    levels: {lr: [0.001, 0.01]}
    budget: {steps: 5}
"""
    )
    chosen = make_plan(study).phases[1].trials
    assert [trial.config for trial in chosen] == [{"depth": 2}, {"lr": 0.01, "depth": 4}]
    assert chosen[0].configuration == {"depth": 2}


ADAPTIVE = """
study: adaptive
metric: {name: loss, direction: minimize}
trial: {program: {python: "my.module:function"}, config: {a: 0, b: 0}}
factors: {a: {levels: [0, 1]}, b: {levels: [0, 1]}}
phases:
  - {name: p, design: one_at_a_time, seeds: {first: 2, most: 12}, budget: {steps: 10}}
claims:
  - {id: a, text: a helps, contrast: {phase: p, factor: a, from: 0, to: 1}, expect: decrease}
"""


def test_of_seeds_until_decided_the_first_are_planned_and_any_other_can_be_had() -> None:
    adaptive = parse_study(ADAPTIVE)
    plan = make_plan(adaptive)
    (own,) = adaptive.phases
    fixed = make_plan(parse_study(ADAPTIVE.replace("{first: 2, most: 12}", "4")))
    assert plan.trials == fixed.trials[:6]
    third = further_seed(adaptive, own, 2, plan, number=6)
    assert third == fixed.trials[6:9]
    assert further_seed(adaptive, own, 3, plan, number=9) == fixed.trials[9:]
    assert further_seed(adaptive, own, 1, plan, number=6) == ()
    only = further_seed(adaptive, own, 2, plan, number=6, only={third[1].configuration_hash or ""})
    assert [(each.number, each.seed, each.configuration) for each in only] == [(6, 2, third[1].configuration)]
