"""Asks a phase's pruner about one running trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sweeper.planning.pruning import rule_of, should_prune
from sweeper.spec.json_phases import pruner_from_json
from sweeper.store.reading import reader
from sweeper.store.records import Lease


@dataclass(frozen=True, slots=True)
class Pruning:
    """Whether a trial should end early, as the phase's pruner sees its curve among the others'."""

    store: str
    study_id: int
    phase: Mapping[str, Any]
    lease: Lease

    def __call__(self, curve: Mapping[int, float]) -> bool:
        """Whether to prune, given the trial's own values by step."""
        pruner = rule_of(pruner_from_json(self.phase.get("pruner")))
        if pruner.name == "none" or not curve:
            return False
        with reader.connect(self.store) as connection:
            members = reader.members(connection, self.study_id)[self.lease.phase]
            curves = reader.curves(connection, self.study_id, self.lease.metric)
            steps = self.lease.budget.get("steps")
            budget = steps if isinstance(steps, int) else _longest_run(connection, self.study_id, members, curves)
        places = {trial_id: place for place, trial_id in enumerate(members)}
        others = [
            (place, dict(zip(curves[trial_id].steps, curves[trial_id].values, strict=True)))
            for trial_id, place in places.items()
            if trial_id in curves and trial_id != self.lease.trial_id
        ]
        return should_prune(
            pruner,
            direction=self.lease.direction,
            own_curve=dict(curve),
            other_curves=[other for _, other in others],
            max_resource=budget,
            own_place=places[self.lease.trial_id],
            other_places=[place for place, _ in others],
        )


def _longest_run(
    connection: reader.ReadConnection, study_id: int, members: Sequence[int], curves: Mapping[int, reader.Curve]
) -> int | None:
    """For budgets in tokens or epochs: how many steps the longest completed trial of the phase made."""
    completed = {row.trial_id for row in reader.durations(connection, study_id) if row.state == "completed"}
    lengths = [curves[trial].steps[-1] for trial in members if trial in completed and trial in curves]
    return max(lengths, default=None)
