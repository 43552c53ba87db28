"""What is refused before anything is written: what is not installed, or cannot fit the budget, memory or disk."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import psutil

from sweeper.errors import MistakesError, UsageError
from sweeper.estimate import Estimate
from sweeper.execution.launch import runs_dir
from sweeper.extras import absence, missing_modules
from sweeper.planning.notes import missing_lines
from sweeper.quantities import byte_size, counted, device_hours, hours
from sweeper.spec import yaml_source
from sweeper.spec.study import Study
from sweeper.store.reading.reader import is_in_store


def check_installed(study: Study) -> None:
    """Refuse a study of the built-in trainer where the trainer's extra is not installed.

    Raises:
        MistakesError: it is not; the message says where in the file, and how to install it.
    """
    missing = missing_modules("trainer") if study.trial.is_trainer else []
    if missing:
        source = yaml_source.parse(study.source, str(study.path))
        message = f"'trainer' needs {absence('trainer', missing)}"
        raise MistakesError([source.mistake(("trial", "program"), message)])


def check_has_program(study: Study, store: str) -> None:
    """Refuse to launch a study of imported runs that the store does not have: there is nothing to run.

    Raises:
        MistakesError: it is one; the message says where in the file, and what to do.
        StoreError: there is a store, but it cannot be read.
    """
    if study.trial.is_imported and not is_in_store(store, study.name):
        source = yaml_source.parse(study.source, str(study.path))
        message = (
            f"'imported' is no program that can run, and the store has no runs of {study.name!r}. Import them with "
            "`sweeper import`, or name your program, e.g. {command: [python, train.py]}."
        )
        raise MistakesError([source.mistake(("trial", "program"), message)])


def check_has_all(study: Study, *, anyway: str = "") -> None:
    """Refuse a study whose program or corpora are not where its trials would look for them on this machine.

    Args:
        anyway: how to start the trials even so; empty if there is no way.

    Raises:
        UsageError: something is missing; the message says where in the file, and what to do.
    """
    if missing := missing_lines(study):
        raise UsageError("\n".join((*missing, anyway) if anyway else missing))


def check_admission(found: Estimate, *, store: str, here: bool) -> None:
    """Refuse a study that cannot fit.

    Args:
        here: whether the trials would run on this machine, so that its memory and disk matter.

    Raises:
        UsageError: the study cannot fit; the message says what would.
    """
    refuse_over_budget(found)
    if here:
        refuse_without_room(found, store=store)


def refuse_over_budget(found: Estimate) -> None:
    """Refuse a study whose trials exceed its budget even at the lower bound of the prediction.

    Raises:
        UsageError: the budget is too small.
    """
    study, whole, cap = found.study, found.whole, found.study.device_hours
    if cap is None or whole is None or whole.low / 3600 <= cap:
        return
    raise UsageError(
        f"{study.path}: budget.device_hours: {cap:g} is less than the {counted(len(found.plan.trials), 'trial')} need: "
        f"{device_hours(whole.seconds / 3600)} predicted, at least {hours(whole.low / 3600)}. "
        f"Raise the budget, plan less (sweeper plan {study.path}), or run what fits with --force."
    )


def refuse_without_room(found: Estimate, *, store: str) -> None:
    """Refuse a study whose trials, as measured by a pilot, need more memory or disk space than this machine has.

    Estimates without a pilot refuse nothing. A study in the store has already written a part of its files.

    Raises:
        UsageError: the memory or the disk is too small.
    """
    study, footprint = found.study, found.footprint()
    if footprint is None or not footprint.measured:
        return
    memory = psutil.virtual_memory().total
    if found.device == "cpu" and found.slots * footprint.memory > memory:
        raise UsageError(
            f"{study.path}: resources.slots: {counted(found.slots, 'trial')} in parallel need "
            f"{byte_size(found.slots * footprint.memory)} of memory, as measured by the pilot, but this machine has "
            f"{byte_size(memory)}. Use fewer (--slots {max(1, int(memory / footprint.memory))}), or continue anyway "
            "with --force."
        )
    directory = runs_dir(store)
    free = shutil.disk_usage(_existing(directory)).free
    if footprint.disk > free and not is_in_store(store, study.name):
        raise UsageError(
            f"{study.path}: the files of {counted(len(found.plan.trials), 'trial')} need {byte_size(footprint.disk)}, "
            f"as measured by the pilot, but {directory} has only {byte_size(free)} free. Free some space, name another "
            "directory ($SWEEPER_RUNS), or continue anyway with --force."
        )


def refuse_failing_pilot(study: Study, failures: Sequence[str]) -> None:
    """Refuse a study whose pilot had runs that failed, because its trials would fail too.

    Raises:
        UsageError: there are failures.
    """
    if failures:
        raise UsageError(
            f"{study.path}: {len(failures)} of the pilot's kinds of trials failed, so nothing was launched. "
            "Fix them, or continue anyway with --force."
        )


def _existing(directory: Path) -> Path:
    """Return the directory, or its nearest parent that exists."""
    return next(each for each in (directory, *directory.parents) if each.exists())
