"""The processes of slots start no threads of numpy's, and their trials see the number of their slot."""

import sys
import time
from pathlib import Path

import pytest

from sweeper.execution.launch import launch
from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study
from sweeper.store.reading import reader

PROGRAM = """
import os, pathlib
slot = pathlib.Path(f"/proc/{os.getppid()}/environ").read_bytes().split(b"\\0")
value = float(b"OPENBLAS_NUM_THREADS=+1" in slot)
print("alone", value if os.environ["OPENBLAS_NUM_THREADS"] == "3" else -1.0)
"""
STUDY = """
study: s
metric: {{name: alone, direction: maximize}}
trial:
  program: {{command: ["{python}", "{program}", "{{x}}", "{{seed}}"], metrics: {{alone: 'alone (\\S+)'}}}}
  config: {{x: 1}}
resources: {{device: cpu, slots: 1, threads_per_trial: 3}}
factors: {{x: {{levels: [1, 2]}}}}
phases: [{{name: p, design: {{list: [{{x: 2}}]}}}}]
"""


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_slots_have_one_thread_and_trials_their_own_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "program.py").write_text(PROGRAM)
    (tmp_path / "s.yaml").write_text(STUDY.format(python=sys.executable, program=tmp_path / "program.py"))
    study, store = load_study(tmp_path / "s.yaml"), f"sqlite:///{tmp_path / 's.db'}"
    ended = launch(
        study,
        make_plan(study),
        store=store,
        num_slots=None,
        extend=False,
        on_enrolled=lambda *_: None,
        on_tick=lambda: time.sleep(0),
    )
    assert ended.exit_code == 0
    with reader.connect(store) as connection:
        (trial,) = reader.trials(connection, reader.study(connection, "s").id)
    assert trial.value == 1.0
