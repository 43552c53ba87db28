"""The `sweeper` command as users run it: in its own process and its own directory."""

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

TINY = """
study: tiny
description: Does dropout help a tiny model?
metric: {name: valid_perplexity, direction: minimize}
trial:
  program: trainer
  config:
    data: {corpus: pydocs, max_train_tokens: 3000, vocabulary_size: 100, batch_size: 4, target_length: 8}
    model: {layers: 1, d_model: 16, heads: 2, memory_length: 8}
    evaluation: {times: 4, log_times: 4, batch_size: 64}
factors:
  dropout: {path: regularization.dropout, levels: [0.0, 0.3]}
phases:
  - {name: screen, design: grid, seeds: 2, budget: {steps: STEPS}}
claims:
  - id: dropout-helps
    text: Dropout lowers validation perplexity.
    contrast: {phase: screen, factor: dropout, from: 0.0, to: 0.3}
    expect: decrease
"""


@dataclass
class Workplace:
    """A directory with a study file and a store, and the commands run in it."""

    folder: Path
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def write(self, text: str, name: str = "study.yaml") -> None:
        (self.folder / name).write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "sweeper", *arguments]
        # Some tests end the launcher's whole session, which must not be that of pytest.
        process = subprocess.Popen(
            command,
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            env={**os.environ, "OMP_NUM_THREADS": "1", "SWEEPER_STORE": "sqlite:///store.db"},
        )
        self.processes.append(process)
        return process

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=240)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def left_over(self) -> Sequence[psutil.Process]:
        """Return the processes that still run in this directory."""
        found = []
        for process in psutil.process_iter(["pid"]):
            try:
                if Path(process.cwd()).is_relative_to(self.folder) and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found


@pytest.fixture
def workplace(tmp_path: Path) -> Workplace:
    return Workplace(tmp_path)
