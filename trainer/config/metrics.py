"""The metrics that the trainer writes to metrics.jsonl; studies are checked against them without loading PyTorch."""

from collections.abc import Mapping
from typing import Final, Literal, TypedDict


class TrainingMetrics(TypedDict):
    """Metrics of every line: the training loss since the last line, in nats per word, and the last learning rate."""

    train_loss: float
    learning_rate: float


class ValidationMetrics(TypedDict):
    """Metrics of steps that are evaluated; with `evaluation.tokens` only of the last line, from the best weights."""

    valid_loss: float
    valid_perplexity: float


class LookMetrics(TypedDict):
    """Metrics of steps that are evaluated on `evaluation.tokens` tokens of the validation text."""

    look_loss: float
    look_perplexity: float


class RawMetrics(TypedDict):
    """Metrics of steps that are evaluated with `optimizer.average`: from the weights that are not averaged."""

    raw_loss: float
    raw_perplexity: float


class TestMetrics(TypedDict):
    """Metrics of the last line, from the best weights."""

    test_loss: float
    test_perplexity: float


# The metrics to choose from, the most common ones first.
METRICS: Final = tuple(
    name
    for record in (ValidationMetrics, TestMetrics, TrainingMetrics, LookMetrics, RawMetrics)
    for name in sorted(record.__annotations__, reverse=True)
)

# Which direction is better; the learning rate has none.
DIRECTIONS: Final[Mapping[str, Literal["minimize", "maximize"]]] = {
    name: "minimize" for name in METRICS if name != "learning_rate"
}
