"""All checks of `sweeper doctor`, in the order in which they are printed."""

from sweeper.doctor.corpora import check_data
from sweeper.doctor.devices import check_gpus, check_launches
from sweeper.doctor.disks import check_disk
from sweeper.doctor.findings import Finding
from sweeper.doctor.stores import check_clock, check_store
from sweeper.doctor.versions import check_versions
from sweeper.errors import StoreError
from sweeper.execution.launch import runs_dir
from sweeper.store.url import sqlite_path


def examine(store: str) -> list[Finding]:
    """Check everything that a study on this machine needs, without writing anything."""
    return [
        *check_versions(),
        *check_store(store),
        *_disk(store),
        *check_gpus(),
        *check_launches(),
        *check_data(),
        *check_clock(store),
    ]


def _disk(store: str) -> list[Finding]:
    try:
        path = sqlite_path(store)
        directories = [runs_dir(store)] if path is None else [path.parent, runs_dir(store)]
    except StoreError:  # check_store reports it
        return []
    return check_disk(directories)
