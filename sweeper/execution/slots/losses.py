"""What attempts of a trial may have lost of their reports, and whether later attempts have made it good.

A loss by itself says nothing about the trial: the next attempt may resume before it, and report everything again. If it
resumes after it, steps are missing, and the trial has not completed.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from sqlalchemy import Engine

from sweeper.execution.slots.regular_files import read_json
from sweeper.files import write_atomically
from sweeper.store.reading.trial_metrics import first_steps, steps_by_metric
from sweeper.store.records import Lease

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


def missing_steps(engine: Engine, lease: Lease) -> str | None:
    """Return what is missing of what a trial reported, once its last attempt is in the store; None if nothing is."""
    losses = losses_in(lease.run_dir) if lease.fence > 1 else ()
    if not losses:
        return None
    starts, steps = first_steps(engine, lease), steps_by_metric(engine, lease)
    for loss in losses:
        later = (step for attempt, step in starts.items() if attempt > loss.attempt_id)
        found = hole_after(loss.after, min(later, default=None), steps, lease.metric)
        if found is not None:
            return _message(lease, found)
    return None


def hole_after(
    after: int | None, resumed_at: int | None, steps: Mapping[str, Sequence[int]], metric: str
) -> Hole | None:
    """Return the steps between which reports may be missing since a loss; None if nothing is missing.

    Nothing is if a later attempt reported everything after the lost step, or if no metric paused for longer than it
    had before.

    Args:
        after: the last step of before the loss; None if there was none.
        resumed_at: the lowest step that later attempts reported; None if they reported nothing.
        steps: of each metric, those that count, in their order.
        metric: the study's.
    """
    last = after or 0
    if resumed_at is not None and resumed_at <= last + 1:
        return None
    for name, reported in steps.items():
        before = [step for step in reported if step <= last]
        later = [step for step in reported if step > last]
        begins = before[-1] if before else None
        if later and later[0] - (begins or 0) > (_pause(before) or _pause(later) or 1):
            return Hole(begins, later[0])
        if not later and name == metric:
            return Hole(after, None)
    return None


def _pause(steps: Iterable[int]) -> int | None:
    return max((later - step for step, later in pairwise(steps)), default=None)


def _message(lease: Lease, found: Hole) -> str:
    what = "what it had reported" if found.after is None else f"what it had reported after step {found.after}"
    then = "nothing was reported since" if found.before is None else f"the next report is of step {found.before}"
    return (
        f"{lease.run_dir}: an earlier attempt lost {what}, and {then}: steps may be missing between. Delete that "
        f"directory so that the trial starts over, then run `sweeper retry {lease.study}`"
    )
