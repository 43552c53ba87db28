"""The steps of what a program reports, and whether they fall."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from sweeper.store.records import Measurement


@dataclass(slots=True)
class Steps:
    """The steps of each metric, to see whether they fall."""

    last: dict[str, int] = field(default_factory=dict)
    highest: dict[str, int] = field(default_factory=dict)
    fall: str | None = None

    def add(self, found: Sequence[Measurement]) -> None:
        """Take measurements in the order in which they were reported."""
        for each in found:
            before = self.last.get(each.metric, each.step)
            if each.step < before and self.fall is None:
                self.fall = f"{each.metric}: steps fell from {before} to {each.step}; steps must rise within an attempt"
            self.last[each.metric] = each.step
            self.highest[each.metric] = max(each.step, self.highest.get(each.metric, each.step))

    def go_backwards(self, metric: str) -> bool:
        """Return whether the last step of a metric is below an earlier one."""
        return self.last.get(metric, 0) < self.highest.get(metric, 0)
