"""What the trainer writes into metrics.jsonl, torch-free: the loop fills these records, studies are checked by them."""

from typing import Final, TypedDict


class TrainingMetrics(TypedDict):
    """Of every line: the training loss since the last line, nats a word, and the learning rate of the last step."""

    train_loss: float
    learning_rate: float


class ValidationMetrics(TypedDict):
    """Of the lines of steps that are evaluated."""

    valid_loss: float
    valid_perplexity: float


class TestMetrics(TypedDict):
    """Of the last line, with the best weights."""

    test_loss: float
    test_perplexity: float


# Those that people choose from, first what they mostly want.
METRICS: Final = tuple(
    name
    for record in (ValidationMetrics, TestMetrics, TrainingMetrics)
    for name in sorted(record.__annotations__, reverse=True)
)
