"""The shape of a model and its batches, for timing training steps."""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The size of a model and of its batches.

    Attributes:
        kind: the architecture, as `model.kind` names it.
        dropout: the rate of every dropout.
        batch: number of streams.
        cutoffs: of the adaptive softmax; empty for a full softmax.
    """

    vocabulary: int
    layers: int
    heads: int
    d_model: int
    d_head: int
    d_inner: int
    dropout: float
    target_length: int
    memory_length: int
    batch: int
    cutoffs: tuple[int, ...] = ()
    kind: str = "transformer_xl"

    @property
    def tokens_per_step(self) -> int:
        """Tokens that a step predicts."""
        return self.batch * self.target_length

    def encoded(self) -> str:
        """Return the shape as text for another process."""
        return json.dumps(asdict(self))


def decoded(text: str) -> Shape:
    """Return the shape of a text that `encoded` wrote."""
    return Shape(**json.loads(text))
