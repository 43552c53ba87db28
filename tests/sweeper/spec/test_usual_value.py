"""Which point of a curve is a trial's value where the study file does not say."""

import pytest

from sweeper.spec.json_form import from_json, to_json
from sweeper.spec.load import parse_study
from sweeper.spec.metric import BEST, LAST, CurveValue
from sweeper.spec.usual_value import with_value

PHASE = "{name: p, design: grid, budget: {steps: 10}}"
CLAIM = "{{id: c, text: C., metric: {metric}, contrast: {{phase: p, factor: a, from: 1, to: 2}}, expect: decrease}}"


def value_of(
    program: str = "{python: 'a:b'}", *, phase: str = PHASE, config: str = "{a: 1}", path: str = "a", claim: str = ""
) -> CurveValue:
    text = (
        f"study: s\nmetric: {{name: loss, direction: minimize}}\ntrial: {{program: {program}, config: {config}}}\n"
        f"factors: {{a: {{path: {path}, levels: [1, 2]}}}}\nphases: [{phase}]\nclaims: [{claim}]\n"
    )
    return parse_study(text).metric.value


def test_the_last_value_counts_where_every_trial_ends_at_its_budget() -> None:
    assert value_of() == LAST
    assert value_of("{command: [x, '{steps}', '{a}'], metrics: {loss: 'l (.)'}}") == LAST
    assert value_of("{command: [sh, -c, 'run $SWEEPER_BUDGET {a}'], metrics: {loss: 'l (.)'}}") == LAST


def test_the_best_value_counts_where_a_command_ends_by_itself() -> None:
    assert value_of("{command: [x, '{a}'], metrics: {loss: 'l (.)'}}") == BEST


@pytest.mark.parametrize("pruner", ["asha", "{name: median}"])
def test_the_best_value_counts_where_trials_are_pruned(pruner: str) -> None:
    assert value_of(phase=f"{{name: p, design: grid, budget: {{steps: 10}}, pruner: {pruner}}}") == BEST


@pytest.mark.parametrize(
    "changes",
    [
        {"config": "{a: 1, train: {patience: 3}}"},
        {"config": "{a: 1, early_stopping: true}"},
        {"path": "optim.patience"},
        {"phase": "{name: p, design: grid, budget: {steps: 10}, config: {early-stop: 5}}"},
        {"program": "{command: [x, '{steps}', '{a}', --patience, '5'], metrics: {loss: 'l (.)'}}"},
    ],
)
def test_the_best_value_counts_where_training_stops_early(changes: dict[str, str]) -> None:
    assert value_of(**changes) == BEST  # type: ignore[arg-type]  # one key of texts each


def test_the_best_value_counts_where_its_weights_are_tested() -> None:
    assert value_of("{command: [x, '{steps}', '{a}'], metrics: {loss: 'l (.)', test_loss: 't (.)'}}") == BEST
    assert value_of("{command: [x, '{steps}', '{a}'], metrics: {loss: 'l (.)', latest: 't (.)'}}") == LAST
    assert value_of(claim=CLAIM.format(metric="{name: test-accuracy, direction: maximize}")) == BEST


@pytest.mark.parametrize(("evaluation", "expected"), [("{}", BEST), ("{test: true}", BEST), ("{test: false}", LAST)])
def test_the_trainer_tests_its_best_weights_unless_it_is_told_not_to(evaluation: str, expected: CurveValue) -> None:
    text = f"""
study: s
metric: {{name: valid_perplexity, direction: minimize}}
trial: {{program: trainer, config: {{evaluation: {evaluation}}}}}
factors: {{a: {{path: regularization.dropout, levels: [0.0, 0.1]}}}}
phases: [{PHASE}]
"""
    assert parse_study(text).metric.value == expected


@pytest.mark.parametrize("value", ["best", "last", "{mean_of_last: 3}"])
def test_the_file_has_the_last_word_and_claims_follow_it(value: str) -> None:
    other = "{name: accuracy, direction: maximize}"
    text = (
        f"study: s\nmetric: {{name: loss, direction: minimize, value: {value}}}\n"
        f"trial: {{program: {{python: 'a:b'}}}}\nfactors: {{a: {{levels: [1, 2]}}}}\nphases: [{PHASE}]\n"
        f"claims: [{CLAIM.format(metric=other)}]\n"
    )
    study = parse_study(text)
    assert str(study.metric.value) == {"{mean_of_last: 3}": "mean of the last 3"}.get(value, value)
    assert study.claims[0].metric.value == study.metric.value
    assert with_value(study, CurveValue("mean_of_last", 9)) == study
    assert from_json(to_json(study)).metric == study.metric


def test_a_default_gives_way_to_what_a_study_was_launched_with() -> None:
    own = CLAIM.replace("id: c", "id: own").format(metric="{name: f1, direction: maximize, value: last}")
    study = parse_study(
        f"study: s\nmetric: {{name: loss, direction: minimize}}\ntrial: {{program: {{python: 'a:b'}}}}\n"
        f"factors: {{a: {{levels: [1, 2]}}}}\nphases: [{PHASE}]\n"
        f"claims: [{CLAIM.format(metric='{name: accuracy, direction: maximize}')}, {own}]\n"
    )
    changed = with_value(study, BEST)
    assert [changed.metric.value, *(claim.metric.value for claim in changed.claims)] == [BEST, BEST, LAST]


def test_a_running_mean_is_of_the_points_that_there_are() -> None:
    mean = CurveValue("mean_of_last", 3)
    assert [mean.so_far(values, "minimize") for values in ([4.0], [4.0, 2.0], [9.0, 4.0, 2.0, 3.0])] == [4.0, 3.0, 3.0]
    assert LAST.so_far([4.0, 5.0], "minimize") == 5.0
