"""The software and hardware of an attempt, recorded once per launch and stored with its attempts."""

import hashlib
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import psutil

from sweeper.execution.gpus import ask_nvidia_smi
from sweeper.store.url import without_passwords
from sweeper.subprocesses import printed

PACKAGES: Final = ("sweeper", "torch", "numpy", "optuna", "joblib", "sqlalchemy", "pandas")


def facts(directory: Path) -> dict[str, object]:
    """Return facts about the code in a directory, the packages and this machine, as far as they can be found out."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": {
            "host": platform.node(),
            "cpu": _cpu(),
            "cores": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
        },
        "gpus": _gpus(),
        "packages": {name: found for name in PACKAGES if (found := _version(name)) is not None},
        "git": _git(directory),
        "command": command_line(sys.argv),
    }


def command_line(argv: Sequence[str]) -> list[str]:
    """Return the command as given, without the passwords in its URLs: it goes into the store and into reports."""
    words = [Path(argv[0]).name, *argv[1:]] if argv else []
    return [without_passwords(word) for word in words]


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _git(directory: Path) -> dict[str, object] | None:
    """Return the commit of the directory's repository, and a fingerprint of uncommitted changes."""
    commit = printed(["git", "-C", str(directory), "rev-parse", "HEAD"])
    if commit is None:
        return None
    diff = printed(["git", "-C", str(directory), "diff", "HEAD"]) or ""
    fingerprint = hashlib.sha256(diff.encode()).hexdigest() if diff else None
    return {"commit": commit, "changed": bool(diff), "diff_sha256": fingerprint, "diff_lines": diff.count("\n")}


def _gpus() -> list[str]:
    answer = ask_nvidia_smi("--query-gpu=name,memory.total,driver_version", "--format=csv,noheader")
    return (answer or "").strip().splitlines()


def _cpu() -> str | None:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or None
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
