"""A study's rules for the attempts of its trials, and requests to end one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from sweeper.execution.slots.outcome import StopCause
from sweeper.spec.study import Study

STOP_GRACE_S: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A request to end the attempt: why, and how long the process may take to write its checkpoint."""

    cause: StopCause
    grace_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A study's rules for each attempt.

    Attributes:
        retry: how often a trial may run again, by exit reason.
        timeout_s: the longest an attempt may run; None for no limit.
        grace_s: between SIGTERM and SIGKILL.
        lease_s: an attempt that is silent for longer is considered dead.
    """

    retry: Mapping[str, int]
    timeout_s: float | None
    grace_s: float
    lease_s: float

    @property
    def heartbeat_s(self) -> float:
        """The time between two renewals of the lease."""
        return self.lease_s / 12


def rules_of(study: Study, lease_s: float) -> Rules:
    """Return the rules for the attempts of a study's trials."""
    minutes = study.trial.timeout_minutes
    return Rules(
        retry=asdict(study.retry),
        timeout_s=None if minutes is None else minutes * 60,
        grace_s=STOP_GRACE_S,
        lease_s=lease_s,
    )
