"""Time training steps on a device. Prints one line of JSON; see the package."""

import argparse
import json
import time
from typing import Final

import torch

from benchmarks.counting import count
from benchmarks.figures import Json
from benchmarks.gpu.plan import Mode
from benchmarks.shape import Shape, decoded
from benchmarks.trainer_step import config_of, make_step
from trainer.config.cost import flops_per_step
from trainer.precision import Weights
from trainer.setup import build_model

WARM_UP_STEPS: Final = 5  # until memory is full, the graph compiled, and CUDA graphs recorded
TRILLION: Final = 1e12
# Dense peaks of matrix products by data sheet, by part of the device's name: TFLOP/s in 16 bits, TF32 and fp32.
PEAKS: Final = {"H200": (989.0, 494.0, 67.0), "H100": (989.0, 494.0, 67.0), "A100": (312.0, 156.0, 19.5)}


def peak_flops(device_name: str, precision: str) -> float | None:
    """Return the peak FLOP/s of a device in a precision; None if it is not in the table."""
    for part, (half, tf32, single) in PEAKS.items():
        if part in device_name:
            return TRILLION * {"fp32": single, "tf32": tf32}.get(precision, half)
    return None


def time_mode(shape: Shape, mode: Mode, device: torch.device, seconds: float) -> dict[str, Json]:
    """Take steps for some seconds, at least two, and return what they show."""
    if mode.precision == "tf32":
        torch.set_float32_matmul_precision("high")
    config = config_of(shape, mode.precision)
    model = build_model(config, shape.vocabulary, device)
    model.train()
    if mode.compiled != "no":
        backend = "inductor" if device.type == "cuda" else "eager"  # a CPU only tries this program
        model.use_graph({shape.target_length}, backend=backend, reuses_outputs=mode.compiled == "cuda_graphs")
    step = make_step(model, Weights(model, config.precision), config, shape)
    first = time.perf_counter()
    losses = [step() for _ in range(WARM_UP_STEPS)]
    _wait(device)
    steps, start = 0, time.perf_counter()
    while steps < 2 or time.perf_counter() - start < seconds:
        losses[-1] = step()
        steps += 1
        if steps % 10 == 0:
            _wait(device)  # or the clock would run ahead of the device
    _wait(device)
    taken = (time.perf_counter() - start) / steps
    flops = flops_per_step(config, shape.vocabulary)
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    peak = peak_flops(name, mode.precision)
    counts = count(step) if mode.compiled == "no" else None
    return {
        "device": name,
        "tokens_per_second": shape.tokens_per_step / taken,
        "tflops_per_second": flops / taken / TRILLION,
        "mfu": None if peak is None else flops / taken / peak,
        "peak_memory_mib": torch.cuda.max_memory_allocated(device) / 2**20 if device.type == "cuda" else None,
        "operators": None if counts is None else counts.operators,
        "waits": None if counts is None else counts.waits,
        "warm_up_s": start - first,
        "loss_is_finite": bool(torch.stack([each.float() for each in losses]).isfinite().all()),
    }


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def main() -> None:
    """Time the steps."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shape", type=decoded, required=True)
    parser.add_argument("--precision", required=True)
    parser.add_argument("--compiled", default="no")
    parser.add_argument("--device", type=torch.device, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    given = parser.parse_args()
    print(json.dumps(time_mode(given.shape, Mode(given.precision, given.compiled), given.device, given.seconds)))


if __name__ == "__main__":
    main()
