"""Studies whose trials do almost nothing, so that their run time is sweeper's overhead."""

import json
import sys
from pathlib import Path
from typing import Final

PROGRAM: Final = """
import json, os
with open(os.path.join(os.environ["SWEEPER_RUN_DIR"], "metrics.jsonl"), "a") as file:
    for step in range(1, {reports} + 1):
        file.write(json.dumps({{"step": step, "loss": 1.0 / step}}) + "\\n")
        file.flush()
"""
STUDY: Final = """
study: {name}
metric: {{name: loss, direction: minimize}}
trial:
  program: {{command: {command}}}
  config: {config}
resources: {{device: cpu, slots: 1}}
factors: {{item: {{path: item, levels: {levels}}}}}
phases: [{{name: all, design: grid, seeds: 1, budget: {{steps: {steps}}}}}]
"""
NUM_OPTIONS: Final = 40  # in a configuration, as many as a language model has


def write_program(directory: Path, reports: int) -> list[str]:
    """Write a program that only reports a metric, and return its command line; it starts in milliseconds."""
    path = directory / "program.py"
    path.write_text(PROGRAM.format(reports=reports), encoding="utf-8")
    return [sys.executable, "-I", "-S", str(path)]


def study_text(name: str, command: list[str], num_trials: int, reports: int = 1) -> str:
    """Return the text of a study file with trials that differ in one factor."""
    config = {"item": 0, "model": {f"option_{index}": index for index in range(NUM_OPTIONS)}}
    return STUDY.format(
        name=name,
        command=json.dumps(command),
        config=json.dumps(config),
        levels=json.dumps(list(range(num_trials))),
        steps=reports,
    )
