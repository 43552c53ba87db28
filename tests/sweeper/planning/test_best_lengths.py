"""Warnings about claims at best lengths of runs that are one length each."""

from pathlib import Path

import pytest

from sweeper.planning.notes import plan_notes
from sweeper.spec.load import parse_study

STUDY = """study: example
metric: {{name: valid_perplexity, direction: minimize}}
trial:
  program: trainer
  config: {{evaluation: {{{evaluation}}}, device: cpu}}
factors: {{dropout: {{path: regularization.dropout, levels: [0.0, 0.2]}}}}
phases: [{{name: main, design: grid, seeds: 3, budget: {{steps: 100}}{phase}}}]
claims:
  - {{id: c, text: C., metric: {metric}, expect: decrease, at: {at},
     contrast: {{phase: main, factor: dropout, from: 0.0, to: 0.2}}}}
"""
TEST = "test_perplexity is measured only at the end of a run, so a run is one length"


@pytest.mark.parametrize(
    ("evaluation", "phase", "claimed", "said"),
    [
        ("", "", ("test_perplexity", "best_length"), TEST),
        ("test: true", "", ("test_perplexity", "best_length"), "Set evaluation: {test: each_look}"),
        ("tokens: 2000", "", ("valid_perplexity", "best_length"), "Remove evaluation.tokens, and every evaluation"),
        ("test: each_look", "", ("test_perplexity", "best_length"), ""),
        ("", ", config: {evaluation: {test: each_look}}", ("test_perplexity", "best_length"), ""),
        ("", "", ("test_perplexity", "same_length"), ""),
        ("", "", ("valid_perplexity", "best_length"), ""),
    ],
)
def test_claims_whose_runs_are_one_length_are_warned_of(
    evaluation: str, phase: str, claimed: tuple[str, str], said: str, tmp_path: Path
) -> None:
    metric, at = claimed
    text = STUDY.format(evaluation=evaluation, phase=phase, metric=metric, at=at)
    found = [note for note in plan_notes(parse_study(text, "study.yaml"), tmp_path) if " claims[0]: " in note]
    assert len(found) == bool(said)
    for note in found:
        assert note.startswith("study.yaml:9:5: claims[0]: ")
        assert said in note
