"""Check that a model computes on a device what it computes on a CPU. Prints one line of JSON per check.

On a CPU, the graphs are compiled with PyTorch's `eager` backend, and waits are counted instead of refused.
"""

import argparse
import copy
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Final

import torch

from benchmarks.counting import count
from benchmarks.figures import Json
from benchmarks.trainer_step import update
from trainer.batches import segments
from trainer.config import TrainerConfig, parse
from trainer.gradients import add_gradients
from trainer.models.language_model import LanguageModel
from trainer.precision import Weights
from trainer.setup import build_model, optimizer_for

VOCABULARY, BATCH, TIME, SEGMENTS = 60, 4, 16, 3
DROPOUTS: Final = {"embedding_dropout": 0.2, "input_dropout": 0.2, "output_dropout": 0.2, "dropout": 0.2}
KINDS: Final[dict[str, dict[str, Any]]] = {
    "transformer_xl": {"regularization": DROPOUTS | {"attention_dropout": 0.2}},
    "adaptive softmax": {"model": {"adaptive_cutoffs": [20, 40]}, "regularization": DROPOUTS},
    "awd_lstm": {
        "model": {"kind": "awd_lstm", "memory_length": None},
        "regularization": DROPOUTS | {"weight_dropout": 0.2, "activation_regularization": 1.0},
    },
    "gpt2": {"model": {"kind": "gpt2"}, "regularization": DROPOUTS | {"attention_dropout": 0.2}},
    "gpt3": {"model": {"kind": "gpt3"}, "regularization": DROPOUTS},
    "modern_gpt": {
        "model": {"kind": "modern_gpt"},
        "regularization": DROPOUTS | {"attention_dropout": 0.2, "stochastic_depth": 0.2},
    },
}
PRECISIONS: Final = ("fp32", "tf32", "mixed", "bf16", "fp16")
CLOSE: Final = 2e-3  # relative difference of losses in fp32 that different kernels may have
STEPS: Final = 20


def config_of(kind: str, precision: str = "fp32", *, dropped: bool = True) -> TrainerConfig:
    """Return the configuration of a small model."""
    given = KINDS[kind]
    model = {"layers": 2, "d_model": 32, "memory_length": TIME} | given.get("model", {})
    if model.get("kind") != "awd_lstm":
        model["heads"] = 2  # 16 wide, as FlexAttention's kernels need
    return parse(
        {
            "data": {"batch_size": BATCH, "target_length": TIME},
            "model": model,
            "regularization": given["regularization"] if dropped else {},
            "precision": precision,
        }
    )


def losses_of(model: LanguageModel) -> list[float]:
    """Return the losses of some segments, with gradients."""
    device = model.embedding.device
    generator = torch.Generator().manual_seed(1)
    tokens = torch.randint(VOCABULARY, (BATCH, SEGMENTS * TIME + 1), generator=generator).to(device)
    memory, losses = None, []
    for inputs, targets in segments(tokens, TIME):
        loss, memory = add_gradients(model, inputs, targets, memory, micro_batch_size=BATCH)
        losses.append(loss)
    return [loss.item() for loss in losses]


def same_as_on_a_cpu(kind: str, device: torch.device) -> str | None:
    """Compare losses on the device and on a CPU, without dropout; return the difference if it is too large."""
    found = [
        losses_of(build_model(config_of(kind, dropped=False), VOCABULARY, each).train())
        for each in (device, torch.device("cpu"))
    ]
    return _difference(*found)


def same_compiled(kind: str, device: torch.device, *, cuda_graphs: bool) -> str | None:
    """Compare losses with and without the graph, with every dropout."""
    torch.compiler.reset()
    model = build_model(config_of(kind), VOCABULARY, device).train()
    plain = copy.deepcopy(model)
    plain.generator.set_state(model.generator.get_state())
    backend = "inductor" if device.type == "cuda" else "eager"
    model.use_graph({TIME}, backend=backend, reuses_outputs=cuda_graphs)
    return _difference(losses_of(model), losses_of(plain))


def _difference(found: list[float], expected: list[float]) -> str | None:
    worst = max(abs(one / other - 1.0) for one, other in zip(found, expected, strict=True))
    return None if worst <= CLOSE else f"losses differ by {worst:.2%}: {found} and {expected}"


def trains(kind: str, precision: str, device: torch.device) -> str | None:
    """Take steps on one segment; its loss must fall, and no step may wait for the device."""
    config = config_of(kind, precision)
    model = build_model(config, VOCABULARY, device).train()
    weights = Weights(model, precision)
    optimizer = optimizer_for(config, model, weights)
    tokens = torch.randint(VOCABULARY, (BATCH, TIME + 1), generator=torch.Generator().manual_seed(1)).to(device)
    losses: list[torch.Tensor] = []

    def step() -> None:
        weights.clear_gradients()
        scale = None if weights.loss_scale is None else weights.loss_scale.scale
        inputs, targets = tokens[:, :-1], tokens[:, 1:]
        loss, _ = add_gradients(model, inputs, targets, None, micro_batch_size=BATCH, loss_scale=scale)
        update(weights, optimizer, 0.01)
        losses.append(loss)

    step()  # loads kernels and fills caches, which may wait
    waits = _waits(step, kind, device)
    if waits is not None:
        return waits
    for _ in range(STEPS - len(losses)):
        step()
    first, last = losses[0].item(), losses[-1].item()
    return None if last < 0.9 * first else f"the loss is {first:.4g} at first and {last:.4g} after {STEPS} steps"


def _waits(step: Callable[[], None], kind: str, device: torch.device) -> str | None:
    if device.type == "cuda":
        with _refusing_waits():
            step()  # raises an error at a wait
        return None
    waits = count(step).waits
    return f"{waits} waits" if waits and kind != "adaptive softmax" else None  # which has other shapes on a CPU


@contextmanager
def _refusing_waits() -> Iterator[None]:
    torch.cuda.set_sync_debug_mode("error")
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode("default")


def checks(kind: str, device: torch.device) -> dict[str, Callable[[], str | None]]:
    """Return the checks of a kind of model: functions that return what is wrong, by name."""
    found: dict[str, Callable[[], str | None]] = {
        f"{kind}: as on a CPU": partial(same_as_on_a_cpu, kind, device),
        f"{kind}: the same compiled": partial(same_compiled, kind, device, cuda_graphs=False),
        f"{kind}: the same with CUDA graphs": partial(same_compiled, kind, device, cuda_graphs=True),
    }
    for precision in PRECISIONS:
        if device.type == "cuda" or precision != "tf32":
            found[f"{kind}: trains in {precision}, without a wait"] = partial(trains, kind, precision, device)
    return found


def outcome(name: str, check: Callable[[], str | None]) -> dict[str, Json]:
    """Run a check; whatever it raises is its problem."""
    try:
        problem = check()
    except Exception as error:
        text = str(error).strip().splitlines() or [""]
        problem = f"{type(error).__name__}: {text[0][:300]}"
    return {"check": name, "problem": problem}


def main() -> None:
    """Run the checks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", type=torch.device, required=True)
    parser.add_argument("--kind", choices=KINDS, required=True)
    given = parser.parse_args()
    for name, check in checks(given.kind, given.device).items():
        print(json.dumps(outcome(name, check)), flush=True)


if __name__ == "__main__":
    main()
