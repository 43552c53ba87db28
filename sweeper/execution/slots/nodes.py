"""Slots of several nodes: within a SLURM job, `srun` starts a trial's command once on each node of its slot."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from sweeper.errors import UsageError
from sweeper.execution.slots.resources import Slot
from sweeper.spec.study import Resources

JOB: Final = "SLURM_JOB_ID"
NODE_LIST: Final = "SLURM_JOB_NODELIST"
ANSWER_S: Final = 30.0  # of SLURM's commands


def node_slots(resources: Resources, num_slots: int | None, environ: Mapping[str, str]) -> tuple[Slot, ...]:
    """Return the slots of the SLURM job that this process runs in.

    Args:
        num_slots: how many; None for as many as the job has room for.

    Raises:
        UsageError: this is no SLURM job, or it has too few nodes.
    """
    width = resources.nodes_per_trial
    if JOB not in environ or NODE_LIST not in environ:
        raise UsageError(
            f"resources.nodes_per_trial: {width} needs a SLURM job, but this is none. Launch in one, e.g. "
            f"sbatch --nodes={2 * width} --wrap 'sweeper launch study.yaml', which runs two trials in parallel"
        )
    nodes = _nodes(environ[NODE_LIST])
    groups = [nodes[start : start + width] for start in range(0, len(nodes) - width + 1, width)]
    if len(groups) < (num_slots or 1):
        raise UsageError(
            f"resources.nodes_per_trial: {num_slots or 1} x {width} nodes are needed, but SLURM job {environ[JOB]} has "
            f"{len(nodes)}: {', '.join(nodes)}. Submit it with --nodes={(num_slots or 1) * width}, or use fewer slots"
        )
    return tuple(_slot(group, resources, environ[JOB]) for group in groups[:num_slots])


def end_steps(slot: Slot, environ: Mapping[str, str]) -> None:
    """Kill what a trial has left on the nodes of its slot: an `srun` that was killed leaves its tasks there."""
    if not slot.prefix or JOB not in environ:
        return
    with suppress(OSError, subprocess.SubprocessError):
        steps = _ask("squeue", "--steps", "--noheader", f"--jobs={environ[JOB]}", "--format=%i %j")
        for line in steps.splitlines():
            step, _, name = line.strip().partition(" ")
            if name.strip() == _step_name(slot):
                _ask("scancel", "--signal=KILL", step)


def _slot(nodes: Sequence[str], resources: Resources, job: str) -> Slot:
    name, width = "+".join(nodes), len(nodes)
    device = "cpu" if resources.device == "cpu" else "cuda"
    prefix = (
        "srun",
        f"--nodes={width}",
        f"--ntasks={width}",
        "--ntasks-per-node=1",
        f"--nodelist={','.join(nodes)}",
        f"--job-name=sweeper-{name}",
        "--kill-on-bad-exit=1",  # one node's failure ends the trial
    )
    return Slot(
        name=name,
        device=device,
        device_share=width * (resources.gpus if device == "cuda" else 1.0),
        threads=resources.threads_per_trial,
        environment={
            "OMP_NUM_THREADS": str(resources.threads_per_trial),
            "MASTER_ADDR": nodes[0],
            # torchrun's options --nnodes, --rdzv-backend and --rdzv-id
            "PET_NNODES": str(width),
            "PET_RDZV_BACKEND": "c10d",
            "PET_RDZV_ID": f"sweeper-{job}-{name}",
        },
        prefix=prefix,
    )


def _step_name(slot: Slot) -> str:
    return f"sweeper-{slot.name}"


def _nodes(compressed: str) -> list[str]:
    """Return the nodes of a list such as ``gpu[1-4]``.

    Raises:
        UsageError: SLURM's command does not answer.
    """
    try:
        return _ask("scontrol", "show", "hostnames", compressed).split()
    except (OSError, subprocess.SubprocessError) as error:
        raise UsageError(
            f"resources.nodes_per_trial: scontrol does not list the nodes of {NODE_LIST}={compressed}: {error}. "
            "Is SLURM's bin directory in the PATH of the job?"
        ) from error


def _ask(*command: str) -> str:
    return subprocess.run(
        command, capture_output=True, text=True, timeout=ANSWER_S, check=True, env=dict(os.environ)
    ).stdout
