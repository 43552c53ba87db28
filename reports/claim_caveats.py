"""What a reader must know beside a verdict: claims changed after the data, and trials that could turn it."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Literal

from reports.censored import Bounds, ending_bounds
from reports.claim_evidence import Claim, evidence
from reports.claim_parts import Evidence, Part
from reports.load import StudyData
from reports.measures import Measure
from reports.statistics.multiplicity import all_of, any_of
from reports.wording import count, listed, time_text

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
    if open_trials:
        notes.append(f"{count(open_trials, 'trial')} not ended yet.")
    if "completed" in states:
        notes.append(f"{count(states.count('completed'), 'completed trial')} without {measure.name}.")
    return tuple(notes)


def could_become(data: StudyData, claim: Claim, measure: Measure, found: Evidence, judge: Judge) -> tuple[Verdict, ...]:
    """The verdicts that there would be had the pruned and failed trials ended as well or as badly as they could."""
    lost = [trial for trial, state in found.missing if state in ENDED]
    bounds = ending_bounds(data, measure, lost)
    if not bounds:
        return ()
    scenarios = [
        _scenarios(data, claim, measure, part=part, place=place, bounds=bounds)
        for place, part in enumerate(found.parts)
    ]
    kindest = (
        all_of([min(part.p_support for part in each) for each in scenarios]),
        any_of([max(part.p_refute for part in each) for each in scenarios]),
    )
    harshest = (
        all_of([max(part.p_support for part in each) for each in scenarios]),
        any_of([min(part.p_refute for part in each) for each in scenarios]),
    )
    return tuple(dict.fromkeys((judge(*kindest), judge(*harshest))))


def _scenarios(
    data: StudyData, claim: Claim, measure: Measure, *, part: Part, place: int, bounds: Bounds
) -> tuple[Part, Part]:
    """A part with the missing trials filled in so that its effect is as large, and as small, as can be."""
    weights = {
        trial: weight for unit in part.comparison.units for cell, weight in unit.terms for trial, _ in cell.missing
    }
    largest, smallest = (
        {trial: bounds[trial][int((weight > 0) == up)] for trial, weight in weights.items() if trial in bounds}
        for up in (True, False)
    )
    return _filled(data, claim, measure, largest, place), _filled(data, claim, measure, smallest, place)


def _filled(data: StudyData, claim: Claim, measure: Measure, values: dict[int, float], place: int) -> Part:
    raw = {trial: math.exp(value) if measure.scale == "log" else value for trial, value in values.items()}
    whole = replace(measure, raw={**measure.raw, **raw}, values={**measure.values, **values})
    return evidence(data, claim, whole).parts[place]


def _late_changes(data: StudyData) -> Iterator[tuple[float, str]]:
    started = data.trials["started_at"].min()
    for moment, lines in data.changes:
        if moment > started:  # never so while nothing has started: NaN
            yield from ((moment, line) for line in lines)
