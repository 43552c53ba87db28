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
    """Metrics of the last line, from the best weights; with `evaluation.test: each_look` of each evaluation."""

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


def why_unmeasured(metric: str, config: Mapping[str, object]) -> str | None:
    """Return why a run with a configuration does not measure a metric, and what to do; None if it does."""
    kind = metric.split("_", maxsplit=1)[0]
    if kind == "test" and _option(config, "evaluation", "test") is False:
        return "evaluation.test is false. Set it to true."
    if kind == "look" and not _samples(config):
        return "evaluations read the whole text. Set evaluation.tokens, e.g. 20000, or use valid_perplexity."
    if kind == "raw" and _option(config, "optimizer", "average") is None:
        return "weights are not averaged. Set optimizer.average, e.g. 0.99, or use valid_perplexity."
    return None


def measured_at_the_end(metric: str, config: Mapping[str, object]) -> bool:
    """Return whether a run with a configuration measures a metric only at its end."""
    kind = metric.split("_", maxsplit=1)[0]
    if kind == "test":
        return _option(config, "evaluation", "test") != "each_look"
    return kind == "valid" and _samples(config)


def _samples(config: Mapping[str, object]) -> bool:
    """Return whether evaluations on the way read only a part of the text."""
    tokens = _option(config, "evaluation", "tokens")
    return isinstance(tokens, int | float) and tokens != 1


def _option(config: Mapping[str, object], section: str, name: str) -> object:
    options = config.get(section)
    return options.get(name) if isinstance(options, Mapping) else None
