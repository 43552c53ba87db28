"""Test that a plan notes options of the trainer that have no effect in any trial, and only those."""

from pathlib import Path

import pytest

from sweeper.planning.notes import plan_notes
from sweeper.spec.load import parse_study

STUDY = """study: example
metric: {{name: valid_perplexity, direction: minimize}}
trial:
  program: trainer
  config: {{optimizer: {{{optimizer}}}}}
factors:
  {factors}
phases:
  - {{name: main, design: {design}, seeds: 1, budget: {{steps: 3}}{config}}}
"""
SAMPLER = "{sampler: random, trials: 4}"
DEPTH = "depth: {path: model.layers, levels: [1, 2]}"
DECAYED = "decayed: {path: optimizer.decayed, levels: [all, matrices]}"
DECAY = "decay: {path: optimizer.weight_decay, levels: [0.0, 0.1]}"


def notes(
    directory: Path, *factors: str, optimizer: str = "weight_decay: 0.0", design: str = "grid", config: str = ""
) -> list[str]:
    text = STUDY.format(factors="\n  ".join(factors), optimizer=optimizer, design=design, config=config)
    return [note for note in plan_notes(parse_study(text, "study.yaml"), directory) if "no effect" in note]


@pytest.mark.parametrize("design", ["grid", SAMPLER])
def test_an_option_without_effect_is_noted_at_its_place(tmp_path: Path, design: str) -> None:
    (note,) = notes(tmp_path, DEPTH, optimizer="decayed: matrices", design=design)
    assert note.startswith(
        "study.yaml:5:33: trial.config.optimizer.decayed: 'matrices' has no effect with optimizer.weight_decay 0. Set"
    )
    (note,) = notes(tmp_path, DEPTH, design=design, config=", config: {data: {noise: unigram}}")
    assert ": phases[0].config.data.noise: 'unigram' has no effect with data.noise_rate 0" in note


@pytest.mark.parametrize("design", ["grid", SAMPLER])
def test_a_factor_whose_levels_make_no_difference_is_noted(tmp_path: Path, design: str) -> None:
    (note,) = notes(tmp_path, DECAYED, design=design)
    assert note.startswith("study.yaml:7:12: factors.decayed: 'all' has no effect with optimizer.weight_decay 0.")


AVERAGE = "average: {last: 30}"


def averages(directory: Path, *factors: str, optimizer: str = AVERAGE, steps: int = 240, config: str = "") -> list[str]:
    text = STUDY.format(factors="\n  ".join(factors), optimizer=optimizer, design="grid", config=config)
    study = parse_study(text.replace("steps: 3", f"steps: {steps}"), "study.yaml")
    return [note for note in plan_notes(study, directory) if "averages" in note]


def test_an_average_of_more_evaluations_than_any_run_has_is_noted(tmp_path: Path) -> None:
    (note,) = averages(tmp_path, DEPTH, config=", config: {evaluation: {times: 8}}")
    assert note == (
        "study.yaml:5:40: trial.config.optimizer.average.last: 30 averages all 8 evaluations of a run of 240 steps. "
        "Use a smaller number, or evaluate more often."
    )
    assert not averages(tmp_path, DEPTH, config=", config: {evaluation: {every_steps: 8}}")
    factor = "average: {path: optimizer.average, levels: [null, {last: 30}]}"
    (note,) = averages(tmp_path, factor, optimizer="kind: adam", config=", config: {evaluation: {times: 8}}")
    assert "study.yaml:7:12: factors.average: 30 averages all 8 evaluations" in note


@pytest.mark.parametrize("design", ["grid", SAMPLER])
def test_an_option_that_has_an_effect_in_some_trial_is_not_noted(tmp_path: Path, design: str) -> None:
    assert not notes(tmp_path, DECAYED, DECAY, design=design)
    assert not notes(tmp_path, DECAY, optimizer="decayed: matrices", design=design)
    assert not notes(tmp_path, DECAYED, design=design, config=", config: {optimizer: {weight_decay: 0.1}}")


def test_the_ends_of_a_range_are_tried_too(tmp_path: Path) -> None:
    assert not notes(tmp_path, DECAYED, "decay: {path: optimizer.weight_decay, low: 0.0, high: 1.0}", design=SAMPLER)
