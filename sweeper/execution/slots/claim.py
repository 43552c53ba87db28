"""Claim a trial for a slot, although the store's answer may be lost."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from sqlalchemy import Engine

from sweeper.store.queue import queue
from sweeper.store.queue.recovery import claimed
from sweeper.store.records import Lease, SlotIdentity


@dataclass(slots=True)
class Claim:
    """One claim of a slot's; called again if its answer was lost, it finds the lease that it obtained."""

    engine: Engine
    study_id: int
    identity: SlotIdentity
    lease_s: float
    environment: Mapping[str, object]  # facts about software and hardware
    _token: str = field(default_factory=lambda: uuid4().hex)
    _was_called: bool = False

    def __call__(self) -> Lease | None:
        """Claim the next trial.

        Raises:
            BudgetTooSmall: the study's budget does not allow it.
        """
        if self._was_called and (lease := claimed(self.engine, self._token)) is not None:
            return lease
        self._was_called = True
        return queue.claim_trial(
            self.engine,
            self.study_id,
            self.identity,
            lease_s=self.lease_s,
            environment=self.environment,
            token=self._token,
        )
