"""What attempts of a trial may have lost of their reports, and whether later attempts have made it good.

A loss by itself says nothing about the trial: the next attempt may resume before it, and report everything again. If it
resumes after it, steps are missing, and the trial has not completed.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from sweeper.execution.slots.regular_files import read_json
from sweeper.files import write_atomically
from sweeper.quantities import counted
from sweeper.store.reading.trial_metrics import first_steps, last_step, steps_by_metric
from sweeper.store.records import Lease

REGULAR: Final = 5  # equal pauses of a metric that make a longer one worth a note
LOSSES_FILE: Final = ".lost.json"  # beside the checkpoint, and gone with it; a promoted trial does not inherit it


@dataclass(frozen=True, slots=True)
class Loss:
    """What an attempt reported after a step may not have been read; None if that is all it reported."""

    attempt_id: int
    after: int | None


@dataclass(frozen=True, slots=True)
class Hole:
    """Steps between which reports may be missing; None for the beginning and the end of a trial."""

    after: int | None
    before: int | None


def losses_in(run_dir: Path) -> tuple[Loss, ...]:
    """Return the losses of the attempts that ran in a directory, or in those that it was copied from."""
    with suppress(OSError, ValueError, TypeError, KeyError):
        return tuple(Loss(int(each["attempt_id"]), each["after"]) for each in read_json(run_dir / LOSSES_FILE))
    return ()


def note_loss(run_dir: Path, loss: Loss) -> None:
    """Write down a loss, for the attempts that follow.

    Raises:
        OSError: the directory cannot be written to.
    """
    known = losses_in(run_dir)
    if loss.attempt_id not in {each.attempt_id for each in known}:
        text = json.dumps([asdict(each) for each in (*known, loss)])
        write_atomically(run_dir / LOSSES_FILE, text.encode(), private=True)


def note_loss_of(engine: Engine, lease: Lease, after: int | None) -> None:
    """See that attempts that follow know of the loss of one, if its directory is there for them to resume from.

    Args:
        after: the step after which it was; None for all that the attempt reported, after what earlier ones did.
    """
    if after is None:
        after = last_step(engine, lease)
    with suppress(FileNotFoundError):
        note_loss(lease.run_dir, Loss(lease.attempt_id, after))


@dataclass(frozen=True, slots=True)
class Missing:
    """What is missing of what a trial reported.

    Attributes:
        hole: why it has not completed; None if nothing was lost, or all of it was reported again.
        gaps: where something may be missing without any sign but this.
    """

    hole: str | None = None
    gaps: tuple[str, ...] = ()


def missing_steps(engine: Engine, lease: Lease) -> Missing:
    """Return what is missing of what a trial reported, once its last attempt is in the store."""
    if lease.fence == 1:
        return Missing()
    starts, steps = first_steps(engine, lease), steps_by_metric(engine, lease)
    losses = losses_in(lease.run_dir)
    lost_after = [loss.after or 0 for loss in losses]
    for loss in losses:
        later = (step for attempt, step in starts.items() if attempt > loss.attempt_id)
        found = hole_after(loss.after, min(later, default=None), steps, lease.metric, lost_after)
        if found is not None:
            return Missing(hole=_message(lease, found))
    return Missing(gaps=tuple(gaps(steps, starts.values())))


def gaps(steps: Mapping[str, Sequence[int]], starts: Collection[int]) -> Iterator[str]:
    """Yield where metrics of an unchanging pause paused for longer while one attempt followed another.

    What a program had written and nobody had read may have been cut off in between, or never have left its buffer.

    Args:
        steps: of each metric, those that count, in their order.
        starts: the lowest step that each attempt reported.
    """
    for name, reported in steps.items():
        between = [pair for pair in pairwise(reported) if any(pair[0] < start <= pair[1] for start in starts)]
        pauses = [b - a for a, b in pairwise(reported) if (a, b) not in between]
        if len(pauses) >= REGULAR and len(set(pauses)) == 1:
            for a, b in between:
                if b - a > pauses[0]:
                    yield (
                        f"{name}: an attempt ended after step {a}, and the next report is of step {b}, though all "
                        f"others are {counted(pauses[0], 'step')} apart: what was reported between was not found"
                    )


def hole_after(
    after: int | None,
    resumed_at: int | None,
    steps: Mapping[str, Sequence[int]],
    metric: str,
    losses: Iterable[int] = (),
) -> Hole | None:
    """Return the steps between which reports may be missing since a loss; None if nothing is missing.

    Nothing is if a later attempt reported everything after the lost step, or if no metric is late that was due by
    the step at which it resumed: after its longest pause elsewhere, or after a longer one if its pauses keep widening.

    Args:
        after: the last step before the loss; None if there was none.
        resumed_at: the lowest step that later attempts reported; None if they reported nothing.
        steps: of each metric, those that count, in their order.
        metric: the study's.
        losses: the last steps before other losses, since a pause over one of them may be a hole, too.
    """
    last = after or 0
    if resumed_at is not None and resumed_at <= last + 1:
        return None
    if resumed_at is None and metric in steps and steps[metric][-1] <= last:
        return Hole(after, None)
    pauses = {name: _usual_pause(reported, last, {last, *losses}) for name, reported in steps.items()}
    for name in _telling(steps, pauses, last, metric):
        begins = max((step for step in steps[name] if step <= last), default=None)
        later = next((step for step in steps[name] if step > last), None)
        due = (begins or 0) + (pauses[name] or 1)
        if resumed_at is not None and due > resumed_at:
            continue
        if later is not None and later > due:
            return Hole(begins, later)
        if later is None and name == metric:
            return Hole(after, None)
    return None


def _telling(
    steps: Mapping[str, Sequence[int]], pauses: Mapping[str, float | None], last: int, metric: str
) -> Sequence[str]:
    """Return the metrics that had begun and whose pauses are known; if there is none, the one reported most often.

    One that is reported once, e.g. at a trial's end, tells nothing about the steps before.
    """
    found = [name for name, reported in steps.items() if reported[0] <= last and pauses[name] is not None]
    return found or sorted(steps, key=lambda name: (len(steps[name]), name == metric))[-1:]


def _usual_pause(steps: Sequence[int], last: int, losses: Collection[int]) -> float | None:
    """Return the longest pause of a metric that is over no loss, or the one to expect after a step; None if unknown."""
    kept = [(a, b) for a, b in pairwise(steps) if a < b and not any(a <= loss < b for loss in losses)]
    before = [b - a for a, b in kept if b <= last]
    known = [float(b - a) for a, b in kept]
    if len(before) > 1 and before == sorted(before):  # e.g. 1, 2, 4, 8: the next pause widens as the last one did
        known.append(before[-1] ** 2 / before[-2])
    return max(known, default=None)


def _message(lease: Lease, found: Hole) -> str:
    what = "what it had reported" if found.after is None else f"what it had reported after step {found.after}"
    then = "nothing was reported since" if found.before is None else f"the next report is of step {found.before}"
    return (
        f"{lease.run_dir}: an earlier attempt lost {what}, and {then}: steps may be missing between. Delete that "
        f"directory so that the trial starts over, then run `sweeper retry {lease.study}`"
    )
