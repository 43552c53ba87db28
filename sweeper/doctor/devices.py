"""Check the devices that trials would run on, and whether PyTorch can use them."""

import os
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from sweeper.doctor.findings import MIB, Finding, size_text
from sweeper.execution.gpus import VISIBLE, ask_nvidia_smi, find_gpus, gpus_of_machine, indices
from sweeper.execution.slots.neighbours import launch_text, neighbours
from sweeper.execution.slots.resources import available_cores
from sweeper.quantities import counted
from sweeper.subprocesses import code_command, printed

QUERY: Final = ("--query-gpu=index,name,memory.total,memory.used", "--format=csv,noheader,nounits")
PROBE: Final = "import torch; print(torch.cuda.device_count())"
TIMEOUT_S: Final = 120.0
BUSY_SHARE: Final = 0.1  # of a GPU's memory: more than this means that other programs use it


def check_gpus() -> list[Finding]:
    """Check each GPU, and that PyTorch sees all of them."""
    gpus = find_gpus()
    if not gpus:
        return [_no_gpus()]
    answer = ask_nvidia_smi(*QUERY) or ""
    mine = indices(gpus, gpus_of_machine())
    findings = [gpu_finding(line) for line in answer.splitlines() if line.partition(",")[0].strip() in mine]
    installed = torch_version()
    if installed is None:
        says = "PyTorch is not installed here; programs of your own bring what they use"
        return [*findings, Finding("gpus", "ok", says)]
    return [*findings, torch_finding(len(gpus), printed(code_command(PROBE), timeout_s=TIMEOUT_S), installed)]


def check_launches() -> list[Finding]:
    """List the launches and workers that run on this machine now."""
    found = [launch_text(each) for each in neighbours()]
    return [Finding("launches", "ok", ", ".join(found) or "none on this machine")]


def gpu_finding(line: str) -> Finding:
    """Return the finding on a line of nvidia-smi: index, name, total and used memory in MiB."""
    index, name, total, used = [part.strip() for part in line.split(",", 3)]
    try:
        total_bytes, used_bytes = float(total) * MIB, float(used) * MIB
    except ValueError:  # such as [N/A]
        return Finding("gpus", "ok", f"GPU {index}: {name}")
    says = f"GPU {index}: {name}, {size_text(total_bytes)}, {size_text(used_bytes)} of it used"
    if used_bytes > BUSY_SHARE * total_bytes:
        remedy = "Other programs use it: see nvidia-smi, or select GPUs with CUDA_VISIBLE_DEVICES"
        return Finding("gpus", "note", says, remedy)
    return Finding("gpus", "ok", says)


def torch_finding(gpus: int, seen: str | None, installed: str) -> Finding:
    """Return the finding on PyTorch.

    Args:
        gpus: number of GPUs of this machine.
        seen: number of GPUs that PyTorch printed; None if it failed.
        installed: its version.
    """
    if seen == str(gpus):
        return Finding("gpus", "ok", f"PyTorch {installed} sees {gpus} of {gpus} GPUs")
    says = f"PyTorch {installed} sees {seen or 'none'} of {gpus} GPUs"
    if installed.endswith("+cpu"):
        remedy = "Install a CUDA build, as PyTorch's site says; in a checkout: make setup TORCH=cuda"
        return Finding("gpus", "wrong", f"{says}: this is a CPU build", remedy)
    remedy = "Check with nvidia-smi that the driver supports PyTorch's CUDA version; see the table on PyTorch's site"
    return Finding("gpus", "wrong", says, remedy)


def torch_version() -> str | None:
    """Return the version of PyTorch; None if it is not installed."""
    try:
        return version("torch")
    except PackageNotFoundError:
        return None


def _no_gpus() -> Finding:
    from trainer.config.hardware import bf16_flag  # noqa: PLC0415 - pydantic is slow to load

    cores = available_cores()
    why = "no GPU" if os.environ.get(VISIBLE) is None else f"{VISIBLE} hides all GPUs"
    flag = bf16_flag()
    speed = f", whose {flag} makes the trainer's `precision: mixed` the faster one" if flag else ""
    return Finding("gpus", "ok", f"{why}; trials run on {counted(cores, 'CPU core')}{speed}")
