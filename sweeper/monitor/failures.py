"""The failures of a study by their causes. The JSON of `sweeper show STUDY --json`."""

from collections.abc import Sequence
from dataclasses import dataclass

from sweeper.store.failures import Cause, cause_of
from sweeper.store.reading import reader
from sweeper.store.reading.reader import AttemptRow, ReadConnection, StudyRow, TrialRow

FAILURES = ("crashed", "killed", "out_of_memory", "diverged", "timeout")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failures:
    """The trials whose last attempt failed of one cause.

    Attributes:
        trials: PHASE/NUMBER of each.
        num_failed: how many of them have failed for good; the others wait to run again.
        num_attempts: of these trials, those that failed of this cause.
    """

    cause: Cause
    trials: Sequence[str]
    num_failed: int
    num_attempts: int

    @property
    def num_retried(self) -> int:
        """How many of them are left, since they have retries."""
        return len(self.trials) - self.num_failed


def failures(connection: ReadConnection, study: StudyRow) -> tuple[Failures, ...]:
    """Return the failures of a study by their causes, the most frequent first."""
    attempts: dict[int, list[AttemptRow]] = {}
    for attempt in reader.attempts(connection, study.id):
        if attempt.ended_at is not None:
            attempts.setdefault(attempt.trial_id, []).append(attempt)
    groups: dict[tuple[object, ...], list[tuple[TrialRow, Cause]]] = {}
    for trial in reader.trials(connection, study.id):
        if (cause := _cause(trial, attempts.get(trial.id, []))) is not None:
            groups.setdefault(cause.key, []).append((trial, cause))
    found = (_failures(key, group, attempts) for key, group in groups.items())
    return tuple(sorted(found, key=lambda each: -len(each.trials)))


def failures_json(study: str, found: Sequence[Failures]) -> dict[str, object]:
    """Return what `sweeper show STUDY --json` prints."""
    return {
        "study": study,
        "failures": [
            {
                "cause": str(each.cause),
                "exit_reason": each.cause.exit_reason,
                "exit_code": each.cause.exit_code,
                "exit_signal": each.cause.exit_signal,
                "failed": each.num_failed,
                "waiting": each.num_retried,
                "attempts": each.num_attempts,
                "trials": list(each.trials),
            }
            for each in found
        ],
    }


def _cause(trial: TrialRow, attempts: Sequence[AttemptRow]) -> Cause | None:
    """Return why a trial's last attempt failed; None if it has not, or the trial has ended well since."""
    last = attempts[-1] if attempts else None
    if trial.state == "failed" and (last is None or last.exit_reason != trial.exit_reason):
        return cause_of(trial.exit_reason or "failed", None, None, trial.message)  # e.g. cancelled
    if trial.state not in ("failed", "waiting", "running") or last is None or not _has_failed(last):
        return None
    return _cause_of(last)


def _cause_of(attempt: AttemptRow) -> Cause:
    return cause_of(attempt.exit_reason or "", attempt.exit_code, attempt.exit_signal, attempt.message)


def _has_failed(attempt: AttemptRow) -> bool:
    return attempt.exit_reason in FAILURES and not attempt.supervisor_lost


def _failures(
    key: tuple[object, ...], group: Sequence[tuple[TrialRow, Cause]], attempts: dict[int, list[AttemptRow]]
) -> Failures:
    trials = [trial for trial, _ in group]
    ended = [attempt for trial in trials for attempt in attempts.get(trial.id, [])]
    return Failures(
        cause=group[0][1],
        trials=[f"{trial.phase}/{trial.number}" for trial in trials],
        num_failed=sum(trial.state == "failed" for trial in trials),
        num_attempts=sum(_has_failed(attempt) and _cause_of(attempt).key == key for attempt in ended),
    )
