"""Studies that are run to their verdict: what the table of trials, `show` and `claims` say of them."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cases.conftest import Sweeper

CONTRAST = "contrast: {phase: p, factor: a, from: 0, to: 1}"
FUNCTION = """study: case
metric: METRIC
trial: {program: {python: "fn:train"}, config: {a: 0}}
retry: {crashed: 0}
factors: {a: {path: a, levels: [0, 1]}}
phases: [{name: p, design: grid, seeds: 3, budget: {steps: 4}}]
claims: [{id: c, text: As stated., CLAIM}]
"""
COMMAND = """study: case
metric: {name: loss, direction: minimize}
trial:
  program: {command: ["{python}", -c, "CODE"], metrics: METRICS}
  config: {v: 1}
retry: {crashed: 0}
factors: {v: {path: v, levels: LEVELS}}
phases: [{name: p, design: grid, seeds: 1, budget: {steps: 3}}]
"""


def claimed(claim: str, metric: str = "{name: loss, direction: minimize}") -> str:
    return FUNCTION.replace("METRIC", metric).replace("CLAIM", claim)


def command(code: str, metrics: str, levels: str = "[1, 2]") -> str:
    return COMMAND.replace("CODE", code).replace("METRICS", metrics).replace("LEVELS", levels)


def launched(sweeper: Sweeper, *options: str, code: int = 0) -> str:
    answer = sweeper("launch", "study.yaml", "--slots", "1", *options)
    assert answer.code == code, answer.err
    return answer.out + answer.err


def table(sweeper: Sweeper) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(sweeper("export", "case", "--table", "trials", "--format", "json").out)
    return sorted(found, key=lambda row: row["number"])


def verdict(sweeper: Sweeper) -> tuple[int, dict[str, Any]]:
    answer = sweeper("claims", "case", "--json")
    (found,) = json.loads(answer.out)["claims"]
    return answer.code, found


def test_a_run_that_diverged_counts_as_the_worst(sweeper: Sweeper, written: Callable[..., None]) -> None:
    written(
        claimed(f"{CONTRAST}, expect: decrease"),
        fn="def train(config, seed, budget, report):\n"
        "    bad = config['a'] == 1 and seed == 1\n"
        "    report({'step': 4, 'loss': float('nan') if bad else 3.0 - 0.3 * config['a'] + 0.0123 * seed * seed})\n",
    )
    launched(sweeper, code=1)
    code, found = verdict(sweeper)
    assert (code, found["verdict"]) == (1, "undecided")
    assert "The claim would be" in " ".join(found["notes"]) or "counts as the worst" in " ".join(found["notes"])


@pytest.mark.parametrize(("direction", "expected"), [("maximize", "refuted"), ("minimize", "supported")])
def test_a_claim_has_the_direction_of_its_own_metric(
    direction: str, expected: str, sweeper: Sweeper, written: Callable[..., None]
) -> None:
    metric = f"metric: {{name: accuracy, direction: {direction}}}"
    written(
        claimed(f"{metric}, {CONTRAST}, expect: no_worse, within: 0.1"),
        fn="def train(config, seed, budget, report):\n"
        "    e = 0.05 * ((seed * 7 + config['a'] * 3) % 5 - 2)\n"
        "    report({'step': 4, 'loss': 0.5 + 0.1 * e, 'accuracy': 91.0 + e - 5.0 * config['a']})\n",
    )
    launched(sweeper)
    assert verdict(sweeper)[1]["verdict"] == expected


def test_a_program_that_ignores_its_seed_decides_nothing(sweeper: Sweeper, written: Callable[..., None]) -> None:
    written(
        claimed(f"{CONTRAST}, expect: decrease", "{name: valid_perplexity, direction: minimize}"),
        fn="def train(config, seed, budget, report):\n"
        "    report({'step': 4, 'valid_perplexity': 100.0 - 0.001 * config['a']})\n",
    )
    assert "the seed changes nothing" in launched(sweeper)
    code, found = verdict(sweeper)
    assert (code, found["verdict"]) == (1, "undecided")
    assert "the seed changes nothing: 1 run, not 3" in found["sentence"]


def test_a_level_null_is_a_level_like_others(sweeper: Sweeper, written: Callable[..., None]) -> None:
    study = claimed("contrast: {phase: p, factor: a, from: 0, to: 2}, expect: increase")
    written(
        study.replace("levels: [0, 1]", "levels: [0, null, 2]"),
        fn="def train(config, seed, budget, report):\n"
        "    noise = 0.01 * seed + 0.003 * ((seed * 7 + 3 * (config['a'] or 0)) % 5)\n"
        "    report({'step': 4, 'loss': {0: 1.0, 2: 2.0, None: 5.0}[config['a']] + noise})\n",
    )
    launched(sweeper)
    found = verdict(sweeper)[1]
    assert found["verdict"] == "supported"
    assert found["estimate"] == pytest.approx(1.0, abs=0.02)
    shown = sweeper("show", "case", "p/1").out  # the phase's second configuration
    assert "  a: null" in shown


def test_the_last_value_of_a_curve_counts_if_the_study_says_so(sweeper: Sweeper, written: Callable[..., None]) -> None:
    study = command(
        "for s, x in ((1, 3.0), (2, 1.0), (3, 2.0)): print('step', s, 'loss', x + {v})",
        r"{step: 'step (\d+)', loss: 'loss (\S+)'}",
    )
    written(study.replace("direction: minimize}", "direction: minimize, value: last}"))
    launched(sweeper)
    assert [row["loss"] for row in table(sweeper)] == [3.0, 4.0]


def test_a_program_has_a_length_of_its_own(sweeper: Sweeper, written: Callable[..., None]) -> None:
    study = command("import os; print('loss=%r' % {v}, os.environ['SWEEPER_BUDGET'])", r"{loss: 'loss=(\S+)'}")
    written(study.replace(", budget: {steps: 3}", ""))
    assert "2 completed" in launched(sweeper)
    assert [row["loss"] for row in table(sweeper)] == [1, 2]
    assert "0/2" not in sweeper("status", "case").out
    assert json.loads(sweeper("show", "case", "p/0", "--json").out)["budget"] is None


def test_show_has_what_a_pattern_matched(sweeper: Sweeper, written: Callable[..., None]) -> None:
    code = "print('binary_loss: 0.1028'); print('loss: 0.10285845')"
    written(command(code, r"{loss: 'loss: (\S+)'}"))
    assert "'binary_loss: 0.1028' as well as 'loss: 0.10285845'" in launched(sweeper)
    patterns = json.loads(sweeper("show", "case", "p/0", "--json").out)["patterns"]
    assert patterns["loss"]["lines"] == 2
    assert patterns["loss"]["examples"] == ["0.1028 in 'binary_loss: 0.1028'", "0.10285845 in 'loss: 0.10285845'"]


def test_a_part_of_a_number_is_never_a_value(sweeper: Sweeper, written: Callable[..., None]) -> None:
    levels = '["1.25e-05", "1,234.5", "3,14", "-3.2", "nan"]'
    study = command("print('loss', '{v}')", "{loss: 'loss ([0-9.naninf]+)'}", levels)
    written(study.replace("{v: 1}", '{v: "0.5"}'))
    launched(sweeper, "--keep-going", code=1)
    assert [(row["state"], row["loss"]) for row in table(sweeper)] == [("failed", None)] * 5
    assert "matches only '1.25' of '1.25e-05'" in sweeper("show", "case", "p/0").out
    assert "matched no line, e.g. not 'loss -3.2'" in sweeper("show", "case", "p/3").out
    assert "diverged" in sweeper("show", "case", "p/4").out


def test_the_pattern_of_the_template_reads_every_number(sweeper: Sweeper, written: Callable[..., None]) -> None:
    levels = '["0.5", "1.25e-05", "-3.2", "1,234.5", "inf", "nan"]'
    study = command("print('loss', '{v}')", "{loss: 'loss {number}'}", levels).replace("{v: 1}", '{v: "0.5"}')
    written(study)
    assert sweeper("init", "new.yaml").code == 0
    with open("new.yaml", encoding="utf-8") as file:  # noqa: PTH123 - relative to the working directory
        assert "'valid_loss {number}'" in file.read()
    launched(sweeper, code=1)
    found = [(row["state"], row["loss"]) for row in table(sweeper)]
    assert found == [("completed", each) for each in (0.5, 1.25e-05, -3.2, 1234.5)] + [("failed", None)] * 2


def test_a_metric_that_is_missing_beside_the_last_steps_is_reported(
    sweeper: Sweeper, written: Callable[..., None]
) -> None:
    code = "print('step 1 loss 0.5'); print('step 2 loss nan')"
    written(command(code, r"{step: 'step (\d+)', loss: 'loss ([0-9.]+)'}"))
    launched(sweeper)
    assert "does its pattern match nan and inf?" in sweeper("show", "case", "p/0").out
    written(command(code, r"{step: 'step (\d+)', loss: 'loss (\S+)'}").replace("study: case", "study: seen"))
    assert sweeper("launch", "study.yaml", "--slots", "1").code == 1
    assert "diverged" in sweeper("show", "seen", "p/0").out


def test_whole_numbers_and_floats_are_arguments(sweeper: Sweeper, written: Callable[..., None]) -> None:
    code = "import sys; print('loss', float(sys.argv[1]) + float(sys.argv[2]))"
    study = command(code, r"{loss: 'loss (\S+)'}").replace(f'"{code}"]', f'"{code}", 10, 0.5]')
    written(study)
    launched(sweeper)
    assert [row["loss"] for row in table(sweeper)] == [10.5, 10.5]


def test_a_sampler_draws_only_new_configurations_if_told_to_and_conditions_may_be_numbers(
    sweeper: Sweeper, written: Callable[..., None]
) -> None:
    study = command("print('loss', {v} + {w})", "{loss: 'loss {number}'}").replace("{v: 1}", "{v: 1, w: 0}")
    study = study.replace("[1, 2]}}", "[1, 2, 3]}, w: {path: w, levels: [0, 7], when: {v: {low: 2}}}}")
    drawn = "design: {sampler: random, trials: 3, duplicates: redraw}"
    first = "{name: q, design: {list: [{v: 2}, {v: 3, w: 7}]}, budget: {steps: 3}}"  # whose trials are taken, too
    written(study.replace("design: grid", drawn).replace("phases: [", f"phases: [{first}, "))
    launched(sweeper)
    found = sorted((row["v"], row["w"], row["seed"]) for row in table(sweeper))
    assert found == [(1, 0, 0), (2, 0, 0), (2, 7, 0), (3, 0, 0), (3, 7, 0)]


def test_a_factor_that_nothing_carries_is_not_found_to_change_nothing(
    sweeper: Sweeper, written: Callable[..., None]
) -> None:
    written(
        claimed("equivalence: {phase: p, factor: a, from: 0, to: 1}, within: 0.5"),
        fn="def train(config, seed, budget, report):\n    report({'step': 3, 'loss': 3.0 + 0.0123 * seed * seed})\n",
    )
    launched(sweeper)
    code, found = verdict(sweeper)
    assert (code, found["verdict"]) == (1, "undecided")
    assert "the setting changes nothing, or never arrives" in found["sentence"]


def test_the_best_trial_is_named_by_its_level_null(sweeper: Sweeper, written: Callable[..., None]) -> None:
    study = FUNCTION.replace("METRIC", "{name: loss, direction: minimize}").replace("seeds: 3", "seeds: 1")
    study = study.replace("levels: [0, 1]", "levels: [0, null]").partition("claims:")[0]
    loss = "0.5 if config['a'] is None else 1.0"
    written(study, fn=f"def train(config, seed, budget, report):\n    report({{'step': 4, 'loss': {loss}}})\n")
    launched(sweeper)
    report = page(sweeper)
    assert re.search(r"The best configuration after 4 steps is\s+a = null\s*, with a mean loss of\s+0\.5000", report)
    assert re.findall(r"^  a: (.*)$", sweeper("show", "case", "p/1").out, re.MULTILINE) == ["null", "null"]


@pytest.mark.parametrize(("size", "percent"), [(1e308, "3.26e309%"), (1e160, "3.26e161%")])
def test_perplexities_that_blew_up_cost_no_report(
    size: float, percent: str, sweeper: Sweeper, written: Callable[..., None]
) -> None:
    study = claimed(f"{CONTRAST}, expect: increase", "{name: valid_perplexity, direction: minimize}")
    values = f"({size} if config['a'] else 3.0) * (1 - 0.1 * seed - 0.01 * seed * seed * config['a'])"
    written(
        study, fn=f"def train(config, seed, budget, report):\n    report({{'step': 4, 'valid_perplexity': {values}}})\n"
    )
    launched(sweeper)
    code, found = verdict(sweeper)
    assert (code, found["verdict"]) == (0, "supported")
    shown = page(sweeper)
    assert percent in found["sentence"]
    assert percent in shown
    assert not re.search(r"\d{21}", shown)


def page(sweeper: Sweeper) -> str:
    """The report as text, without its markup."""
    assert sweeper("report", "case", "--format", "html", "--out", "report").code == 0
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", Path("report/report.html").read_text(encoding="utf-8")))
