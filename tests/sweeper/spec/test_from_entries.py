"""What the document fills in, and what stays as the file has it."""

import json
import subprocess
import sys
from typing import Any

import pytest

from sweeper.designs.levels import level_key, repeats_earlier
from sweeper.designs.paths import get_path
from sweeper.errors import MistakesError
from sweeper.spec.configurations import baseline_config
from sweeper.spec.json_form import to_json
from sweeper.spec.load import parse_study

TRAINER = """
study: s
metric: {name: valid_perplexity, direction: minimize}
trial: {program: trainer, config: {regularization: {dropout: 0.1}}}
"""
PYTHON = """
study: s
metric: {name: loss, direction: minimize}
trial: {program: {python: "a:b"}, config: {rate: 0.1, depth: 2, name: x}}
"""
LISTS = PYTHON.replace("name: x", "widths: [8, 16], rule: {kind: b, by: 2}")
PHASE = "phases: [{name: p, design: grid, budget: {steps: 10}}]\n"


def document(text: str) -> dict[str, Any]:
    return to_json(parse_study(text))


def factor(head: str, text: str, phases: str = PHASE) -> dict[str, Any]:
    found: dict[str, Any] = document(f"{head}factors:\n  f: {text}\n{phases}")["factors"]["f"]
    return found


@pytest.mark.parametrize(
    ("head", "text", "baseline"),
    [
        (PYTHON, "{path: rate, levels: [0.2, 0.3]}", 0.1),
        (PYTHON, "{path: rate, levels: [0.2, 0.3], baseline: 0.3}", 0.3),
        (PYTHON, "{path: rate, levels: [0.2, null], baseline: null}", None),
        (PYTHON, "{path: other, levels: [0.2, 0.3]}", 0.2),
        (PYTHON, "{path: depth, levels: [2.0, 4.0]}", 2.0),
        (LISTS, "{path: widths, levels: [[8], [8, 16.0]]}", [8, 16.0]),
        (LISTS, "{path: widths, levels: [[8], [16]]}", [8, 16]),
        (LISTS, "{path: rule, levels: [{kind: a}, {by: 2, kind: b}]}", {"by": 2, "kind": "b"}),
        (LISTS, "{path: other, levels: [[8], [8, 16]]}", [8]),
        (PYTHON, "{on: {a: 1}, off: {a: 0}}", "off"),
        (PYTHON, "{on: {a: 1}, off: {a: 0}, baseline: on}", "on"),
        (PYTHON, "{levels: {one: {a: 1}, two: {a: 2}}}", "one"),
        (PYTHON, "{levels: {one: {depth: 1, name: x}, two: {depth: 2, name: x}}}", "two"),
        (TRAINER, "{path: regularization.dropout, levels: [0.0, 0.2]}", 0.1),
        (TRAINER, "{path: model.layers, levels: [3, 4]}", 2),  # the trainer's own default
        (TRAINER, "{levels: {two: {model.layers: 2}, one: {model.layers: 1}}, baseline: one}", "one"),
    ],
)
def test_the_baseline_is_given_or_the_configs_or_the_first_level(head: str, text: str, baseline: object) -> None:
    found = factor(head, text)["baseline"]
    assert found == baseline
    assert type(found) is type(baseline)


def test_a_phase_changes_a_baseline_that_is_a_mapping_as_it_changes_the_config() -> None:
    study = parse_study(
        f"{LISTS}factors:\n  f: {{path: rule, levels: [{{kind: b, by: 2}}, {{kind: b, by: 4}}]}}\n"
        "phases: [{name: p, design: grid, config: {rule: {by: 4.0}}, budget: {steps: 10}}]\n"
    )
    phase = study.phase("p")
    assert phase.adapt(study.factors["f"]).baseline == get_path(baseline_config(study, phase), "rule")
    assert level_key(phase.adapt(study.factors["f"]).baseline) == '{"by": 4, "kind": "b"}'


def test_a_range_that_no_config_mentions_has_no_baseline() -> None:
    phases = "phases: [{name: p, design: {sampler: random, trials: 2}, budget: {steps: 10}}]\n"
    assert factor(PYTHON, "{path: other, low: 1, high: 3}", phases)["baseline"] is None


@pytest.mark.parametrize("value", ["auto", "true", "[1]"])
def test_a_range_has_no_baseline_where_the_config_has_no_number(value: str) -> None:
    phases = "phases: [{name: p, design: {sampler: random, trials: 2}, budget: {steps: 10}}]\n"
    text = PYTHON.replace("config: {", f"config: {{other: {value}, ")
    assert "other" in text
    assert factor(text, "{path: other, low: 1, high: 3}", phases)["baseline"] is None


def test_a_range_of_whole_numbers_where_the_config_has_a_fraction_is_one_of_fractions() -> None:
    phases = "phases: [{name: p, design: {sampler: random, trials: 2}, budget: {steps: 10}}]\n"
    found = factor(PYTHON, "{path: rate, low: 0, high: 1}", phases)
    assert (type(found["low"]), type(found["high"])) == (float, float)
    found = factor(PYTHON, "{path: depth, low: 0, high: 1}", phases)
    assert (type(found["low"]), type(found["high"])) == (int, int)


def test_levels_of_claims_and_rows_are_written_as_the_factor_has_them() -> None:
    text = f"""{PYTHON}
factors: {{rate: {{path: rate, levels: [0.0, 1.0]}}}}
phases:
  - {{name: p, design: {{list: [{{rate: 0}}, {{rate: 1}}]}}, budget: {{steps: 10}}}}
claims:
  - {{id: c, text: C., contrast: {{phase: p, factor: rate, from: 0, to: 1}}, expect: decrease}}
"""
    found = document(text)
    assert json.dumps(found["phases"][0]["design"]) == '{"list": [{"rate": 0.0}, {"rate": 1.0}]}'
    assert json.dumps(found["claims"][0]["contrast"]["from"]) == "0.0"


def test_a_metric_with_perplexity_in_its_name_is_on_a_logarithmic_scale() -> None:
    assert document(f"{TRAINER}factors: {{f: {{path: model.layers, levels: [2, 3]}}}}\n{PHASE}")["metric"] == {
        "name": "valid_perplexity",
        "direction": "minimize",
        "scale": "log",
    }
    assert document(f"{PYTHON}factors: {{f: {{path: f, levels: [2, 3]}}}}\n{PHASE}")["metric"]["scale"] == "linear"


def test_what_a_trainer_takes_only_with_another_kind_is_judged_in_the_phases() -> None:
    head = "study: s\nmetric: {name: valid_loss, direction: minimize}\ntrial: {program: trainer}\n"
    factors = """factors:
  heads: {path: model.heads, levels: [4, 5]}
  width: {path: model.d_model, levels: [64, 80]}
"""
    rows = "phases: [{name: p, design: {list: [{heads: 5, width: 80}, {}]}, budget: {steps: 10}}]\n"
    assert len(document(head + factors + rows)["phases"]) == 1
    with pytest.raises(MistakesError, match="the trainer refuses heads = 5: model: d_model = 64 is not divisible"):
        parse_study(head + factors + PHASE)


def test_reading_study_files_loads_nothing_heavy() -> None:
    text = f"{TRAINER}factors: {{f: {{path: model.layers, levels: [2, 3]}}}}\n{PHASE}"
    heavy = ("torch", "optuna", "pandas", "numpy", "scipy", "sqlalchemy")
    program = f"""
import sys
from sweeper.spec.load import parse_study
parse_study({text!r})
print([name for name in {heavy!r} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_level_is_kept_once_by_its_value_and_its_kind() -> None:
    assert list(repeats_earlier([1, 1.0, True, "1", None, None, [1], {"a": 1}, [1.0], False, 0])) == [
        False, True, False, False, False, True, False, False, True, False, False,
    ]  # fmt: skip


def test_a_level_beyond_thousands_that_stands_twice_is_named_by_its_place() -> None:
    levels = [*range(5_000), 17]
    with pytest.raises(MistakesError, match=r"levels\[5000\]: 17 is a duplicate level"):
        factor(PYTHON, f"{{path: depth, levels: {levels}}}")
