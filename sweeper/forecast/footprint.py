"""What runs of the built-in trainer do and take: operations, memory and disk, estimated from their configs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sweeper.forecast.throughput import Work
from sweeper.spec.program import Program, TrainerProgram

# Tokens of validation and test text, the end of line included; pydocs is about as long as here.
EVALUATION_TOKENS: Final = {
    "ptb": (73_760, 82_430),
    "wikitext-2": (217_646, 245_569),
    "wikitext-103": (217_646, 245_569),
    "wikitext-2-replica": (123_450, 122_119),
    "pydocs": (20_000, 19_000),
}
UNCOUNTED: Final = ("regularization", "checkpoint", "device", "threads", "seed", "budget")  # sections of a config
FREE_DATA: Final = ("noise_rate", "row_rotation", "random_start")
FREE_EVALUATION: Final = ("times", "log_times")
OPERATIONS_PER_PARAMETER: Final = 6.0  # and token in training: a multiply-add forward, two backward
TRAINING_TO_FORWARD: Final = 3.0

CHECKPOINT_BYTES: Final = 12.5  # a parameter: weights and Adam's two moments
BEST_BYTES: Final = 4.0
METRICS_BYTES: Final = 30_000
STATE_BYTES: Final = 16.0  # a parameter in memory: weights, gradient, two moments
BASE_BYTES: Final = 290_000_000  # PyTorch and the corpus; measured on CPU
LOGIT_BYTES: Final = 12.0  # a token and word: logits, their softmax and its gradient
ACTIVATIONS: Final = 14.0  # floats a token, layer and unit of width that the backward pass keeps


@dataclass(frozen=True, slots=True)
class Footprint:
    """What one run takes, in bytes.

    Attributes:
        measured: by a pilot, rather than estimated.
    """

    memory: float
    disk: float
    measured: bool = False


def work_key(config: Mapping[str, Any]) -> str:
    """Text that configs share whose runs do and take the same: how they regularize makes no difference."""
    counted = {name: section for name, section in config.items() if name not in UNCOUNTED}
    return json.dumps(counted, sort_keys=True)


def cost_class(program: Program, config: Mapping[str, Any]) -> str:
    """Text that configs share whose steps take about as long: those of the trainer's that differ in nothing but how
    they regularize, how fast they learn and how often they are evaluated; of other programs', equal ones.
    """
    if not isinstance(program, TrainerProgram):
        return json.dumps(config, sort_keys=True)
    sections = {name: section for name, section in config.items() if name not in UNCOUNTED}
    data = {name: value for name, value in config["data"].items() if name not in FREE_DATA}
    evaluation = {name: value for name, value in config["evaluation"].items() if name not in FREE_EVALUATION}
    optimizer = config["optimizer"]["kind"]
    return json.dumps(sections | {"data": data, "evaluation": evaluation, "optimizer": optimizer}, sort_keys=True)


def training_work(config: Mapping[str, Any], budget: Mapping[str, Any]) -> Work:
    """Steps of a run of the trainer, and operations of its training and evaluations."""
    from trainer.config import num_steps, training_flops  # noqa: PLC0415 - pydantic is slow to load

    steps = num_steps(config, budget)
    data, evaluation = config["data"], config["evaluation"]
    batch_tokens = data["batch_size"] * data["target_length"]
    valid, test = EVALUATION_TOKENS.get(data["corpus"], EVALUATION_TOKENS["pydocs"])
    evaluated = evaluation["times"] * valid + (test if evaluation["test"] else 0)
    operations = training_flops(config, 1)
    return Work(float(steps), operations * (steps + evaluated / batch_tokens / TRAINING_TO_FORWARD))


def footprint(config: Mapping[str, Any]) -> Footprint:
    """Memory and disk of one run of the trainer: its checkpoint, its best weights and its metrics."""
    from trainer.config import VOCABULARY_SIZES, training_flops  # noqa: PLC0415

    data, model = config["data"], config["model"]
    tokens = data["batch_size"] * data["target_length"]
    parameters = training_flops(config, 1) / tokens / OPERATIONS_PER_PARAMETER
    known = VOCABULARY_SIZES.get(data.get("vocabulary_corpus") or data["corpus"], 7_100)
    words = min(data.get("vocabulary_size") or 10**9, known)
    width = float(model.get("d_model") or 0)
    kept = tokens * float(model.get("layers") or 1) * ACTIVATIONS * width * 4
    return Footprint(
        memory=BASE_BYTES + STATE_BYTES * parameters + tokens * words * LOGIT_BYTES + kept,
        disk=(CHECKPOINT_BYTES + BEST_BYTES) * parameters + METRICS_BYTES,
    )
