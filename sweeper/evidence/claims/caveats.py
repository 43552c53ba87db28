"""What a reader must know beside a verdict: claims changed after the data, and trials that it lacks."""

from collections.abc import Callable, Iterator
from typing import Literal

from sweeper.evidence.claims.parts import Evidence
from sweeper.evidence.data.load import StudyData
from sweeper.evidence.data.measures import Measure
from sweeper.evidence.formatting import count, listed, time_text

Verdict = Literal["supported", "refuted", "undecided", "untested"]
Judge = Callable[[float, float], Verdict]  # from unadjusted p-values for and against
ENDED = ("pruned", "failed")


def changes_after_data(data: StudyData, claim_id: str) -> tuple[str, ...]:
    """What was changed in a claim after the first trial had started, with the time."""
    return tuple(
        f"Changed after data existed ({time_text(moment)}): {line}"
        for moment, line in _late_changes(data)
        if line.startswith((f"claims.{claim_id}.", f"claims.{claim_id}:"))
    )


def removed_claims(data: StudyData) -> tuple[str, ...]:
    """Claims that were taken out of the study after data existed; without them Holm's adjustment is weaker."""
    return tuple(line for _, line in _late_changes(data) if line.startswith("claims.") and ": removed" in line)


def missing_words(found: Evidence, measure: Measure) -> tuple[str, ...]:
    """The trials that a claim lacks, in words: pruned, failed, not ended, or completed without the metric."""
    states = [state for _, state in found.missing]
    words = [count(states.count(state), f"{state} trial") for state in ENDED if state in states]
    open_trials = sum(state in ("waiting", "running") for state in states)
    notes = [f"{listed(words)} left out, with what would have been paired."] if words else []
    if "pruned" in states:
        notes.append("Its p-values are the largest that the ends of pruned trials could have given.")
    if open_trials:
        notes.append(f"{count(open_trials, 'trial')} not ended yet.")
    if "completed" in states:
        notes.append(f"{count(states.count('completed'), 'completed trial')} without {measure.name}.")
    return tuple(notes)


def _late_changes(data: StudyData) -> Iterator[tuple[float, str]]:
    started = data.trials["started_at"].min()
    for moment, lines in data.changes:
        if moment > started:  # never so while nothing has started: NaN
            yield from ((moment, line) for line in lines)
