"""`sweeper plan` of a study that adds seeds until its claims are decided."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]

STUDY = """
study: adaptive
metric: {name: loss, direction: minimize, scale: log}
trial: {program: {command: [x, "{seed}"], metrics: {loss: "loss=(.*)"}}, config: {a: 0, b: 0, c: 0}}
resources: {device: cpu, slots: 2}
factors: {a: {levels: [0, 1]}, b: {levels: [0, 1]}, c: {levels: [0, 1]}}
phases:
  - {name: p, design: one_at_a_time, seeds: {first: 2, most: 6}, budget: {steps: 10}}
claims:
  - {id: a-helps, text: a helps, contrast: {phase: p, factor: a, from: 0, to: 1}, expect: decrease}
  - {id: b-helps, text: b helps, contrast: {phase: p, factor: b, from: 0, to: 1}, expect: decrease}
"""
ASSUMED = "assume: {sd: 1%, effects: {a-helps: -5%, b-helps: 0%}}\n"


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "adaptive.yaml"
    path.write_text(STUDY + ASSUMED)
    return path


def test_json_has_least_expected_and_most_beside_what_it_had(sweeper: Sweeper, study: Path) -> None:
    answer = sweeper("plan", str(study), "--json")
    assert answer.code == 0
    found = json.loads(answer.out)
    assert list(found)[:4] == ["study", "trials", "device_hours", "phases"]
    assert found["trials"] == found["trials_least"] == 8
    assert found["trials_most"] == 3 * 6 + 2  # c has no claim, so it gets its first seeds only
    assert 8 < found["trials_expected"] < 20
    assert [found[f"device_hours_{name}"] for name in ("least", "expected", "most")] == [None] * 3  # never run
    a, b = found["decisions"]["claims"]
    assert (a["id"], a["effect"], a["unit"], a["effect_from"], a["most_seeds"]) == (
        "a-helps",
        pytest.approx(-5.0),
        "%",
        "assumed",
        6,
    )
    assert a["chance"] > 0.9
    assert b["chance"] < 0.3
    assert a["seeds"] < 5


def test_text_has_a_table_of_extents_and_one_of_claims(sweeper: Sweeper, study: Path) -> None:
    lines = sweeper("plan", str(study)).out.splitlines()
    at = lines.index("Seeds are added until the claims are decided:")
    assert lines[at + 1].split() == ["least", "expected", "most"]
    trials = lines[at + 2].split()
    assert (trials[0], trials[1], trials[3]) == ("trials", "8", "20")
    assert lines[at + 3].split() == ["device-hours", *["unknown"] * 3]
    head = next(place for place, line in enumerate(lines) if line.startswith("What to expect of the claims, by "))
    assert lines[head + 1].split() == ["claim", "effect", "decided", "seeds"]
    assert lines[head + 2].startswith("a-helps  \u22125.0% (assumed)  ")
    assert lines[head + 2].endswith(" of 6")
    assert any("80% power with their most seeds, looked at once" in line for line in lines)
    assert not any("plan has the first" in line for line in lines)


def test_effects_that_nothing_says_are_explained(sweeper: Sweeper, study: Path) -> None:
    study.write_text(STUDY + "assume: {sd: 1%}\n")
    out = sweeper("plan", str(study)).out
    assert "% (detectable)" in out
    assert "An effect that nothing says is the smallest one that the most seeds show with 80% power." in out
    assert "assume: {effects: {CLAIM: -2%}}" in out


def test_without_knowledge_of_the_spread_there_is_no_expectation(sweeper: Sweeper, study: Path) -> None:
    study.write_text(STUDY)
    lines = sweeper("plan", str(study)).out.splitlines()
    at = lines.index("Seeds are added until the claims are decided:")
    assert lines[at + 1].split() == ["least", "most"]
    assert "No expectation is given: nothing says how much runs vary between seeds." in lines
    found = json.loads(sweeper("plan", str(study), "--json").out)
    assert (found["trials_least"], found["trials_expected"], found["trials_most"]) == (8, None, 20)


def test_without_a_maximum_only_the_budget_ends_it(sweeper: Sweeper, study: Path) -> None:
    study.write_text(STUDY.replace("most: 6", "most: none") + "budget: {device_hours: 3}\n" + ASSUMED)
    found = json.loads(sweeper("plan", str(study), "--json").out)
    assert (found["trials_least"], found["trials_expected"], found["trials_most"]) == (8, None, None)
    assert "No expectation is given: a claim without a maximum" in sweeper("plan", str(study)).out


def test_a_study_of_fixed_seeds_has_none_of_this(sweeper: Sweeper, study: Path) -> None:
    study.write_text(STUDY.replace("{first: 2, most: 6}", "3") + ASSUMED)
    found = json.loads(sweeper("plan", str(study), "--json").out)
    assert not [key for key in found if key.startswith(("trials_", "device_hours_l", "decisions"))]
    assert "Seeds are added" not in sweeper("plan", str(study)).out


def test_a_budget_that_is_too_small_for_the_claims_is_named(sweeper: Sweeper, tmp_path: Path) -> None:
    path = tmp_path / "adaptive.yaml"
    trainer = "trial: {program: trainer, config: {data: {corpus: pydocs}}}"
    lines = STUDY.splitlines()
    text = STUDY.replace(lines[2], f"metric: {METRIC}").replace(lines[3], trainer).replace(lines[5], FACTORS)
    assumed = "assume: {sd: 1%, effects: {a-helps: -0.5%, b-helps: -0.5%}}\nbudget: {device_hours: HOURS}\n"
    path.write_text(text.replace("to: 1}", "to: 0.5}") + assumed)
    whole = json.loads(_plan(sweeper, path, 1000.0, "--json"))
    assert whole["decisions"]["ended_by_budget"] == 0
    cap = (whole["device_hours_least"] + whole["device_hours_expected"]) / 2
    found = json.loads(_plan(sweeper, path, cap, "--json"))
    assert found["decisions"]["ended_by_budget"] > 0.5
    share = f"{found['decisions']['ended_by_budget']:.0%}"
    assert f"device-hours ended {share} of these studies before all claims" in _plan(sweeper, path, cap)


METRIC = "{name: valid_perplexity, direction: minimize}"
FACTORS = (
    "factors: {a: {path: regularization.dropout, levels: [0, 0.5]}, b: {path: regularization.input_dropout, "
    "levels: [0, 0.5]}, c: {path: regularization.output_dropout, levels: [0, 0.5]}}"
)


def _plan(sweeper: Sweeper, path: Path, cap: float, *options: str) -> str:
    text = path.read_text()
    path.write_text(text.replace("HOURS", repr(cap)))
    answer = sweeper("plan", str(path), *options)
    path.write_text(text)
    assert answer.code == 0, answer.err
    return answer.out
