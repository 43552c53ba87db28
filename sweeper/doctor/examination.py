"""All of `sweeper doctor`'s looks, in the order in which they are told."""

from sweeper.doctor.corpora import check_data
from sweeper.doctor.devices import check_gpus
from sweeper.doctor.findings import Finding
from sweeper.doctor.places import check_disk
from sweeper.doctor.stores import check_clock, check_store
from sweeper.doctor.versions import check_versions
from sweeper.errors import StoreError
from sweeper.execution.launch import runs_dir
from sweeper.store.url import sqlite_path


def examine(store: str) -> list[Finding]:
    """Look at everything that a study on this machine needs. Nothing is written."""
    return [
        *check_versions(),
        *check_store(store),
        *_disk(store),
        *check_gpus(),
        *check_data(),
        *check_clock(store),
    ]


def _disk(store: str) -> list[Finding]:
    try:
        path = sqlite_path(store)
        folders = [runs_dir(store)]
    except StoreError:  # told of the store
        return []
    return check_disk([*([path.parent] if path is not None else []), *folders])
