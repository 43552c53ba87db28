"""Run a pilot's runs side by side on GPUs, and read what they reported and when."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweeper.execution.slots.resources import Slot
from sweeper.forecast.pilot_throughput import PilotRun
from sweeper.pilot.choice import PilotTrial
from sweeper.pilot.run import Setting, message_of, play, results
from sweeper.pilot.side_by_side import Copy
from sweeper.spec.study import Study
from sweeper.store.reading import reader
from sweeper.store.reading.reader_rows import AttemptRow, TrialRow

OVER: Final = 1.05  # a program that reports more seconds than its slot's share of the time reports wall-clock time


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What runs side by side have shown.

    Attributes:
        runs: the same as measurements for forecasts.
        device_seconds: of all of them.
    """

    copies: tuple[Copy, ...]
    runs: tuple[PilotRun, ...]
    device_seconds: float


def run_copies(
    study: Study,
    kinds: Sequence[tuple[str, PilotTrial]],
    slots: tuple[Slot, ...],
    directory: Path,
    on_tick: Callable[[str], None],
) -> Played | None:
    """Run trials with a store of their own; return None if the user interrupted them.

    Args:
        kinds: the trials, each with its kind.
        directory: an empty one, for the store and the run directories.
    """
    trials = [trial for _, trial in kinds]
    url = play(study, trials, slots, directory, on_tick)
    if url is None:
        return None
    setting = Setting(study, slots, directory / "runs" / study.name, time.time())
    piloted = results(setting, url, trials)
    with reader.connect(url) as connection:
        study_id = reader.studies(connection)[0].id
        rows = reader.trials(connection, study_id)
        attempts = {attempt.trial_id: attempt for attempt in reader.attempts(connection, study_id)}
        seconds = _seconds(reader.measurements(connection, study_id))
    copies = tuple(
        _copy(setting, row, attempts[row.id], kinds[row.number], seconds.get(row.number, {}))
        for row in rows
        if row.id in attempts
    )
    return Played(
        copies=copies, runs=piloted.runs, device_seconds=sum(attempt.device_seconds for attempt in attempts.values())
    )


def _seconds(table: reader.Table) -> dict[int, dict[int, float]]:
    """Return when each run first reported each of its steps, in the seconds that it counts."""
    found: dict[int, dict[int, float]] = {}
    for _, _, number, _, step, _, at, _, _ in table.rows:
        if at is not None:
            of_run = found.setdefault(number, {})
            of_run[step] = min(at, of_run.get(step, at))
    return found


def _copy(
    setting: Setting, row: TrialRow, attempt: AttemptRow, kind: tuple[str, PilotTrial], seconds: Mapping[int, float]
) -> Copy:
    share, last = attempt.device_share, max(seconds.values(), default=0.0)
    is_wall_clock = setting.is_trainer or last > OVER * attempt.device_seconds
    scale = 1.0 if is_wall_clock else 1 / share
    memory = (row.result or {}).get("peak_memory_bytes")
    reports: list[tuple[float, float]] = []
    for step, at in sorted(seconds.items()):
        when = attempt.started_at + at * scale
        if not reports or when > reports[-1][0]:
            reports.append((when, float(step)))
    return Copy(
        kind=kind[0],
        amount=kind[1].amount,
        card=attempt.device,
        reason=row.exit_reason or row.state,
        message=message_of(setting, row),
        began=attempt.started_at,
        seconds=attempt.device_seconds / share,
        reports=tuple(reports),
        memory_bytes=int(memory) if isinstance(memory, int | float) else None,
    )
