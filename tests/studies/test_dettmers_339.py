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
from trainer.config.cost import training_flops

FOLDER = Path(__file__).resolve().parents[2] / "studies"
FILES = ("dettmers-339", "dettmers-339-cpu")
# Runs and hours each; phases of a file that begin alike are parts of one. p2's sizes have one budget each, see EQUAL.
PHASES = {
    "p0": (8, 0.25), "p1": (36, 0.25), "p2": (54, 0.25), "p3": (90, 1), "p4": (24, 1), "p5": (12, 1), "p6": (32, 2),
    "p7": (26, 2), "p8": (12, 2), "p9": (9, 2), "p10": (36, 7),
}  # fmt: skip
# Phases whose steps take another time than BASE's, by how much in both files; their budgets make up for it.
EQUAL = {
    "p1-awd-lstm-ptb": (0.5, 1.0), "p2-few-layers": (0.475, 0.739), "p2-more-layers": (0.65, 1.522),
    "p2-narrow": (0.422, 0.454), "p2-small-batch": (0.502, 0.505), "p2-large-batch": (1.996, 1.989),
    "p2-short-segment": (0.435, 0.481), "p2-long-segment": (2.258, 2.175),
}  # fmt: skip
RECIPE = {
    "embedding_dropout": 0.2, "input_dropout": 0.6, "output_dropout": 0.5, "dropout": 0.2, "attention_dropout": 0.2,
    "weight_decay": 1.2e-6,
}  # fmt: skip
CLAIMS = [
    "c1a", "c1a-same", "c1b", "c1b-same", "c1c", "c1c-same", "c1d", "c2a", "c2a-same", "c2b", "c3a", "c3b", "c3c",
    "c3d", "c3e", "c3e-same", "c4", "c5a", "c5b", "c6", "c7a", "c7b", "c9a", "c9b", "c9c", "c10", "c11a", "c11b",
    "c11c", "c11d", "c12", "c12-same", "c13", "c14", "c15a", "c15b", "c16",
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
def test_budgets_are_in_the_proportions_1_to_4_to_8_to_28_by_time(name: str) -> None:
    short = phases(name, "p1")[0].trials[0].budget.amount
    for prefix, (_, hours) in PHASES.items():
        for phase in phases(name, prefix):
            (steps,) = {trial.budget.amount for trial in phase.trials}
            cost = EQUAL.get(phase.name, (1.0, 1.0))[FILES.index(name)]
            assert steps * cost == pytest.approx(hours / 0.25 * short, rel=0.02 if phase.name in EQUAL else 0.003)


@pytest.mark.parametrize("name", FILES)
def test_operations_are_what_equal_time_is_counted_by(name: str) -> None:
    base = phases(name, "p1")[0].trials[0]
    for phase in phases(name, "p2"):
        if phase.name in EQUAL:
            costs = [training_flops(trial.config or {}, 10_000) for trial in (phase.trials[0], base)]
            assert costs[0] / costs[1] == pytest.approx(EQUAL[phase.name][FILES.index(name)], rel=0.015)


@pytest.mark.parametrize(("name", "hours"), [("dettmers-339", 568.0), ("dettmers-339-cpu", 3.13)])
def test_the_whole_costs_568_device_hours_or_some_3_core_hours(name: str, hours: float) -> None:
    seconds = sum(each.seconds for each in trial_seconds(plan(name), study(name)).values())
    assert seconds / 3600 == pytest.approx(hours, rel=0.002)


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
    lengths = {claim.id: claim.at for claim in study("dettmers-339").claims}
    assert set(lengths.values()) == {"best_length", "same_length"}
    assert all(lengths[each.removesuffix("-same")] == "best_length" for each in lengths if each.endswith("-same"))


@each_file
def test_no_length_of_a_claim_at_best_lengths_has_a_single_seed(name: str) -> None:
    planned: dict[tuple[str, str], set[int]] = {}
    claimed: set[str] = set()
    for trial in plan(name).trials:
        if trial.configuration_hash and not trial.phase.startswith(("p6-", "p7-")):
            planned.setdefault((trial.configuration_hash, trial.budget.key.split("#")[0]), set()).add(trial.seed)
            claimed.add(trial.configuration_hash)
    assert min(len(seeds) for seeds in planned.values()) >= 3
    assert not claimed & {trial.configuration_hash for phase in phases(name, "p6") for trial in phase.trials}


@each_file
def test_single_regularizers_have_all_lengths_in_one_run_and_tests_are_at_every_look(name: str) -> None:
    for prefix in ("p3", "p4"):
        for trial in [trial for phase in phases(name, prefix) for trial in phase.trials]:
            optimizer = dict(trial.config or {})["optimizer"]
            assert (optimizer["schedule"], optimizer["average"]) == ("constant", 0.99)
    assert study(name).trial.config["evaluation"]["test"] == "each_look"


def test_the_published_constants_are_those_of_the_adaptive_softmax() -> None:
    for phase in ("p1-adaptive", "p10-adaptive"):
        found = next(each for each in plan("dettmers-339").phases if each.name == phase)
        for trial in found.trials:
            config: dict[str, Any] = dict(trial.config or {})
            assert config["model"]["adaptive_cutoffs"] == [20_000, 40_000, 200_000]
            assert config["data"]["corpus"] == "wikitext-2"


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
    assert len(lstm) == 2 * 5 + 3
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
