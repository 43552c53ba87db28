"""Time training steps of the upstream PyTorch Transformer-XL in this process. Prints one line of JSON.

The upstream code is not part of this project: `--upstream` names a checkout of it. It keeps freed memory as our
trainer does, which makes it faster than it is by default.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.counting import count
from benchmarks.shape import Shape, decoded
from benchmarks.timing import time_steps
from trainer.allocation import keep_freed_memory


def build(upstream: Path, shape: Shape) -> torch.nn.Module:
    """Return the upstream model with a shape, as its train.py builds it, with every dropout at the given rate."""
    torch.version.cuda = "11.0"  # upstream parses it at import, even without CUDA
    torch.Tensor.byte = torch.Tensor.bool  # type: ignore[method-assign]  # upstream's masks; PyTorch accepts only bool masks
    sys.path[:0] = [str(upstream / "pytorch"), str(upstream / "pytorch" / "utils")]
    from mem_transformer import MemTransformerLM  # noqa: PLC0415 - found through --upstream

    model: torch.nn.Module = MemTransformerLM(
        shape.vocabulary, shape.layers, shape.heads, shape.d_model, shape.d_head, shape.d_inner,
        shape.dropout, shape.dropout, tie_weight=True, d_embed=shape.d_model, div_val=1, tie_projs=[False],
        pre_lnorm=False, tgt_len=shape.target_length, ext_len=0, mem_len=shape.memory_length,
        cutoffs=list(shape.cutoffs), same_length=False, attn_type=0, clamp_len=-1,
    )  # fmt: skip
    for parameter in model.parameters():
        if parameter.dim() > 1:
            torch.nn.init.normal_(parameter, 0.0, 0.02)
        else:
            torch.nn.init.zeros_(parameter)
    for name, parameter in model.named_parameters():
        if name.endswith("layer_norm.weight"):
            torch.nn.init.ones_(parameter)
    return model.train()


def make_step(model: torch.nn.Module, shape: Shape, *, autocast: bool) -> Callable[[], None]:
    """Return a training step as in upstream's train.py: forward, backward, clip, Adam.

    Args:
        autocast: whether to multiply matrices in bf16, as PyTorch's autocast chooses.
    """
    generator = torch.Generator().manual_seed(0)
    stream = torch.randint(shape.vocabulary, (shape.target_length + 1, shape.batch), generator=generator)
    optimizer = torch.optim.Adam(model.parameters(), lr=2.5e-4)
    memory: tuple[torch.Tensor, ...] = ()

    def step() -> None:
        nonlocal memory
        model.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            output = model(stream[:-1], stream[1:], *memory)
        memory = tuple(output[1:])
        output[0].float().mean().backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.25)
        optimizer.step()

    return step


def main() -> None:
    """Time the steps; print tokens per second, the peak memory and the number of operators in a step."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--upstream", type=Path, required=True)
    parser.add_argument("--shape", type=decoded, required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--autocast", action="store_true")
    arguments = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(arguments.threads)
    shape = arguments.shape
    step = make_step(build(arguments.upstream, shape), shape, autocast=arguments.autocast)
    figures = time_steps(step, shape.tokens_per_step, arguments.seconds)
    print(json.dumps(figures | {"operators": count(step).operators}))


if __name__ == "__main__":
    main()
