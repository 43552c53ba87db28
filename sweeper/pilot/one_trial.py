"""Try a study with one short trial: what its program reports, and how it ends. The study's store has nothing of it."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from sweeper.errors import UsageError
from sweeper.execution.launch import runs_dir
from sweeper.execution.slots.log_reading import LogReading, read_log
from sweeper.execution.slots.metrics import OUTPUT_FILE
from sweeper.execution.slots.running import slots_for
from sweeper.pilot.choice import PilotTrial, first_trial
from sweeper.pilot.run import play
from sweeper.planning.plan import Plan
from sweeper.spec.metric_source import RUN_DIR
from sweeper.spec.study import Study
from sweeper.store.reading import reader
from sweeper.store.reading.directories import run_directory


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedTrial:
    """How the trial ended.

    Attributes:
        reason: its exit reason, e.g. completed.
        message: what the trial says of it; None for nothing.
        reading: what was found of its metrics.
    """

    trial: PilotTrial
    reason: str
    message: str | None
    seconds: float
    reading: LogReading


def try_one(
    study: Study, plan: Plan, *, store: str, amount: int | None, on_tick: Callable[[str], None] = lambda _: None
) -> TriedTrial | None:
    """Run the first configuration of a plan for a short time; return None if the user interrupted it.

    Args:
        store: beside which the trial's temporary directory is.
        amount: the length of the trial, in steps or in the unit of its phase's budget; None for the default.
        on_tick: called about once per second with the URL of the trial's own store.

    Raises:
        UsageError: the machine lacks what the study requires, or no configuration can be drawn.
    """
    trial = first_trial(plan, study, amount=amount)
    if trial is None:
        raise UsageError(f"{study.path}: no configuration can be drawn to try. Check the ranges of the factors.")
    slots = slots_for(study, 1)
    directory = runs_dir(store)
    directory.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryDirectory(dir=directory, prefix=".try-", ignore_cleanup_errors=True) as scratch:
            url = play(study, [trial], slots, Path(scratch), on_tick)
            return None if url is None else _ended(study, trial, url)
    finally:
        with suppress(OSError):  # others' runs are in it
            directory.rmdir()


def _ended(study: Study, trial: PilotTrial, url: str) -> TriedTrial:
    with reader.connect(url) as connection:
        (row,) = reader.trials(connection, reader.studies(connection)[0].id)
        directory = run_directory(connection, row)
    with suppress(OSError):
        directory.mkdir(parents=True, exist_ok=True)  # a program may have removed it
    reading = read_log(directory, study.trial.program, shown=Path(RUN_DIR))
    return TriedTrial(
        trial=trial,
        reason=row.exit_reason or row.state,
        message=None if row.message is None else row.message.replace(str(directory), RUN_DIR),
        seconds=row.device_seconds,
        reading=replace(reading, place=Path(OUTPUT_FILE)),  # its directory will be gone
    )
