"""Ask a phase's pruner about one running trial."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Engine

from sweeper.planning.pruning import rule_of, should_prune
from sweeper.spec.phase import Phase
from sweeper.store.reading import reader
from sweeper.store.records import Lease


@dataclass(frozen=True, slots=True)
class Pruning:
    """Decides whether a trial ends early, by its own curve and those of the other trials of its phase."""

    store: str | Engine
    study_id: int
    phase: Phase
    lease: Lease

    def __call__(self, curve: Mapping[int, float]) -> bool:
        """Return whether to prune the trial, given its own values by step."""
        rule = rule_of(self.phase.pruner)
        steps = self.lease.budget.get("steps")
        # A trial at the end of its budget has nothing left to save.
        if rule.name == "none" or not curve or (isinstance(steps, int) and max(curve) >= steps):
            return False
        with reader.connect(self.store) as connection:
            members = reader.members(connection, self.study_id)[self.lease.phase]
            curves = reader.curves(connection, self.study_id, self.lease.metric)
            budget = steps if isinstance(steps, int) else _longest_run(connection, self.study_id, members, curves)
        positions = {trial_id: position for position, trial_id in enumerate(members)}
        others = [
            (position, dict(zip(curves[trial_id].steps, curves[trial_id].values, strict=True)))
            for trial_id, position in positions.items()
            if trial_id in curves and trial_id != self.lease.trial_id
        ]
        return should_prune(
            rule,
            direction=self.lease.direction,
            own_curve=dict(curve),
            other_curves=[other for _, other in others],
            max_resource=budget,
            own_index=positions[self.lease.trial_id],
            other_indices=[position for position, _ in others],
        )


def _longest_run(
    connection: reader.ReadConnection, study_id: int, members: Sequence[int], curves: Mapping[int, reader.Curve]
) -> int | None:
    """Return the number of steps of the phase's longest completed trial, for budgets in tokens or epochs."""
    completed = {row.trial_id for row in reader.durations(connection, study_id) if row.state == "completed"}
    lengths = [curves[trial].steps[-1] for trial in members if trial in completed and trial in curves]
    return max(lengths, default=None)
