"""How the value of a trial that was run again compares with the recorded one."""

import math
from dataclasses import dataclass
from typing import Final, Literal

from sweeper.spec.study import Study
from sweeper.store.reading.reader import TrialRow
from sweeper.verification.kinds import Kind
from sweeper.verification.noise import LEVEL, Interval
from sweeper.verification.rerun import Ran

ROUNDING: Final = 1e-9  # of a value: less is the rounding of another processor

Outcome = Literal["equal", "within_noise", "differs", "unknown", "not_run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rerun:
    """A trial that was to be run again.

    Attributes:
        phase: of the trial.
        number: of the trial in its phase.
        recorded: its value in the bundle.
        again: its value now; None if it did not complete.
        outcome: how the two compare; unknown where the study has no other seeds to compare with.
        same_kind: whether this machine is of the kind that ran the trial.
        text: all of it, as a sentence.
    """

    phase: str
    number: int
    seed: int
    recorded: float
    again: float | None
    outcome: Outcome
    same_kind: bool
    text: str

    @property
    def ok(self) -> bool:
        """Whether the value came out again."""
        return self.outcome in ("equal", "within_noise")


def compared(study: Study, trial: TrialRow, ran: Ran, *, recorded: Kind, here: Kind, noise: Interval | None) -> Rerun:
    """Return how a trial's value compares with that of its run here.

    Args:
        recorded: the kind of machine that ran it.
        here: that of this machine.
        noise: where a further run of its configuration lies; None if the study does not show that.
    """
    same = recorded == here
    if ran.value is None or trial.value is None:
        lines = (ran.message or "").strip().splitlines()
        reason = f"did not complete here: {ran.reason.replace('_', ' ')}{f': {lines[-1]}' if lines else ''}"
        return _rerun(trial, ran, "not_run", reason, same_kind=same)
    where = "the same kind of machine" if same else f"another kind of machine ({recorded.difference(here)})"
    is_exact = same and study.trial.is_trainer and not here.device.startswith("cuda")
    outcome, text = _outcome(trial.value, ran.value, noise, is_exact=is_exact)
    values = f"{study.metric.name} {ran.value:.9g}, recorded {trial.value:.9g}"
    return _rerun(trial, ran, outcome, f"{values}: {text}, on {where}", same_kind=same)


def _outcome(known: float, again: float, noise: Interval | None, *, is_exact: bool) -> tuple[Outcome, str]:
    """Return how two values compare, and that in words.

    Args:
        is_exact: whether the program promises equal values.
    """
    if again == known:
        return "equal", "equal"
    if is_exact:
        return "differs", "differs, although a version of the built-in trainer gives equal values there"
    if math.isclose(again, known, rel_tol=ROUNDING):
        return "equal", "equal up to rounding"
    if noise is None:
        return "unknown", "differs, and no configuration of its phase has two seeds to show by how much it may"
    seeds = f"the {100 * LEVEL:.0f}% prediction interval of its configuration's seeds"
    interval = f"{seeds}, {noise.low:.6g} to {noise.high:.6g}"
    return ("within_noise", f"within {interval}") if noise.has(again) else ("differs", f"outside {interval}")


def not_run(trial: TrialRow, why: str) -> Rerun:
    """Return a trial that could not be run here."""
    return _rerun(trial, Ran(value=None, reason="", message=None), "not_run", f"was not run: {why}", same_kind=False)


def _rerun(trial: TrialRow, ran: Ran, outcome: Outcome, text: str, *, same_kind: bool) -> Rerun:
    assert trial.value is not None
    return Rerun(
        phase=trial.phase,
        number=trial.number,
        seed=trial.seed,
        recorded=trial.value,
        again=ran.value,
        outcome=outcome,
        same_kind=same_kind,
        text=f"{trial.phase} {trial.number}, seed {trial.seed}: {text}",
    )
