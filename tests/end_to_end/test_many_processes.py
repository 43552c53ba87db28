"""Trials of several processes: torchrun with two ranks each, in two slots at the same time."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sweeper.cli.conftest import Answer, sweeper
from tests.sweeper.execution.slots.conftest import no_process_left

__all__ = ["no_process_left", "sweeper"]
pytestmark = pytest.mark.usefixtures("no_process_left")

STUDY = r"""study: ranks
metric: {name: loss, direction: minimize}
trial:
  program:
    command: ["{python}", -m, torch.distributed.run, --nproc-per-node, "2", rank.py, "{fate}"]
    metrics: {loss: '^loss (\S+)'}
  config: {fate: lives}
retry: {crashed: 0}
factors: {fate: {path: fate, levels: [lives, dies]}}
phases: [{name: p, design: grid, seeds: 1}]
"""
RANK = """import os, signal, sys, time
from pathlib import Path
here = Path(os.environ["SWEEPER_RUN_DIR"])
rank = int(os.environ["RANK"])
(here / f"port-{rank}").write_text(os.environ["PET_RDZV_ENDPOINT"])
others = [here.parent / name / f"port-{each}" for name in ("00000", "00001") for each in (0, 1)]
while not all(each.exists() for each in others):  # all four ranks run at the same time
    time.sleep(0.05)
if sys.argv[1] == "dies":
    if rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(3600)
import torch
torch.distributed.init_process_group("gloo")
total = torch.tensor([float(rank + 1)])
torch.distributed.all_reduce(total)
if rank == 0:
    print("loss", total.item(), flush=True)
torch.distributed.destroy_process_group()
"""


def test_the_death_of_a_rank_ends_its_trial_and_no_other(
    sweeper: Callable[..., Answer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "rank.py").write_text(RANK)
    assert sweeper("launch", "study.yaml", "--slots", "2").code == 1
    rows = json.loads(sweeper("export", "ranks", "--table", "trials", "--format", "json").out)
    assert sorted((row["fate"], row["state"], row["loss"]) for row in rows) == [
        ("dies", "failed", None), ("lives", "completed", 3.0)
    ]  # fmt: skip
    (cause,) = json.loads(sweeper("show", "ranks", "--json").out)["failures"]
    assert (cause["exit_reason"], cause["exit_code"]) == ("crashed", 1)
    runs = [tmp_path / "sweeper-runs/ranks/p" / name for name in ("00000", "00001")]
    ports = [{path.read_text() for path in run.glob("port-*")} for run in runs]
    assert all(len(found) == 1 for found in ports), "the ranks of a trial meet at one port"
    assert ports[0] != ports[1]
