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
    """

    trial_id: int
    phase: str
    state: TrialState
    config: Mapping[str, object]
    budget: Mapping[str, float]
    step: int | None
    last_step: int | None
    tokens: int | None


def extents(connection: ReadConnection, study: StudyRow, state: TrialState) -> tuple[ExtentRow, ...]:
    """Return how far the trials of a study in one state are."""
    rows = connection.rows(
        # One index entry per trial, not all its measurements: `status --watch` runs this over and over.
        "SELECT t.id, p.name, t.state, t.config, t.budget,"  # noqa: S608 - ours
        " (SELECT max(m.step) FROM sweeper_measurements m WHERE m.trial_id = t.id AND m.metric = :metric"
        f"{valid(connection)}),"
        " t.step, t.tokens FROM sweeper_trials t JOIN sweeper_phases p ON p.id = t.phase_id"
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
        )
        for trial, phase, found, config, budget, step, last_step, tokens in rows
    )
