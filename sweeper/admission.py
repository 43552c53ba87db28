"""What `sweeper launch` refuses before it writes anything: what cannot fit the budget, the memory or the disk."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import psutil

from sweeper.errors import UsageError
from sweeper.estimate import device_for, slots_for
from sweeper.execution.launch import runs_dir
from sweeper.forecast.forecast import study_footprint
from sweeper.forecast.pilot_throughput import Pilots
from sweeper.forecast.trial_seconds import Prediction, total
from sweeper.planning.plan import Plan, Reference
from sweeper.quantities import byte_size, device_hours, hours
from sweeper.spec.study import Study
from sweeper.store.reading.reader import is_in_store


def refuse_what_cannot_fit(study: Study, planned: Plan, predicted: Mapping[Reference, Prediction]) -> None:
    """Refuse a study whose trials take more than its budget even at the low end of the prediction.

    Raises:
        UsageError: it cannot fit; the message says what would.
    """
    cap = study.device_hours
    whole = total(list(predicted.values()))
    if cap is None or whole is None or whole.low / 3600 <= cap:
        return
    raise UsageError(
        f"{study.path}: budget.device_hours: {cap:g} is less than the {len(planned.trials)} trials need, which is "
        f"{device_hours(whole.seconds / 3600)} by prediction, and {hours(whole.low / 3600)} at the least. "
        f"Raise it, plan less (sweeper plan {study.path}), or run what fits: --force"
    )


def refuse_what_has_no_room(study: Study, planned: Plan, pilots: Pilots, *, store: str, slots: int | None) -> None:
    """Refuse a study whose trials, as a pilot measured them, need more memory or disk than this machine has.

    What is only estimated refuses nothing. A study that is in the store already has written a part of its files.

    Raises:
        UsageError: it cannot fit; the message says what would.
    """
    found = study_footprint(planned, study, pilots)
    if found is None or not found.measured:
        return
    number, _ = slots_for(study, slots)
    memory = psutil.virtual_memory().total
    if device_for(study) == "cpu" and number * found.memory > memory:
        raise UsageError(
            f"{study.path}: resources.slots: {number} trials at a time take {byte_size(number * found.memory)} of "
            f"memory as the pilot measured it, and this machine has {byte_size(memory)}. "
            f"Fewer fit (--slots {max(1, int(memory / found.memory))}), or go on all the same: --force"
        )
    folder = runs_dir(store)
    free = shutil.disk_usage(_that_is_there(folder)).free
    if found.disk > free and not is_in_store(store, study.name):
        raise UsageError(
            f"{study.path}: the {len(planned.trials)} trials' files take {byte_size(found.disk)} as the pilot "
            f"measured them, and {folder} has {byte_size(free)} of room. Make room, name another folder "
            "(SWEEPER_RUNS), or go on all the same: --force"
        )


def _that_is_there(folder: Path) -> Path:
    return next(place for place in (folder, *folder.parents) if place.exists())
