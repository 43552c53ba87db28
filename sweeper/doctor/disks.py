"""Check the disks that hold the store and the trials' files."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import psutil

from sweeper.doctor.findings import GIB, Finding, size_text

MIN_BYTES: Final = 1 * GIB
LOW_BYTES: Final = 10 * GIB
MIN_FILES: Final = 10_000
NETWORK: Final = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p", "afs")


def check_disk(directories: Sequence[Path]) -> list[Finding]:
    """Check that directories are writable and have free space, once per disk; they need not exist yet."""
    by_disk = {found.stat().st_dev: found for found in map(_existing, directories)}
    return [finding for directory in by_disk.values() for finding in (*_writable(directory), _space(directory))]


def network_kind(directory: Path) -> str | None:
    """Return the kind of network file system that a directory is on; None for a local one."""
    mounts = {partition.mountpoint: partition.fstype for partition in psutil.disk_partitions(all=True)}
    existing = _existing(directory).resolve()
    kind = next((mounts[str(each)] for each in (existing, *existing.parents) if str(each) in mounts), "")
    return kind if kind in NETWORK or kind.startswith("fuse.sshfs") else None


def space_finding(directory: Path, free_bytes: int, free_files: int | None) -> Finding:
    """Return the finding on a disk's free space; `free_files` is None if the file system does not limit them."""
    says = f"{directory}: {size_text(free_bytes)} free"
    remedy = "Free some space, or use another disk with --store and $SWEEPER_RUNS"
    if free_bytes < MIN_BYTES:
        return Finding("disk", "wrong", says, remedy)
    if free_files is not None and free_files < MIN_FILES:
        return Finding("disk", "wrong", f"{says}, but room for only {free_files} files", remedy)
    if free_bytes < LOW_BYTES:
        return Finding("disk", "note", says, "Checkpoints may need more: `sweeper plan STUDY.yaml` predicts how much")
    return Finding("disk", "ok", says)


def _space(directory: Path) -> Finding:
    status = os.statvfs(directory)
    return space_finding(directory, shutil.disk_usage(directory).free, status.f_favail if status.f_files else None)


def _writable(directory: Path) -> list[Finding]:
    if os.access(directory, os.W_OK):
        return []
    return [Finding("disk", "wrong", f"{directory} is read-only", "Make it writable, or use another with --store")]


def _existing(directory: Path) -> Path:
    """Return the directory, or its nearest parent that exists."""
    absolute = directory.absolute()
    return next(each for each in (absolute, *absolute.parents) if each.is_dir())
