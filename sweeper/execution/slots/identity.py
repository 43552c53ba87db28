"""Whose a run directory is: its identity file names the store, the trial and the attempt that wrote there last."""

import json
from pathlib import Path
from typing import Final, Literal

from sweeper.execution.slots.guard_process import since_boot
from sweeper.execution.slots.regular_files import read_json
from sweeper.execution.slots.run_dir import read_mark
from sweeper.files import write_atomically
from sweeper.store.records import Lease

IDENTITY_FILE: Final = "trial.json"
WRITTEN: Final = "since_boot"  # when it was written, on a clock that nobody sets

Belonging = Literal["missing", "ours", "others"]


def belonging(run_dir: Path, lease: Lease) -> Belonging:
    """Return whether a directory is this trial's, by an attempt that the store knows.

    A copy of the store has the same trials, but does not know attempts that began after it was made.
    """
    try:
        found = read_json(run_dir / IDENTITY_FILE)
    except FileNotFoundError:  # within the study's own directory, an attempt died before it was written
        return "ours" if run_dir.is_dir() else "missing"
    except (OSError, ValueError):
        return "others"
    if not isinstance(found, dict):
        return "others"
    if "store" not in found:
        return "ours" if _is_of_earlier_version(found, run_dir, lease) else "others"
    tokens = {lease.token, *(each.token for each in lease.past)}
    mine = (found["store"], found.get("trial")) == (lease.store_uid, lease.trial_id)
    return "ours" if mine and found.get("token") in tokens else "others"


def write_identity(run_dir: Path, lease: Lease) -> None:
    """Write whose a directory is.

    Raises:
        OSError: it cannot be written to.
    """
    identity = {
        **_configuration(lease),
        "store": lease.store_uid,
        "trial": lease.trial_id,
        "attempt": lease.attempt_id,
        "token": lease.token,
        WRITTEN: since_boot(),
    }
    write_atomically(run_dir / IDENTITY_FILE, (json.dumps(identity) + "\n").encode(), private=True)


def _is_of_earlier_version(found: dict[str, object], run_dir: Path, lease: Lease) -> bool:
    """Return whether an identity without a store is that of an attempt of the trial, as far as it says."""
    mark, attempts = read_mark(run_dir), {each.attempt_id for each in lease.past}
    was_here = any(each.run_dir == run_dir for each in lease.past)
    return was_here and found == _configuration(lease) and (mark is None or mark.attempt_id in attempts)


def _configuration(lease: Lease) -> dict[str, object]:
    return {"configuration_hash": lease.configuration_hash, "seed": lease.seed, "budget": dict(lease.budget)}
