"""`resources: {gpus_per_trial: auto}` on the command line: real launches on a machine with a fake nvidia-smi.

The script reports planted seconds: a step takes 100 s alone, and longer with others on its GPU.
"""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from sweeper.execution.slots import cards
from sweeper.store.packings import known_packings
from sweeper.subprocesses import module_command
from tests.sweeper.cli.conftest import Answer

Sweeper = Callable[..., Answer]

SMI = """#!/bin/sh
case "$1" in
-L) echo "GPU 0: NVIDIA H100 (UUID: GPU-aaaa1111)";;
--query-gpu*) echo "0, GPU-aaaa1111, NVIDIA H100, 80000, 500";;
*) exit 6;;
esac
"""
SCRIPT = """
import json, os, pathlib, sys, time
number = int(os.environ.get("SWEEPER_TRIALS_PER_GPU", "1"))
steps, run = int(sys.argv[1]), os.environ["SWEEPER_RUN_DIR"]
if os.path.exists("hang") and number == 2:
    pathlib.Path("hangs").touch()
    time.sleep(600)
if number == 4:
    sys.exit("torch.OutOfMemoryError: CUDA out of memory")
with open(run + "/metrics.jsonl", "a") as file:
    for step in range(steps // 10, steps + 1, steps // 10):
        seconds = 100.0 * step * {1: 1.0, 2: 1.25}[number]
        print(json.dumps({"step": step, "loss": 1 / step + float(sys.argv[2]), "device_seconds": seconds}), file=file)
with open(run + "/result.json", "w") as file:
    json.dump({"peak_memory_bytes": 10**9}, file)
"""
STUDY = """
study: c
metric: {{name: loss, direction: minimize}}
trial: {{program: {{command: ["{python}", -IS, train.py, "{{steps}}", "{{lr}}", "{{seed}}"]}}, config: {{lr: 0.1}}}}
resources: {{gpus_per_trial: auto}}
factors: {{lr: {{levels: [0.1, 0.2]}}}}
phases: [{{name: p, design: {{list: [{{lr: 0.2}}]}}, seeds: 5, budget: {{steps: 1000}}}}]
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with the study, on a machine of one GPU that no other test's launch uses."""
    bin_directory, temporary = tmp_path / "bin", tmp_path / "tmp"
    bin_directory.mkdir()
    temporary.mkdir()
    (bin_directory / "nvidia-smi").write_text(SMI)
    (bin_directory / "nvidia-smi").chmod(0o755)
    monkeypatch.setenv("PATH", str(bin_directory) + os.pathsep + os.environ["PATH"])
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    monkeypatch.setattr(cards, "nvml", lambda: None)
    for name in ("CUDA_VISIBLE_DEVICES", cards.MPS_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "train.py").write_text(SCRIPT)
    (tmp_path / "c.yaml").write_text(STUDY.format(python=sys.executable))
    return tmp_path


def shares(directory: Path) -> list[tuple[str, float]]:
    with closing(sqlite3.connect(directory / "sweeper.db")) as connection:
        return connection.execute("SELECT device, device_share FROM sweeper_attempts ORDER BY id").fetchall()


def test_a_launch_measures_packs_and_says_so(sweeper: Sweeper, machine: Path) -> None:
    planned = sweeper("plan", "c.yaml")
    assert "the launch first measures how many trials per GPU run fastest" in planned.out
    launched = sweeper("launch", "c.yaml")
    assert launched.code == 0, launched.err
    line = (
        "NVIDIA H100: 2 trials per GPU, chosen by a pilot: together they run 1.60 times as fast as one, and each takes "
        "1.25 times as long as on its own; 4 run out of memory"
    )
    assert line in launched.err
    assert "which does not count towards the study's budget" in launched.err
    assert "5 trials planned; 2 slots on cuda:0" in launched.err
    assert shares(machine) == [("cuda:0", 0.5)] * 5  # the pilot's runs are not among them
    assert line in sweeper("status", "c").out
    (status,) = json.loads(sweeper("status", "c", "--json").out)["packing"]
    assert (status["trials_per_gpu"], status["throughput"], status["slowdown"]) == (2, 1.6, 1.25)
    assert [each["outcome"] for each in status["measured"]] == ["measured", "measured", "out_of_memory"]
    planned = sweeper("plan", "c.yaml")
    assert f"{line}." in planned.out
    assert "On 2 slots" in planned.out
    assert json.loads(sweeper("plan", "c.yaml", "--json").out)["packing"] == [status]
    assert not [path for path in (machine / "sweeper-runs").iterdir() if path.name.startswith(".")]
    for source in (("c",), ("--from", "archive")):
        if source[0] != "c":
            assert sweeper("export", "c", "--all", "--out", "archive").code == 0
        assert sweeper("report", *source, "--out", "report").code == 0
        (page,) = (machine / "report").glob("*.html")
        assert "each takes 1.25 times as long as on its own" in page.read_text()
        assert "share its device time equally" in page.read_text()


def test_a_worker_resumes_a_launch_that_was_killed_in_its_pilot(sweeper: Sweeper, machine: Path) -> None:
    file = machine / "c.yaml"
    file.write_text(file.read_text().replace("seeds: 5", "seeds: 3"))  # too few for 4 on the GPU
    (machine / "hang").touch()
    with subprocess.Popen(module_command("sweeper", "launch", "c.yaml"), stderr=subprocess.DEVNULL) as process:
        while not (machine / "hangs").exists():
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    (begun,) = known_packings("sqlite:///sweeper.db", "c")
    assert (begun.number, [stage.number for stage in begun.stages]) == (None, [1])
    assert "3/3" not in sweeper("status", "c").out
    (machine / "hang").unlink()
    resumed = sweeper("worker", "c")
    assert resumed.code == 0, resumed.err
    assert "pilot with 1 trial on" not in resumed.err
    assert "pilot with 2 trials at once" in resumed.err
    assert shares(machine) == [("cuda:0", 0.5)] * 3
    assert not [path for path in (machine / "sweeper-runs").iterdir() if path.name.startswith(".")]


@pytest.mark.usefixtures("machine")
def test_without_a_gpu_the_plan_says_what_happens(sweeper: Sweeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    planned = sweeper("plan", "c.yaml")
    assert planned.code == 0
    assert "without a GPU here, there is none to share; trials run on the CPU" in planned.out
