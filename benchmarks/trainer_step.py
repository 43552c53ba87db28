"""Time training steps of our models, as `upstream_step` and `plain_step` do for others. Prints one line of JSON."""

import argparse
import json

import torch

from benchmarks.shape import Shape, decoded
from benchmarks.timing import time_steps
from trainer.allocation import keep_freed_memory
from trainer.config import TrainerConfig, parse
from trainer.gradients import add_gradients
from trainer.models.language_model import Memory
from trainer.optimizers import build_optimizer, clip_gradients
from trainer.precision import Weights
from trainer.setup import build_model


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


def main() -> None:
    """Time the steps; print tokens per second and the peak memory."""
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
    weights = Weights(model, config.precision)
    optimizer = build_optimizer(weights.masters, config.optimizer)
    generator = torch.Generator().manual_seed(0)
    stream = torch.randint(shape.vocabulary, (shape.batch, shape.target_length + 1), generator=generator)
    memory: Memory | None = None

    def step() -> None:
        nonlocal memory
        weights.clear_gradients()
        inputs, targets = stream[:, :-1], stream[:, 1:]
        _, memory = add_gradients(model, inputs, targets, memory, micro_batch_size=shape.batch)
        weights.gather_gradients()
        clip_gradients(weights.masters, 0.25)
        optimizer.step(2.5e-4)
        weights.publish()

    print(json.dumps(time_steps(step, shape.tokens_per_step, arguments.seconds)))


if __name__ == "__main__":
    main()
