"""Asks a phase's pruner about one running trial."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sweeper.store import reader
from sweeper.store.records import Claim


@dataclass(frozen=True, slots=True)
class Pruning:
    """Whether a trial should end early, as the phase's pruner sees its curve among the others'."""

    store: str
    study_id: int
    phase: Mapping[str, Any]
    claim: Claim

    def __call__(self, curve: Mapping[int, float]) -> bool:
        """Whether to prune, given the trial's own values by step."""
        pruner = self.phase.get("pruner") or "none"
        if pruner == "none" or not curve:
            return False
        from sweeper.pruning import should_prune  # noqa: PLC0415 - Optuna is loaded only where a phase prunes

        with reader.connect(self.store) as connection:
            members = reader.members(connection, self.study_id)[self.claim.phase]
            curves = reader.curves(connection, self.study_id, self.claim.metric)
        places = {trial_id: place for place, trial_id in enumerate(members)}
        others = [
            (place, dict(zip(curves[trial_id].steps, curves[trial_id].values, strict=True)))
            for trial_id, place in places.items()
            if trial_id in curves and trial_id != self.claim.trial_id
        ]
        return should_prune(
            pruner,
            direction=self.claim.direction,
            own_curve=dict(curve),
            other_curves=[other for _, other in others],
            own_place=places[self.claim.trial_id],
            other_places=[place for place, _ in others],
        )
