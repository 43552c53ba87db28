"""Slots of several nodes in a SLURM job, with commands in the place of SLURM's own."""

import re
import sys
from pathlib import Path

import pytest

from sweeper.errors import UsageError
from sweeper.execution.slots.nodes import end_steps, node_slots
from sweeper.spec.study import Resources
from tests.sweeper.execution.slots.studies import SLOT, enrolled, run_loop, runs_of, trials_of

SCONTROL = 'test "$3" = "gpu[1-5]" && printf "gpu1\\ngpu2\\ngpu3\\ngpu4\\ngpu5\\n"'
# It starts the command for each node in turn: the first node's reports are the trial's.
SRUN = """echo "$@" > {log}/srun
nodes=""
while case "$1" in --nodelist=*) nodes="${{1#--nodelist=}}";; esac; [ "${{1#--}}" != "$1" ]; do shift; done
echo "$PET_NNODES $PET_RDZV_BACKEND $PET_RDZV_ID $MASTER_ADDR $PET_RDZV_ENDPOINT" > {log}/environment
echo "$nodes" > {log}/nodes
exec "$@"
"""
SQUEUE = 'printf "77.batch batch\\n77.0 sweeper-gpu1+gpu2\\n77.3 sweeper-gpu3+gpu4\\n"'


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """The environment of a SLURM job of five nodes."""
    commands = {
        "scontrol": SCONTROL,
        "srun": SRUN.format(log=tmp_path),
        "squeue": SQUEUE,
        "scancel": f'echo "$@" >> {tmp_path}/scancel',
    }
    (tmp_path / "bin").mkdir()
    for name, text in commands.items():
        (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / "bin" / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    for name, value in (("SLURM_JOB_ID", "77"), ("SLURM_JOB_NODELIST", "gpu[1-5]")):
        monkeypatch.setenv(name, value)
    return {"SLURM_JOB_ID": "77", "SLURM_JOB_NODELIST": "gpu[1-5]"}


def resources(nodes: int = 2, gpus: float = 4.0) -> Resources:
    return Resources(device="cuda", nodes_per_trial=nodes, gpus_per_trial=gpus, threads_per_trial=6)


def test_a_job_has_as_many_slots_as_its_nodes_make(job: dict[str, str]) -> None:
    one, two = node_slots(resources(), None, job)
    assert (one.name, two.name, one.device, one.device_share) == ("gpu1+gpu2", "gpu3+gpu4", "cuda", 8.0)
    assert "CUDA_VISIBLE_DEVICES" not in one.environment  # SLURM sets it on each node
    assert one.environment["MASTER_ADDR"] == "gpu1"
    assert one.environment["PET_RDZV_ID"] != two.environment["PET_RDZV_ID"]
    assert [slot.name for slot in node_slots(resources(), 1, job)] == ["gpu1+gpu2"]


@pytest.mark.parametrize(
    ("nodes", "slots", "message"),
    [
        (6, None, "1 x 6 nodes are needed, but SLURM job 77 has 5: gpu1, .*, gpu5. Submit it with --nodes=6"),
        (2, 3, "3 x 2 nodes are needed"),
    ],
)  # fmt: skip
def test_a_job_with_too_few_nodes_is_refused(job: dict[str, str], nodes: int, slots: int | None, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        node_slots(resources(nodes), slots, job)


def test_a_machine_outside_slurm_is_refused() -> None:
    with pytest.raises(UsageError, match=r"nodes_per_trial: 2 needs a SLURM job, but this is none.*sbatch --nodes=4"):
        node_slots(resources(), None, {})


def test_a_job_without_slurm_s_commands_is_told(
    job: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UsageError, match=r"scontrol does not list the nodes of SLURM_JOB_NODELIST=gpu\[1-5\].*PATH"):
        node_slots(resources(), None, job)


def test_srun_starts_a_trial_on_the_nodes_of_its_slot(url: str, job: dict[str, str], tmp_path: Path) -> None:
    (slot, *_) = node_slots(Resources(device="cpu", nodes_per_trial=2), 1, job)
    study = enrolled(url, [{"value": 0.5}])
    assert run_loop(url, study, slot=slot) == "done"
    (trial,) = trials_of(url, study)
    assert (trial.state, trial.value) == ("completed", 0.5)
    started = (tmp_path / "srun").read_text()
    assert started.startswith(
        "--nodes=2 --ntasks=2 --ntasks-per-node=1 --nodelist=gpu1,gpu2 --job-name=sweeper-gpu1+gpu2 "
        f"--kill-on-bad-exit=1 {sys.executable}"
    )
    assert (tmp_path / "nodes").read_text() == "gpu1,gpu2\n"
    nodes, backend, name, first, meeting = (tmp_path / "environment").read_text().split()
    assert (nodes, backend, name, first) == ("2", "c10d", "sweeper-77-gpu1+gpu2", "gpu1")
    assert re.fullmatch(r"gpu1:\d+", meeting)
    assert runs_of(url).is_dir()
    assert (tmp_path / "scancel").read_text() == "--signal=KILL 77.0\n"  # and no other slot's


def test_a_slot_of_one_machine_asks_slurm_nothing(job: dict[str, str], tmp_path: Path) -> None:
    end_steps(SLOT, job)
    assert not (tmp_path / "scancel").exists()
