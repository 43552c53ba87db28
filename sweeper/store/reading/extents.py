"""How far trials are, from which the share of their budgets follows."""

from collections.abc import Mapping
from dataclasses import dataclass

from sweeper.store.reading.read_connection import ReadConnection, json_value, valid
from sweeper.store.reading.reader_rows import StudyRow
from sweeper.store.records import TrialState


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtentRow:
    """How far a trial is.

    Attributes:
        phase: the first that has it.
        step: the last at which it reported the study's metric; None if it has not.
        last_step, tokens: the last of any metric.
        resumed_at: the step at which its last attempt went on from an earlier one; None if it began anew.
    """

    trial_id: int
    phase: str
    state: TrialState
    config: Mapping[str, object]
    budget: Mapping[str, float]
    step: int | None
    last_step: int | None
    tokens: int | None
    resumed_at: int | None = None


def extents(connection: ReadConnection, study: StudyRow, state: TrialState) -> tuple[ExtentRow, ...]:
    """Return how far the trials of a study in one state are."""
    # One index entry per trial, not all its measurements: `status --watch` runs this over and over.
    last = (
        "SELECT m.step FROM sweeper_measurements m WHERE m.trial_id = t.id AND m.metric = :metric"  # noqa: S608 - ours
        f"{valid(connection)}{{condition}} ORDER BY m.step DESC LIMIT 1"
    )
    latest = "(SELECT max(a.id) FROM sweeper_attempts a WHERE a.trial_id = t.id)"
    rows = connection.rows(
        f"SELECT t.id, p.name, t.state, t.config, t.budget, ({last.format(condition='')}), t.step, t.tokens,"  # noqa: S608
        f" CASE WHEN t.attempts > 1 THEN ({last.format(condition=f' AND m.attempt_id < {latest}')}) END"
        " FROM sweeper_trials t JOIN sweeper_phases p ON p.id = t.phase_id"
        " WHERE t.study_id = :study AND t.state = :state",
        {"study": study.id, "state": state, "metric": study.metric},
    )
    return tuple(
        ExtentRow(
            trial_id=trial,
            phase=phase,
            state=found,
            config=json_value(config) or {},
            budget=json_value(budget),
            step=step,
            last_step=last_step,
            tokens=tokens,
            resumed_at=resumed_at,
        )
        for trial, phase, found, config, budget, step, last_step, tokens, resumed_at in rows
    )
