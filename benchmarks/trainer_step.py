"""Time training steps of our models, as `upstream_step` and `plain_step` do for others. Prints one line of JSON."""

import argparse
import json
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.counting import count
from benchmarks.shape import Shape, decoded
from benchmarks.timing import time_steps
from trainer.allocation import keep_freed_memory
from trainer.config import TrainerConfig, parse
from trainer.gradients import add_gradients
from trainer.models import adaptive_softmax, softmax_loss
from trainer.models.language_model import LanguageModel, Memory
from trainer.optimizers import Optimizer, clip_gradients
from trainer.precision import Weights
from trainer.setup import build_model, optimizer_for


def config_of(shape: Shape, precision: str) -> TrainerConfig:
    """Return the configuration of a shape, with every dropout of its kind at the shape's rate."""
    lstm = shape.kind == "awd_lstm"
    model = {"kind": shape.kind, "layers": shape.layers, "d_model": shape.d_model, "d_inner": shape.d_inner}
    rates = {"dropout": shape.dropout}
    if lstm:
        rates |= dict.fromkeys(("weight_dropout", "input_dropout", "output_dropout"), shape.dropout)
    else:
        model |= {"heads": shape.heads, "d_head": shape.d_head, "memory_length": shape.memory_length}
        rates["attention_dropout"] = shape.dropout
    if shape.cutoffs:
        model["adaptive_cutoffs"] = list(shape.cutoffs)
    data = {"batch_size": shape.batch, "target_length": shape.target_length}
    optimizer = {"learning_rate": 2.5e-4}
    return parse(
        {"data": data, "model": model, "regularization": rates, "optimizer": optimizer, "precision": precision}
    )


def make_step(model: LanguageModel, weights: Weights, config: TrainerConfig, shape: Shape) -> Callable[[], Tensor]:
    """Return a training step that returns the loss: forward, backward, clipping, Adam, memory carried over."""
    device = model.embedding.device
    optimizer = optimizer_for(config, model, weights)
    generator = torch.Generator().manual_seed(0)
    stream = torch.randint(shape.vocabulary, (shape.batch, shape.target_length + 1), generator=generator).to(device)
    memory: Memory | None = None

    def step() -> Tensor:
        nonlocal memory
        weights.clear_gradients()
        scale = None if weights.loss_scale is None else weights.loss_scale.scale
        loss, memory = add_gradients(
            model, stream[:, :-1], stream[:, 1:], memory, micro_batch_size=shape.batch, loss_scale=scale
        )
        update(weights, optimizer, 2.5e-4)
        return loss

    return step


def update(weights: Weights, optimizer: Optimizer, learning_rate: float) -> None:
    """Clip the gradients and take the optimizer's step, which fp16 skips if they overflow, as trainer.loop does."""
    weights.gather_gradients()
    norm = clip_gradients(weights.masters, 0.25)
    finite = None if weights.loss_scale is None else norm.isfinite()
    if weights.loss_scale is not None and finite is not None:
        weights.loss_scale.note_step(finite)
    optimizer.step(learning_rate, finite=finite)
    weights.publish()


def operators_on_a_gpu(step: Callable[[], object]) -> int:
    """Return the number of operators in a step with a GPU's chunks and shapes of the softmax, counted on a CPU."""
    for sizes in (softmax_loss.CHUNK_LOGITS, softmax_loss.BLOCK_LOGITS):
        sizes["cpu"] = sizes["cuda"]
    adaptive_softmax._needs_static_shapes = lambda hidden: hidden is not None
    return count(step).operators


def main() -> None:
    """Time the steps; print tokens per second, the peak memory and the number of operators in a step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=decoded, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--precision", default="fp32")
    arguments = parser.parse_args()
    keep_freed_memory()  # as trainer.run does
    torch.set_num_threads(arguments.threads)
    shape, config = arguments.shape, config_of(arguments.shape, arguments.precision)
    model = build_model(config, shape.vocabulary, torch.device("cpu"))
    model.train()
    step = make_step(model, Weights(model, config.precision), config, shape)
    figures = time_steps(step, shape.tokens_per_step, arguments.seconds)
    print(json.dumps(figures | {"operators": operators_on_a_gpu(step)}))


if __name__ == "__main__":
    main()
