"""The output of `sweeper plan` and `sweeper simulate`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from sweeper.admission import refuse_over_budget
from sweeper.errors import UsageError
from sweeper.estimate import estimate
from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study
from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]

STUDY = """
study: s
metric: {name: valid_perplexity, direction: minimize}
trial: {program: trainer, config: {model: {layers: 2}}}
resources: {device: cpu, slots: 3}
budget: {device_hours: CAP}
factors:
  depth: {path: model.layers, levels: [2, 4, 8]}
phases:
  - {name: screen, design: grid, seeds: 2, budget: {steps: 100}}
  - {name: search, design: {sampler: tpe, trials: 4}, pruner: asha, budget: {steps: 100}}
  - {name: long, design: {promote: search, top: 2}, seeds: 2, budget: {steps: 1000}}
claims:
  - id: deeper
    text: Depth helps.
    contrast: {phase: screen, factor: depth, from: 2, to: 8}
    expect: decrease
"""
COMMAND = """
study: c
metric: {name: loss, direction: minimize}
trial: {program: {command: [python, train.py, --lr, "{lr}"]}, config: {lr: 0.1}}
resources: {device: cpu, slots: 2}
factors: {lr: {path: lr, levels: [0.1, 0.2]}}
phases: [{name: p, design: grid, seeds: 3, budget: {steps: 10}}]
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "s.yaml"
    path.write_text(STUDY.replace("CAP", "5.0"))
    (tmp_path / "c.yaml").write_text(COMMAND)
    return path


def test_plan_prints_json_with_the_documented_keys_and_writes_nothing(sweeper: Sweeper, file: Path) -> None:
    before = sorted(file.parent.iterdir())
    answer = sweeper("plan", str(file), "--json")
    document = json.loads(answer.out)
    assert answer.code == 0
    assert list(document)[:4] == ["study", "trials", "device_hours", "phases"]
    assert [list(phase)[:4] for phase in document["phases"]] == [["name", "design", "trials", "device_hours"]] * 3
    assert [(phase["design"], phase["trials"]) for phase in document["phases"]] == [
        ("grid", 6),
        ("sampler", 4),
        ("promote", 4),
    ]
    assert document["trials"] == 14
    assert document["device_hours"] == pytest.approx(sum(phase["device_hours"] for phase in document["phases"]))
    assert document["low"] < document["device_hours"] < document["high"]
    assert sorted(file.parent.iterdir()) == before


def test_plan_as_text_says_what_it_is_based_on(sweeper: Sweeper, file: Path) -> None:
    out = sweeper("plan", str(file)).out
    assert "drawn later" in out
    assert "Device-hours predicted from operations at an assumed rate." in out
    assert "On 3 slots (resources.slots)" in out
    assert "1 of 1 claim can be tested." in out


def test_plan_shows_what_claims_can_detect_in_100_columns(sweeper: Sweeper, file: Path) -> None:
    text = STUDY.replace("CAP", "5.0").replace("study: s", "study: s\nassume: {sd: 0.5%}")
    file.write_text(text.replace("expect: decrease", "expect: decrease\n    at_least: 1%"))
    out = sweeper("plan", str(file)).out
    lines = out[out.index("What the claims can detect") :].splitlines()
    assert lines[0] == "What the claims can detect with 80% power, at Holm's first step of 1 claim:"
    assert lines[1].split() == ["claim", "test", "seeds", "pairs", "detects", "margin"]
    assert lines[2].split()[:4] == ["deeper", "decrease", "2", "2"]
    assert lines[2].split()[-1] == "1.0%"
    header = lines.index("What they could detect with other numbers of seeds:")
    assert lines[header + 1].split() == ["seeds", "2", "3", "5", "8", "10", "20"]
    assert lines[header + 3].startswith("device-hours in all")
    assert lines[header + 4] == "SD of valid_perplexity between seeds: 0.50%, assumed."
    (warning,) = [line for line in lines if line.startswith("Warning: ")]
    assert "s.yaml:19:15: claims[0].at_least: with 2 seeds, 1.0% is shown only where the effect is " in warning
    assert " seeds would show it where the effect is 2.0%, twice the margin, for " in warning
    assert max(map(len, (line for line in lines if line != warning))) <= 100


def test_plan_has_what_claims_can_detect_as_json_and_launch_shows_the_same(sweeper: Sweeper, file: Path) -> None:
    file.write_text(STUDY.replace("CAP", "5.0").replace("study: s", "study: s\nassume: {sd: 0.5%}"))
    document = json.loads(sweeper("plan", str(file), "--json").out)
    (claim,) = document["power"]["claims"]
    assert (claim["id"], claim["pairs"], claim["unit"], claim["sd_from"]) == ("deeper", 2, "%", "assumed")
    assert [point["seeds"] for point in claim["curve"]] == [2, 3, 5, 8, 10, 20]
    assert claim["detects"] == pytest.approx(claim["curve"][0]["detects"])
    prices = [point["device_hours"] for point in document["power"]["curve"]]
    assert prices == sorted(prices)
    assert prices[0] == pytest.approx(document["device_hours"])
    assert json.loads(sweeper("launch", str(file), "--dry-run", "--json").out)["power"] == document["power"]


def test_plan_says_how_to_give_an_sd_that_nothing_knows(sweeper: Sweeper, file: Path) -> None:
    out = sweeper("plan", str(file)).out
    assert "SD" in out[out.index("What the claims can detect") :].splitlines()[2]
    assert "Nothing says how large the SD is. Give it in the study file, e.g. assume: {sd: 1%}, or measure it in" in out
    assert "assume: {sd: 1%}" in json.loads(sweeper("plan", str(file), "--json").out)["power"]["missing"]


def test_plan_says_what_the_sd_is_of_claims_with_several_pairs_a_seed_or_across_budgets(
    sweeper: Sweeper, file: Path
) -> None:
    text = STUDY.replace("CAP", "50.0").replace(
        "  - {name: search", "  - {name: more, design: grid, seeds: 3, budget: {steps: 200}}\n  - {name: search"
    )
    width = "  width: {path: model.d_model, levels: [64, 128]}\nphases:"
    between = """  - id: longer
    text: Longer runs are better.
    contrast: {from: {phase: screen}, to: {phase: more}}
    expect: decrease
"""
    file.write_text(text.replace("phases:", width) + between)
    lines = sweeper("plan", str(file)).out.splitlines()
    assert "More pairs than seeds: a seed has several, e.g. one per dataset; the SD is still that of one run." in lines
    assert "In longer, each seed counts once per dataset, and the SD includes what its runs share." in lines
    file.write_text("assume: {sd: 0.5%}\n" + file.read_text())
    lines = sweeper("plan", str(file)).out.splitlines()
    text = "and the SD includes what its runs share (0.50% of valid_perplexity)."
    assert f"In longer, each seed counts once per dataset, {text}" in lines


def test_plan_of_a_program_that_has_never_run_says_that_its_run_time_is_unknown(sweeper: Sweeper, file: Path) -> None:
    document = json.loads(sweeper("plan", "c.yaml", "--json").out)
    assert (document["trials"], document["device_hours"], document["device_hours_known"]) == (6, 0.0, False)


def test_errors_in_a_file_are_printed_with_exit_code_2(sweeper: Sweeper, file: Path) -> None:
    file.write_text(STUDY.replace("CAP", "5.0").replace("design: grid", "design: plackett_burman"))
    for command in ("plan", "simulate"):
        answer = sweeper(command, str(file))
        assert answer.code == 2
        assert answer.out == ""
        assert "Traceback" not in answer.err
        assert "depth" in answer.err


def test_simulate_shows_both_orders_and_reasons_for_idle_time(sweeper: Sweeper, file: Path) -> None:
    answer = sweeper("simulate", str(file), "--slots", "4", "--json")
    document = json.loads(answer.out)
    assert (document["trials"], document["slots"]) == (14, 4)
    queue, longest = document["schedules"]
    assert (queue["order"], longest["order"]) == ("queue", "longest_first")
    assert document["finish_seconds"] == queue["finish_seconds"] >= longest["finish_seconds"]
    reasons = {gap["reason"] for slot in queue["slots"] for gap in slot["idle"]}
    assert "phase long waits for phase search to end" in reasons
    assert "4 slots" in sweeper("simulate", str(file), "--slots", "4").out


def test_simulate_needs_a_run_time_for_trials_without_a_prediction(sweeper: Sweeper, file: Path) -> None:
    answer = sweeper("simulate", "c.yaml")
    assert answer.code == 2
    assert "Give one: --trial-seconds 60" in answer.err
    document = json.loads(sweeper("simulate", "c.yaml", "--trial-seconds", "60", "--json").out)
    assert (document["finish_seconds"], document["idle_seconds"]) == (180.0, 0.0)
    assert document["device_hours"] == pytest.approx(0.1)


def test_a_study_over_budget_at_the_lower_bound_is_refused(file: Path) -> None:
    def refuse(cap: float) -> None:
        file.write_text(STUDY.replace("CAP", str(cap)))
        study = load_study(file)
        refuse_over_budget(estimate(study, make_plan(study), store="sqlite:///none.db", slots=None))

    refuse(5.0)
    with pytest.raises(UsageError, match=r"budget\.device_hours: 0\.001 is less than the 14 trials need: "):
        refuse(0.001)


def test_a_study_that_adds_seeds_is_planned_with_its_first_seeds(sweeper: Sweeper, tmp_path: Path) -> None:
    path = tmp_path / "adaptive.yaml"
    path.write_text(
        "study: adaptive\n"
        "metric: {name: loss, direction: minimize}\n"
        'trial: {program: {command: [x, "{seed}"], metrics: {loss: "loss=(.*)"}}, config: {a: 0}}\n'
        "factors: {a: {levels: [0, 1]}}\n"
        "phases:\n"
        "  - {name: p, design: grid, seeds: {first: 2, most: 12}, budget: {steps: 10}}\n"
        "claims:\n"
        "  - {id: a, text: a helps, contrast: {phase: p, factor: a, from: 0, to: 1}, expect: decrease}\n"
    )
    store = f"sqlite:///{tmp_path}/store.db"
    planned = sweeper("plan", str(path), "--store", store, "--json")
    assert planned.code == 0
    assert json.loads(planned.out)["trials"] == 4
    assert not (tmp_path / "store.db").exists()
