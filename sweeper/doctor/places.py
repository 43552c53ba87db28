"""Whether there is room, and on what, for the store and the trials' files."""

import os
import shutil
from pathlib import Path
from typing import Final

import psutil

from sweeper.doctor.findings import GIB, Finding, size_text

LEAST_BYTES: Final = 1 * GIB
LITTLE_BYTES: Final = 10 * GIB
LEAST_FILES: Final = 10_000
NETWORK: Final = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "lustre", "gpfs", "beegfs", "ceph", "glusterfs", "9p", "afs")


def check_disk(folders: list[Path]) -> list[Finding]:
    """Room in the folders that the store and the runs come to, each of which may not exist yet; one finding a disk."""
    by_disk = {found.stat().st_dev: found for found in map(_existing, folders)}
    return [finding for folder in by_disk.values() for finding in (*_writable(folder), _room(folder))]


def on_network(folder: Path) -> str | None:
    """The kind of the network file system that a folder is on; None for a local one."""
    mounts = {partition.mountpoint: partition.fstype for partition in psutil.disk_partitions(all=True)}
    place = _existing(folder).resolve()
    kind = next((mounts[str(each)] for each in (place, *place.parents) if str(each) in mounts), "")
    return kind if kind in NETWORK or kind.startswith("fuse.sshfs") else None


def room_finding(folder: Path, free: int, files: int | None) -> Finding:
    """What to say of so many free bytes and files."""
    says = f"{folder}: {size_text(free)} free"
    remedy = "Free some, or choose another place with --store and $SWEEPER_RUNS"
    if free < LEAST_BYTES:
        return Finding("disk", "wrong", says, remedy)
    if files is not None and files < LEAST_FILES:
        return Finding("disk", "wrong", f"{says}, but room for {files} files only", remedy)
    if free < LITTLE_BYTES:
        return Finding("disk", "note", says, "Checkpoints may need more: sweeper plan STUDY.yaml says how much")
    return Finding("disk", "ok", says)


def _room(folder: Path) -> Finding:
    status = os.statvfs(folder)
    return room_finding(folder, shutil.disk_usage(folder).free, status.f_favail if status.f_files else None)


def _writable(folder: Path) -> list[Finding]:
    if os.access(folder, os.W_OK):
        return []
    return [Finding("disk", "wrong", f"{folder} is read-only", "Make it writable, or choose another with --store")]


def _existing(folder: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    absolute = folder.absolute()
    return next(each for each in (absolute, *absolute.parents) if each.is_dir())
