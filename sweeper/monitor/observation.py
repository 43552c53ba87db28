"""From the store to a status: what runs, how long trials took, and the time left."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import fmean
from typing import Final

from sweeper.monitor.claims import claim_statuses
from sweeper.monitor.counting import Extent, counted_unit, program_share, trainer_share
from sweeper.monitor.status import PhaseStatus, RunningTrial, Status, finish_in_s
from sweeper.store.packings import packings_of
from sweeper.store.reading import reader
from sweeper.store.reading.decisions import claim_states
from sweeper.store.reading.reader import DurationRow, ExtentRow, ReadConnection, StudyRow

ALIVE_S: Final = 30.0  # a runner that is silent for longer does not count
FEW_UNITS: Final = 10  # steps or epochs, below which a trial's speed is not known well


def observe(connection: ReadConnection, study: StudyRow, now: float) -> Status:
    """Return the status of a study.

    Args:
        now: seconds since the epoch.
    """
    durations = reader.durations(connection, study.id)
    expected = Expectation(durations)
    running = running_trials(connection, study, durations, expected, now)
    slots = sum(
        runner.slots
        for runner in reader.runners(connection, study.id)
        if runner.ended_at is None and now - runner.heartbeat_at < ALIVE_S
    )
    ledger = reader.spent(connection, study.id)
    found = claim_states(connection, study.id)
    adds_seeds = study.study.adds_seeds
    return Status(
        study=study.name,
        metric=study.metric,
        phases=[PhaseStatus(name=name, counts=found) for name, found in reader.counts(connection, study.id).items()],
        running=running,
        device_hours=sum(ledger.values()) / 3600,
        device_hours_cap=study.budget_device_hours,
        price=study.study.price,
        best=None if study.study.strata else reader.best_value(connection, study),
        slots=slots,
        eta_seconds=_eta_seconds(durations, expected, running, slots),
        ledger={reason: seconds / 3600 for reason, seconds in ledger.items()},
        is_log=study.study.metric.scale == "log",
        point=str(study.study.metric.value),
        claims=claim_statuses(study.study, found.states, budget_ended=found.budget_ended) if adds_seeds else (),
        open_round=found.open_round,
        budget_ended=found.budget_ended,
        packings=packings_of(connection, study.id),
        claims_are_old=adds_seeds and found.are_old,
    )


def running_trials(
    connection: ReadConnection,
    study: StudyRow,
    durations: Sequence[DurationRow],
    expected: "Expectation",
    now: float,
) -> list[RunningTrial]:
    """Return the trials that run now."""
    by_trial = {row.trial_id: row for row in durations}
    done = _done(connection, study)
    curves = reader.running_curves(connection, study)
    metric = study.study.metric
    found = []
    for attempt in reader.attempts(connection, study.id, running=True):
        share, units, resumed_at = done.get(attempt.trial_id, (None, 0, 0))
        curve = curves.get(attempt.trial_id, ())
        value = metric.value.so_far(curve, metric.direction)
        trial = RunningTrial(
            phase=attempt.phase,
            number=attempt.number,
            attempt=attempt.attempt,
            slot=f"{attempt.host}/{attempt.slot}",
            elapsed_s=max(0.0, now - attempt.started_at),
            fraction=share,
            value=value if math.isfinite(value) else None,
            expected_s=expected.of(by_trial[attempt.trial_id]),
            curve=curve,
        )
        found.append(replace(trial, left_s=_left_s(trial, units, resumed_at)))
    return found


def _done(connection: ReadConnection, study: StudyRow) -> dict[int, tuple[float | None, int, int]]:
    """Return of each running trial: its share of its budget, None if unknown; the units that it has counted; and those
    of earlier attempts among them.
    """
    running = reader.extents(connection, study, "running")
    if study.study.trial.is_trainer:
        return {
            row.trial_id: (
                trainer_share(row.config, row.budget, row.last_step or 0),
                row.last_step or 0,
                row.resumed_at or 0,
            )
            for row in running
        }
    rows = running
    if any("steps" not in row.budget for row in running):
        rows += reader.extents(connection, study, "completed")
    counted = {phase: counted_unit(_extents(phase, rows)) for phase in {row.phase for row in running}}
    return {
        row.trial_id: (
            program_share(row.budget, row.step or 0, row.tokens, counted[row.phase]),
            row.step or 0,
            row.resumed_at or 0,
        )
        for row in running
    }


def _extents(phase: str, rows: Sequence[ExtentRow]) -> list[Extent]:
    return [
        Extent(budget=row.budget, step=row.step or 0, completed=row.state == "completed")
        for row in rows
        if row.phase == phase and (row.step is not None or row.state == "running")
    ]


class Expectation:
    """How long trials take, judging by completed ones.

    A prediction is scaled by how much longer or shorter than predicted completed trials took; without predictions a
    trial is expected to take as long as its phase's trials on average, else as all trials.
    """

    def __init__(self, durations: Sequence[DurationRow]) -> None:
        done = [row for row in durations if row.state == "completed" and row.elapsed_s > 0]
        predicted = [row for row in done if row.predicted_s]
        total = sum(row.predicted_s or 0.0 for row in predicted)
        self._scale = sum(row.elapsed_s for row in predicted) / total if total else 1.0
        elapsed: dict[str, list[float]] = {}
        for row in done:
            elapsed.setdefault(row.phase, []).append(row.elapsed_s)
        self._by_phase: Mapping[str, float] = {phase: fmean(each) for phase, each in elapsed.items()}
        self._overall = fmean(row.elapsed_s for row in done) if done else None

    def of(self, row: DurationRow) -> float | None:
        """Return the seconds from start to end; None while nothing is known."""
        if row.predicted_s:
            return row.predicted_s * self._scale
        return self._by_phase.get(row.phase, self._overall)


def _eta_seconds(
    durations: Sequence[DurationRow], expected: Expectation, running: Sequence[RunningTrial], slots: int
) -> float | None:
    """Return when the last trial ends; None if that is unknown, e.g. because everything left is already overdue.

    A study that has ended needs no more time.
    """
    waiting = [row for row in durations if row.state == "waiting"]
    if not waiting and not running:
        return 0.0
    waits = [expected.of(row) for row in waiting]
    left = [trial.left_s for trial in running]
    known = [seconds for seconds in (*waits, *left) if seconds is not None]
    if len(known) < len(waits) + len(left) or max(known) < 0:
        return None
    return finish_in_s([each for each in left if each is not None], [each for each in waits if each is not None], slots)


def _left_s(trial: RunningTrial, units: int, resumed_at: int) -> float | None:
    """Return how long a running trial still needs: by its own speed once it is well under way, else by similar trials.

    After its last step a trial may not be done: it may be evaluated for as long again. After only a few epochs, it may
    have done most of the next one, so its speed says little.

    Args:
        units: that it has counted.
        resumed_at: those that earlier attempts have counted.
    """
    coarse = units < FEW_UNITS and trial.expected_s is not None
    if trial.fraction is not None and trial.fraction < 1.0 and not coarse:
        own = trial.fraction * (units - resumed_at) / units if resumed_at else trial.fraction
        if own >= 0.1:
            return trial.elapsed_s * (1.0 - trial.fraction) / own
    return None if trial.expected_s is None else trial.expected_s - trial.elapsed_s
