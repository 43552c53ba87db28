"""Average weights over training, to evaluate the mean instead of the last iterate."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from trainer.config.optimizer import LastConfig


class Average:
    """A mean of the iterates of some parameters.

    Attributes:
        means: the mean of each parameter; None before there is one.
        count: number of iterates in the mean.
    """

    def __init__(self, parameters: Sequence[Tensor]) -> None:
        self.parameters = list(parameters)
        self.means: list[Tensor] | None = None
        self.count = 0

    @torch.no_grad()
    def begin(self) -> None:
        """Start with an empty mean."""
        self.means, self.count = [each.detach().clone() for each in self.parameters], 0

    def note_step(self) -> None:
        """Take note of an optimizer step."""

    def note_evaluation(self) -> None:
        """Take note that the weights are about to be evaluated."""

    @torch.no_grad()
    def add(self, smallest_weight: float = 0.0) -> None:
        """Add the parameters to the mean, with weight 1 / count but at least `smallest_weight`."""
        if self.means is None:
            self.begin()
        assert self.means is not None
        self.count += 1
        torch._foreach_lerp_(self.means, self.parameters, max(smallest_weight, 1.0 / self.count))

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Within the block, set the parameters to their means, if there are any."""
        if self.means is None or self.count == 0:
            yield
            return
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        assert self.means is not None
        kept = [each.clone() for each in self.parameters]
        torch._foreach_copy_(self.parameters, self.means)
        torch._foreach_copy_(self.means, kept)

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {"averages": self.means, "num_averaged": self.count}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        self.count, self.means = state["num_averaged"], self._on_device(state["averages"])

    def _on_device(self, stored: Sequence[Tensor] | None) -> list[Tensor] | None:
        if stored is None:
            return None
        return [each.to(mine.device).clone() for each, mine in zip(stored, self.parameters, strict=True)]


class RunningAverage(Average):
    """The mean of all iterates since `begin`."""

    def note_step(self) -> None:
        """Add the new iterate, once the average has begun."""
        if self.means is not None:
            self.add()


class ExponentialAverage(Average):
    """An exponential moving average: mean <- decay mean + (1 - decay) parameters after every step.

    The first 1 / (1 - decay) iterates have equal weights, so that the initial weights are soon forgotten.
    """

    def __init__(self, parameters: Sequence[Tensor], decay: float) -> None:
        super().__init__(parameters)
        self.decay = decay

    def note_step(self) -> None:
        """Add the new iterate."""
        self.add(1.0 - self.decay)


class LastAverage(Average):
    """The mean of the weights at the last evaluations."""

    def __init__(self, parameters: Sequence[Tensor], last: int) -> None:
        super().__init__(parameters)
        self.last = last
        self.snapshots: list[list[Tensor]] = []

    @torch.no_grad()
    def note_evaluation(self) -> None:
        """Keep the weights, and update the mean."""
        snapshot = [each.detach().clone() for each in self.parameters]
        self.snapshots = [*self.snapshots, snapshot][-self.last :]
        self.count = len(self.snapshots)
        means = [each.clone() for each in self.snapshots[0]]
        for other in self.snapshots[1:]:
            torch._foreach_add_(means, other)
        torch._foreach_div_(means, float(self.count))
        self.means = means

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint."""
        return {**super().state(), "snapshots": self.snapshots}

    def load_state(self, state: dict[str, Any]) -> None:
        """Continue from what `state` returned."""
        super().load_state(state)
        found = [self._on_device(each) for each in state["snapshots"]]
        self.snapshots = [each for each in found if each is not None]


def build_average(parameters: Sequence[Tensor], average: float | LastConfig | None) -> Average | None:
    """Build the average that a configuration requests, if any."""
    if average is None:
        return None
    if isinstance(average, LastConfig):
        return LastAverage(parameters, average.last)
    return ExponentialAverage(parameters, average)
