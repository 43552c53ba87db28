"""Both files of the 339 experiments plan what they say: phases, counts, hours, shared runs, testable claims."""

import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from sweeper.forecast.claim_power import claim_power
from sweeper.forecast.trial_seconds import trial_seconds
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, make_plan
from sweeper.spec.load import load_study
from sweeper.spec.study import Study

FOLDER = Path(__file__).resolve().parents[2] / "studies"
FILES = ("dettmers-339", "dettmers-339-cpu")
# Runs and hours each; phases of a file that begin alike are parts of one.
PHASES = {
    "p0": (8, 0.25), "p1": (30, 0.25), "p2": (66, 0.25), "p3": (78, 1), "p4": (24, 1), "p5": (6, 1), "p6": (32, 2),
    "p7": (38, 2), "p8": (12, 2), "p9": (9, 2), "p10": (36, 7),
}  # fmt: skip
RECIPE = {
    "embedding_dropout": 0.2, "input_dropout": 0.6, "output_dropout": 0.5, "dropout": 0.2, "attention_dropout": 0.2,
    "weight_decay": 1.2e-6,
}  # fmt: skip
CLAIMS = [
    "c1a", "c1b", "c2a", "c2b", "c3a", "c3b", "c3c", "c3d", "c4", "c5a", "c5b", "c6", "c7a", "c7b", "c9a", "c9b",
    "c10", "c11a", "c11b", "c11c", "c11d", "c12", "c13", "c14", "c16",
]  # fmt: skip

each_file = pytest.mark.parametrize("name", FILES)


@cache
def study(name: str) -> Study:
    return load_study(FOLDER / f"{name}.yaml")


@cache
def plan(name: str) -> Plan:
    return make_plan(study(name))


def data_of(trial: PlannedTrial) -> dict[str, Any]:
    """The data section of a trial's config."""
    config: dict[str, Any] = dict(trial.config or {})
    data: dict[str, Any] = config["data"]
    return data


def phases(name: str, prefix: str) -> list[PlannedPhase]:
    return [phase for phase in plan(name).phases if phase.name.split("-")[0] == prefix]


@each_file
def test_there_are_339_trials_shared_out_as_the_table_has_it(name: str) -> None:
    assert len(plan(name).trials) == 339
    found = {prefix: sum(len(phase.trials) for phase in phases(name, prefix)) for prefix in PHASES}
    assert found == {prefix: count for prefix, (count, _) in PHASES.items()}
    assert len(plan(name).phases) == sum(len(phases(name, prefix)) for prefix in PHASES)


@each_file
def test_budgets_are_in_the_proportions_1_to_4_to_8_to_28(name: str) -> None:
    short = phases(name, "p1")[0].trials[0].budget.amount
    for prefix, (_, hours) in PHASES.items():
        for phase in phases(name, prefix):
            (steps,) = {trial.budget.amount for trial in phase.trials}
            assert steps == pytest.approx(hours / 0.25 * short, rel=0.003)


@pytest.mark.parametrize(("name", "hours"), [("dettmers-339", 568.0), ("dettmers-339-cpu", 568 * 25 / 3600)])
def test_the_whole_costs_568_device_hours_or_25_core_seconds_for_each(name: str, hours: float) -> None:
    seconds = sum(each.seconds for each in trial_seconds(plan(name), study(name)).values())
    assert seconds / 3600 == pytest.approx(hours, rel=0.01)


def test_the_longest_budget_is_the_recipes_125000_steps() -> None:
    assert phases("dettmers-339", "p10")[0].trials[0].budget.as_dict() == {"steps": 125_000}


@each_file
def test_every_claim_can_be_tested(name: str) -> None:
    found = claim_power(plan(name), study(name))
    assert [(each.claim, each.reason) for each in found if not each.is_testable or each.pairs is None] == []
    assert min(each.pairs or 0 for each in found) >= 3


def test_the_claims_are_those_of_the_table_and_the_replica_leaves_out_published_figures() -> None:
    ids = {name: [claim.id for claim in study(name).claims] for name in FILES}
    assert ids["dettmers-339"] == CLAIMS
    assert ids["dettmers-339-cpu"] == [each for each in CLAIMS if not each.startswith("c9")]
    assert {claim.metric.name for name in FILES for claim in study(name).claims} == {"test_perplexity"}


@each_file
def test_phases_designs_seeds_and_factors_are_the_same_in_both_files(name: str) -> None:
    def shape(phase: PlannedPhase) -> tuple[object, ...]:
        spec = phase.phase
        return (
            spec.name.replace("-replica", ""),
            phase.kind,
            spec.factors,
            spec.seeds,
            spec.repeats,
            len(phase.members),
        )

    assert [shape(phase) for phase in plan(name).phases] == [shape(phase) for phase in plan(FILES[0]).phases]
    assert list(study(name).factors) == list(study(FILES[0]).factors)


@each_file
def test_the_half_fraction_is_balanced_and_of_resolution_five(name: str) -> None:
    (half,) = phases(name, "p6")
    names = ["embedding_dropout", "input_dropout", "output_dropout", "dropout", "weight_decay"]
    rows = {tuple(bool((trial.configuration or {})[each]) for each in names) for trial in half.trials}
    assert len(rows) == 16
    assert all(sum(row) % 2 == 0 for row in rows)  # I = -ABCDE
    assert all(
        bool((trial.configuration or {})["dropout"]) == bool((trial.configuration or {})["attention_dropout"])
        for trial in half.trials
    )


@each_file
def test_exact_repeats_follow_the_anchors_own_run(name: str) -> None:
    (repeats,) = phases(name, "p0")
    found = Counter(trial.configuration_hash for trial in plan(name).wanted(repeats))
    assert sorted(found.values()) == [5, 5]
    assert {place for place, _ in repeats.members} == {"p0-repeats", "p1-anchors"}


@each_file
def test_leaving_one_out_starts_from_the_full_configuration(name: str) -> None:
    leave = next(phase for phase in plan(name).phases if phase.name == "p10-leave-one-out")
    full, *others = [trial.configuration or {} for trial in leave.trials if trial.seed == 0]
    assert [sum(full[each] != other[each] for each in full) for other in others] == [1] * 6
    if name == "dettmers-339":
        assert {each: full[each] for each in RECIPE} == RECIPE


@each_file
def test_each_search_is_on_its_own_corpus(name: str) -> None:
    searched = phases(name, "p7")
    corpora = [phase.phase.adapt(study(name).factors["corpus"]).baseline for phase in searched]
    assert corpora == [phase.name.removeprefix("p7-search-") for phase in searched]


@each_file
def test_awd_lstm_has_what_is_its_own_and_everything_else_starts_at_base(name: str) -> None:
    lstm: list[dict[str, Any]] = []
    for trial in plan(name).trials:
        config: dict[str, Any] = dict(trial.config or {})
        if config and config["model"]["kind"] == "awd_lstm":
            lstm.append(config)
    assert len(lstm) == 2 * 5 + 2 * 3
    assert all(config["optimizer"]["kind"] == "nt_asgd" and config["data"]["random_target_length"] for config in lstm)
    base = study(name).trial.config
    assert set(base["regularization"].values()) == {0.0}
    assert base["optimizer"]["weight_decay"] == 0.0


def test_the_replica_never_names_a_published_figure() -> None:
    text = (FOLDER / "dettmers-339-cpu.yaml").read_text(encoding="utf-8")
    assert not re.search(r"63\.358|published:", text)
    assert "corpus: wikitext-2}" not in text


def test_growing_shares_have_one_vocabulary_and_all_claims_can_be_tested() -> None:
    name = "ptb-growing"
    shares = Counter(data_of(trial)["max_train_tokens"] for trial in plan(name).trials)
    assert shares == {100_000: 18, 300_000: 18, 900_000: 18}
    assert {data_of(trial)["vocabulary_tokens"] for trial in plan(name).trials} == {100_000}
    assert all(each.is_testable for each in claim_power(plan(name), study(name)))
