"""Time training steps of our Transformer-XL, as `upstream_step` does for upstream. Prints one line of JSON."""

import argparse
import json

import torch

from benchmarks.shape import Shape, decoded
from benchmarks.timing import time_steps
from trainer.allocation import keep_freed_memory
from trainer.config.model import ModelConfig, OptimizerConfig, RegularizationConfig
from trainer.models.language_model import Memory
from trainer.models.transformer_xl import TransformerXL
from trainer.optimizers import Adam, clip_gradients


def build(shape: Shape) -> TransformerXL:
    """Return our model with a shape, in training mode."""
    config = ModelConfig(
        layers=shape.layers,
        d_model=shape.d_model,
        heads=shape.heads,
        d_head=shape.d_head,
        d_inner=shape.d_inner,
        memory_length=shape.memory_length,
        adaptive_cutoffs=list(shape.cutoffs),
    )
    rates = RegularizationConfig(dropout=shape.dropout, attention_dropout=shape.dropout)
    model = TransformerXL(config, rates, shape.vocabulary)
    model.initialize(torch.Generator().manual_seed(0))
    model.train()
    return model


def main() -> None:
    """Time the steps; print tokens per second and the peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=decoded, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    keep_freed_memory()  # as trainer.run does
    torch.set_num_threads(arguments.threads)
    shape, model = arguments.shape, build(arguments.shape)
    optimizer = Adam(model.parameters(), OptimizerConfig(learning_rate=2.5e-4))
    generator = torch.Generator().manual_seed(0)
    stream = torch.randint(shape.vocabulary, (shape.batch, shape.target_length + 1), generator=generator)
    memory: Memory | None = None

    def step() -> None:
        nonlocal memory
        model.zero_grad()
        loss, memory = model(stream[:, :-1], stream[:, 1:], memory)
        loss.backward()
        clip_gradients(optimizer.parameters, 0.25)
        optimizer.step(2.5e-4)

    print(json.dumps(time_steps(step, shape.tokens_per_step, arguments.seconds)))


if __name__ == "__main__":
    main()
