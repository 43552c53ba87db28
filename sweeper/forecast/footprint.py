"""Estimates for runs of the built-in trainer, from their configs: floating-point operations, memory and disk."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from sweeper.designs.paths import Config
from sweeper.forecast.throughput import Work
from sweeper.spec.program import Program, TrainerProgram
from trainer.config import TrainerConfig, num_steps, parse, training_flops
from trainer.config.cost import evaluation_flops_per_token, readings, tokens_per_word, vocabulary_size

Amounts = Mapping[str, int | float]  # a budget as the program gets it, e.g. {"steps": 300}

# Words of the validation and test texts, ends of lines included; those of pydocs are approximate.
EVALUATION_WORDS: Final = {
    "ptb": (73_760, 82_430),
    "wikitext-2": (217_646, 245_569),
    "wikitext-103": (217_646, 245_569),
    "wikitext-2-replica": (123_450, 122_119),
    "pydocs": (20_000, 19_000),
}
# What does not affect the time that a step takes: sections of a config, and keys of two others.
FREE_SECTIONS: Final = ("regularization", "checkpoint", "device", "threads", "seed", "budget")
FREE_DATA: Final = ("noise_rate", "random_noise_rate", "target_offsets", "row_rotation", "random_start")
FREE_EVALUATION: Final = ("times", "every_steps", "geometric", "log_times")
OPERATIONS_PER_PARAMETER: Final = 6.0  # per training token: a multiply-add in the forward pass, two in the backward

CHECKPOINT_BYTES: Final = 12.5  # per parameter: weights and Adam's two moments
BEST_BYTES: Final = 4.0  # per parameter: the best weights
METRICS_BYTES: Final = 30_000
STATE_BYTES: Final = 32.0  # per parameter in memory: weight, gradient and two moments, and copies that are written
BASE_BYTES: Final = 290_000_000  # PyTorch and the corpus, measured on a CPU
LOGIT_BYTES: Final = 12.0  # per token and word: logits, their softmax and its gradient
ACTIVATIONS: Final = 14.0  # floats per token, layer and unit of width that are kept for the backward pass
FLOAT_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Footprint:
    """The memory and disk space of a run, in bytes.

    Attributes:
        measured: whether a pilot measured it; otherwise it is estimated.
    """

    memory: float
    disk: float
    measured: bool = False


def work_key(config: Config) -> str:
    """Return text that is equal for configs of the same work; regularization makes no difference."""
    counted = {name: section for name, section in config.items() if name not in FREE_SECTIONS}
    return json.dumps(counted, sort_keys=True)


def cost_class(program: Program, config: Config) -> str:
    """Return text that is equal for configs whose steps take about the same time.

    For the trainer, such configs differ only in regularization, learning rate and the number of evaluations (with an
    average of the weights, one takes twice as long); for other programs, they are equal.
    """
    if not isinstance(program, TrainerProgram):
        return json.dumps(config, sort_keys=True)
    sections = {name: section for name, section in config.items() if name not in FREE_SECTIONS}
    data = {name: value for name, value in _section(config, "data").items() if name not in FREE_DATA}
    evaluation = {name: value for name, value in _section(config, "evaluation").items() if name not in FREE_EVALUATION}
    options = _section(config, "optimizer")
    optimizer = (options["kind"], options.get("average") is not None)
    return json.dumps(sections | {"data": data, "evaluation": evaluation, "optimizer": optimizer}, sort_keys=True)


def training_work(config: Config, budget: Amounts) -> Work:
    """Return the steps of a run of the trainer, and the operations of its training and evaluations."""
    steps, parsed = num_steps(config, budget), parse(config)
    read = evaluated_tokens(parsed)
    evaluated = read.on_the_way * len(parsed.evaluation.steps(steps)) + read.at_the_end
    operations = training_flops(config, steps) + evaluation_flops_per_token(parsed) * evaluated
    return Work(float(steps), operations)


@dataclass(frozen=True, slots=True)
class EvaluatedTokens:
    """How many tokens a run of the trainer predicts in evaluations.

    Attributes:
        on_the_way: in each of its evaluations, the one after its last step included.
        at_the_end: after them, from its last and its best weights; at most, since these can be the same.
    """

    on_the_way: float
    at_the_end: float


def evaluated_tokens(config: TrainerConfig) -> EvaluatedTokens:
    """Return how much text a configuration's evaluations read, as far as it is known without the corpus."""
    evaluation = config.evaluation
    words = EVALUATION_WORDS.get(config.data.corpus, EVALUATION_WORDS["pydocs"])
    whole_valid, whole_test = (number * tokens_per_word(config) for number in words)
    most = math.inf if evaluation.final_tokens is None else evaluation.final_tokens
    valid, test = min(whole_valid, most), min(whole_test, most)
    look, confirmed = valid, 0.0
    if evaluation.samples:
        look, confirmed = evaluation.looked_at(whole_valid), 2.0 * valid
    times_read = 1 if config.optimizer.average is None else 2
    return EvaluatedTokens(
        on_the_way=times_read * look + (test if evaluation.test == "each_look" else 0.0),
        at_the_end=confirmed + (test if evaluation.test else 0.0),
    )


def num_evaluations(config: Config, steps: int) -> int:
    """Return how often a run of the trainer over some steps is evaluated."""
    return len(parse(config).evaluation.steps(steps))


def footprint(config: Config) -> Footprint:
    """Estimate the memory of a run of the trainer, and the disk space of its checkpoint, best weights and metrics."""
    parsed = parse(config)
    tokens = parsed.data.batch_size * parsed.data.target_length
    parameters = training_flops(config, 1) / readings(parsed) / tokens / OPERATIONS_PER_PARAMETER
    activations = tokens * parsed.model.layers * ACTIVATIONS * parsed.model.d_model * FLOAT_BYTES
    logits = tokens * vocabulary_size(parsed) * LOGIT_BYTES
    return Footprint(
        memory=BASE_BYTES + STATE_BYTES * parameters + logits + activations,
        disk=(CHECKPOINT_BYTES + BEST_BYTES) * parameters + METRICS_BYTES,
    )


def _section(config: Config, name: str) -> Mapping[str, object]:
    section = config[name]
    assert isinstance(section, Mapping)
    return section
