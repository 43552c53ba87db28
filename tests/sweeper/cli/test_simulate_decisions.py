"""`sweeper simulate --decide`: what it prints, and what it refuses."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]

STUDY = """
study: adaptive
metric: {name: loss, direction: minimize}
trial: {program: {command: [x, "{seed}"], metrics: {loss: "loss=(.*)"}}, config: {a: 0, b: 0, c: 0}}
factors: {a: {levels: [0, 1]}, b: {levels: [0, 1]}, c: {levels: [0, 1]}}
phases:
  - {name: p, design: one_at_a_time, seeds: {first: 2, most: 6}, budget: {steps: 10}}
claims:
  - {id: a, text: a helps, contrast: {phase: p, factor: a, from: 0, to: 1}, expect: decrease}
  - {id: b, text: b helps, contrast: {phase: p, factor: b, from: 0, to: 1}, expect: decrease}
"""


@pytest.fixture
def study(tmp_path: Path) -> Path:
    path = tmp_path / "adaptive.yaml"
    path.write_text(STUDY)
    return path


def test_a_large_effect_is_decided_early_and_none_is_given_up(sweeper: Sweeper, study: Path) -> None:
    options = ("--decide", "--sd", "0.05", "--effect", "a=1:-0.5", "--studies", "6")
    answer = sweeper("simulate", str(study), *options, "--json")
    assert answer.code == 0
    found = json.loads(answer.out)
    a, b = found["claims"]
    assert (a["supported"], a["most_seeds"]) == (1.0, 6)
    assert b["undecided"] > 0.0
    assert found["trials_least"] == 6
    assert found["trials_least"] <= found["trials_expected"] <= found["trials_most"] == 18
    assert found["cost_least"] == pytest.approx(1 / 3)
    assert sweeper("simulate", str(study), *options, "--json").out == answer.out


def test_decisions_as_text(sweeper: Sweeper, study: Path) -> None:
    answer = sweeper("simulate", str(study), "--decide", "--sd", "0.05", "--effect", "a=1:-0.5", "--studies", "1")
    lines = answer.out.splitlines()
    assert lines[0] == "adaptive: 1 simulated study"
    assert lines[1].startswith("  trials that claims need: least 6, expected ")
    assert lines[3].startswith("  claim a: supported 100%; ")
    assert lines[3].endswith(" of 6 seeds")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--effect", "a=1:-2"), "--effect is only for decisions. Add --decide."),
        (("--sd", "0.1"), "--sd is only for decisions. Add --decide."),
        (("--decide", "--effect", "d=1:-2"), "--effect: 'd' is not a factor of the study. Factors: a, b, c."),
        (("--decide", "--effect", "a=7:-2"), "--effect: '7' is not a level of a. Levels: 0, 1."),
        (("--decide", "--effect", "a=1:x"), "--effect: 'x' is not an effect. Use a percentage, e.g. -2%, or a number"),
        (("--decide", "--effect", "a"), "--effect: 'a' is not a level and its effect. Use e.g. "),
        (("--decide", "--sd", "0"), "--sd: 0 is not greater than 0"),
        (("--decide",), "--decide needs to know how much runs vary between seeds. Use --sd 0.6%, or assume: "),
    ],
)
def test_options_that_cannot_be_are_refused(
    sweeper: Sweeper, study: Path, options: tuple[str, ...], message: str
) -> None:
    answer = sweeper("simulate", str(study), *options)
    assert answer.code == 2
    assert message in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("{first: 2, most: 6}", "3", "no phase has any. Use e.g. seeds: {first: 2, most: 12}."),
        ("most: 6}, budget: {steps: 10}}", "most: none}, budget: {steps: 10}}\nbudget: {device_hours: 1}", "no end"),
        (
            "contrast: {phase: p, factor: b, from: 0, to: 1}, expect: decrease",
            "constant: {phase: p, value: 1}, expect: below",
            "claims.b: --decide draws differences between runs on loss only",
        ),
    ],
)
def test_studies_that_cannot_be_played_are_refused(
    sweeper: Sweeper, study: Path, old: str, new: str, message: str
) -> None:
    study.write_text(STUDY.replace(old, new))
    answer = sweeper("simulate", str(study), "--decide", "--sd", "0.1")
    assert answer.code == 2
    assert message in answer.err
