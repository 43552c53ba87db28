"""What a trial has reported, kept in memory, so that its supervisor need not ask the store after every report.

That is possible for a trial's first attempt: nobody else writes what the trial reports while it has the lease. What a
later attempt reports may make void what earlier ones did, which the store works out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sweeper.spec.metric import CurveValue, Direction
from sweeper.store.reading.trial_metrics import Reported, reported_of
from sweeper.store.records import Measurement


@dataclass(slots=True)
class KnownCurve:
    """The study's metric of one trial by step, and the first step of every metric that the trial reports."""

    metric: str
    _points: dict[int, float] = field(default_factory=dict)
    _first: dict[str, int] = field(default_factory=dict)

    def add(self, found: Iterable[Measurement], void_from: int | None) -> None:
        """Add what was reported.

        Args:
            void_from: what was reported before is void from this step on; None if none of it is.
        """
        if void_from is not None:
            self._points = {step: value for step, value in self._points.items() if step < void_from}
            self._first = {name: step for name, step in self._first.items() if step < void_from}
        for each in found:
            self._first[each.metric] = min(each.step, self._first.get(each.metric, each.step))
            if each.metric == self.metric:
                self._points[each.step] = each.value

    def reported(self, value: CurveValue, direction: Direction) -> Reported:
        """Return what the trial has reported, as the store would say it."""
        return reported_of(sorted(self._points.items()), frozenset(self._first), value, direction)
