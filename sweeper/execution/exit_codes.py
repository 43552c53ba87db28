"""The exit code of a command that runs trials: what the store says last counts, whatever happened on the way."""

from collections.abc import Mapping

from sweeper.execution.slots.running import RunEnd
from sweeper.store.records import TrialState


def exit_code_of(counts: Mapping[TrialState, int], ran: RunEnd, *, undecided: bool = False) -> int:
    """Return 0 if all is done, 1 if trials failed, 3 if the budget stopped it, 130 if it was interrupted.

    With 1, trials failed for good, or all failed alike and the others wait.

    Args:
        counts: the trials in each state, after the run.
        undecided: whether further seeds may be asked for once all these have ended.
    """
    left = undecided or counts["waiting"] + counts["running"]
    if left and ran == "interrupted":
        return 130
    if left and ran == "budget":
        return 3
    return 1 if counts["failed"] or (left and ran == "failing") else 0
