"""Studies that `sweeper plan` refuses, or warns of, before anything runs."""

from collections.abc import Callable

import pytest

from tests.cases.conftest import Sweeper

PRINT = """study: case
metric: {name: loss, direction: minimize}
trial: {program: {command: ["{python}", -c, "print('loss=%r' % {v})"], metrics: {loss: 'loss=(\\S+)'}}, config: CONFIG}
factors: FACTORS
phases: [{name: p, design: DESIGN, seeds: 1, budget: {steps: 1}}]
"""
SCRIPT = """study: case
metric: {name: loss, direction: minimize}
trial:
  program: {command: ["{python}", NAME, "{lr}"], metrics: METRICS}
  config: {lr: 1}
factors: {lr: {path: lr, levels: [1, 2]}}
phases: [{name: p, design: grid, seeds: SEEDS, budget: {steps: 5}MORE}]
"""
FUNCTION = """study: case
metric: {name: valid_loss, direction: minimize}
trial: {program: {python: "fn:train"}, config: {a: 0, dataset: x}}
factors: {a: {path: a, levels: [0, 1]}, dataset: {path: dataset, levels: [x, y]}}
phases: [{name: p, design: one_at_a_time, factors: [a], blocks: [dataset], seeds: 3, budget: {steps: 4}}]
claims: [{id: c, text: As stated., CLAIM}]
"""
TRAIN = "def train(config, seed, budget, report):\n    report({'step': 4, 'valid_loss': 0.5 + 0.1 * seed})\n"


def printing(factors: str, config: str = "{v: 1}", design: str = "{sampler: random, trials: 3}") -> str:
    return PRINT.replace("FACTORS", factors).replace("CONFIG", config).replace("DESIGN", design)


def scripted(name: str = "t.py", metrics: str = r"{loss: 'loss (\S+)'}", seeds: str = "1", more: str = "") -> str:
    return SCRIPT.replace("NAME", name).replace("METRICS", metrics).replace("SEEDS", seeds).replace("MORE", more)


REFUSED = {
    "values are levels": (printing("{v: {path: v, values: [1, 2]}}", design="grid"), ["Did you mean 'levels'?"]),
    "min and max are low and high": (
        printing("{v: {path: v, min: 1, max: 2}}"), ["Did you mean 'low'?", "Did you mean 'high'?"]
    ),
    "choices are levels": (printing("{v: {path: v, choices: [1, 2]}}", design="grid"), ["Did you mean 'levels'?"]),
    "minimum and maximum are low and high": (
        printing("{v: {path: v, minimum: 1, maximum: 2}}"), ["Did you mean 'low'?", "Did you mean 'high'?"]
    ),
    "a goal is a direction": (
        printing("{v: {path: v, levels: [1, 2]}}", design="grid").replace("direction: minimize", "goal: min"),
        ["Did you mean 'direction'?"],
    ),
    "a step that leaves out the highest value": (
        printing("{v: {path: v, low: 0.1, high: 1.0, step: 0.4}}", "{v: 0.1}"), ["highest value drawn would be 0.9"]
    ),
    "a whole step that leaves out the highest value": (
        printing("{v: {path: v, low: 0, high: 10, step: 4}}", "{v: 0}"), ["highest value drawn would be 8"]
    ),
    "a key with a dot": (
        printing("{v: {path: optim.lr, levels: [0.1, 0.2]}}", '{"optim.lr": 0.1, v: 1}', "grid"),
        ["'optim.lr' does not reach the key 'optim.lr'", "optim: {lr: …}"],
    ),
    "a pattern without a group": (scripted(metrics="{loss: 'loss [0-9]+'}"), ["has no group", "Put parentheses"]),
    "a metric of which no direction is known": (
        FUNCTION.replace("CLAIM", "metric: accuracy, contrast: {phase: p, factor: a, from: 0, to: 1}, "
                                  "expect: no_worse, within: 0.1"),
        ["'accuracy' has no direction", "metric: {name: accuracy, direction: maximize}"],
    ),
    "a constant over two datasets": (
        FUNCTION.replace("CLAIM", "constant: {phase: p, value: 100}, expect: equal, within: 1%"),
        ["covers the blocks dataset = x, y", "levels: {dataset: x}"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_plan_refuses(case: str, sweeper: Sweeper, written: Callable[..., None]) -> None:
    study, messages = REFUSED[case]
    written(study, fn=TRAIN, t="print('loss 4')")
    answer = sweeper("plan", "study.yaml")
    assert answer.code == 2
    for message in messages:
        assert message in answer.err


WARNED = {
    "a script that is not there": (scripted("trian.py"), ["'trian.py' is not in", "Did you mean 'train.py'?"]),
    "seeds that nothing carries": (
        scripted(seeds="3"), ["3 seeds, but the command has neither {seed} nor {config}", "$SWEEPER_SEED"]
    ),
    "a factor that nothing carries": (
        scripted().replace("levels: [1, 2]}}", "levels: [1, 2]}, wd: {path: wd, levels: [0, 1]}}")
        .replace("{lr: 1}", "{lr: 1, wd: 0}"),
        ["wd is in no argument of the command", '--wd "{wd}"'],
    ),
    "a pruner without steps": (
        scripted(more=", pruner: {name: asha, min_resource: 0.1}"), ["asha prunes at shares of 5 steps", "no step"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", WARNED)
def test_plan_warns(case: str, sweeper: Sweeper, written: Callable[..., None]) -> None:
    study, messages = WARNED[case]
    written(study, t="print('loss 4')", train="print('loss 4')")
    answer = sweeper("plan", "study.yaml")
    assert answer.code == 0
    for message in messages:
        assert message in answer.err + answer.out


def test_a_launch_begins_with_the_warnings_of_its_plan(sweeper: Sweeper, written: Callable[..., None]) -> None:
    study, messages = WARNED["a pruner without steps"]
    written(study, t="print('loss 4')")
    assert f"case: warning: study.yaml:7:72: phases[0].pruner: {messages[0]}" in sweeper("launch", "study.yaml").err
    assert "warning" not in sweeper("launch", "study.yaml").err


@pytest.mark.parametrize(
    ("budget", "shown"),
    [
        ("{steps: 1}", "1 step"),
        ("{epochs: 20}", "20 epochs"),
        ("{epochs: 0.5}", "0.5 epochs"),
        (None, "its own length"),
    ],
)
def test_plan_words_budgets(budget: str | None, shown: str, sweeper: Sweeper, written: Callable[..., None]) -> None:
    study = printing("{v: {path: v, levels: [1, 2]}}", design="grid")
    written(study.replace(", budget: {steps: 1}", "" if budget is None else f", budget: {budget}"))
    answer = sweeper("plan", "study.yaml")
    assert answer.code == 0
    assert f"  {shown}  " in answer.out
