"""Which devices trials would run on, and whether PyTorch can use them."""

import os
import shutil
import subprocess
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from sweeper.doctor.findings import MIB, Finding, size_text
from sweeper.execution.slots.gpus import find_gpus, gpus_of_machine, indices
from sweeper.execution.slots.resources import available_cores
from sweeper.quantities import counted
from sweeper.subprocesses import code_command

QUERY: Final = ("--query-gpu=index,name,memory.total,memory.used", "--format=csv,noheader,nounits")
PROBE: Final = "import torch; print(torch.cuda.device_count())"
ASK_S: Final = 120.0
BUSY_SHARE: Final = 0.1  # of a GPU's memory: so much is held by somebody else's program


def check_gpus() -> list[Finding]:
    """The GPUs, those that others use, and whether PyTorch sees as many."""
    gpus = find_gpus()
    if not gpus:
        return [_no_gpus()]
    answer = _output([shutil.which("nvidia-smi") or "nvidia-smi", *QUERY]) or ""
    mine = indices(gpus, gpus_of_machine())
    findings = [gpu_finding(line) for line in answer.splitlines() if line.partition(",")[0].strip() in mine]
    seen = _output(code_command(PROBE))
    return [*findings, torch_finding(len(gpus), None if seen is None else seen.strip(), torch_version())]


def gpu_finding(line: str) -> Finding:
    """What a line of nvidia-smi says: index, name, memory in MiB in all and used."""
    index, name, total, used = [part.strip() for part in line.split(",", 3)]
    try:
        whole, taken = float(total) * MIB, float(used) * MIB
    except ValueError:  # such as [N/A]
        return Finding("gpus", "ok", f"GPU {index}: {name}")
    says = f"GPU {index}: {name}, {size_text(whole)}, {size_text(taken)} of it used"
    if taken > BUSY_SHARE * whole:
        return Finding("gpus", "note", says, "Others use it: see nvidia-smi, or choose with CUDA_VISIBLE_DEVICES")
    return Finding("gpus", "ok", says)


def torch_finding(gpus: int, seen: str | None, installed: str | None) -> Finding:
    """Whether PyTorch sees the GPUs: their number here, what it printed (None: it failed), and its version."""
    if seen == str(gpus):
        return Finding("gpus", "ok", f"PyTorch {installed} sees {gpus} of {gpus} GPUs")
    says = f"PyTorch {installed} sees {seen or 'none'} of {gpus} GPUs"
    if installed is not None and installed.endswith("+cpu"):
        return Finding("gpus", "wrong", f"{says}: it is its CPU build", "Install its CUDA build: make setup TORCH=cuda")
    remedy = "Check that the driver is as new as PyTorch's CUDA: nvidia-smi, and the table on PyTorch's site"
    return Finding("gpus", "wrong", says, remedy)


def torch_version() -> str | None:
    """The version of PyTorch; None where it is absent."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return None


def _no_gpus() -> Finding:
    cores = available_cores()
    why = "CUDA_VISIBLE_DEVICES hides all GPUs" if os.environ.get("CUDA_VISIBLE_DEVICES") is not None else "no GPU"
    return Finding("gpus", "ok", f"{why}; trials run on {counted(cores, 'CPU core')}")


def _output(command: list[str]) -> str | None:
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=ASK_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout if answer.returncode == 0 else None
