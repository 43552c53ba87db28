"""Compare training steps with those of the upstream PyTorch Transformer-XL, on the same shapes, in one run.

The upstream code is not part of this project. Check it out in another directory:

    git clone https://github.com/kimiyoung/transformer-xl /tmp/transformer-xl        # commit 44781ed was measured
    python -m benchmarks trainer --upstream /tmp/transformer-xl

Method. Each figure comes from a new process that builds the model, takes two warm-up steps and then steps for some
seconds: forward, backward, clipping, Adam, memory carried over. Our code and the upstream code take turns over several
rounds; a ratio is the median over the rounds of the ratio within a round, so that a busy machine slows both alike. CPU
time is measured besides wall-clock time, because other processes affect it less. `S1` is a small model with dropout .1;
`S1 without dropout` is included because upstream draws a mask entry for every token, while our masks are locked over
time; `S2` is the shape of the 63.358 recipe (adaptive softmax, 16 layers).
"""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from benchmarks.options import Options
from benchmarks.results import Figures, Json, say
from benchmarks.shape import Shape

S1: Final = Shape(
    vocabulary=10_000,
    layers=4,
    heads=4,
    d_model=128,
    d_head=32,
    d_inner=512,
    dropout=0.1,
    target_length=64,
    memory_length=64,
    batch=32,
)
S2: Final = Shape(
    vocabulary=33_278,
    layers=16,
    heads=10,
    d_model=400,
    d_head=40,
    d_inner=900,
    dropout=0.2,
    target_length=150,
    memory_length=150,
    batch=32,
    cutoffs=(20_000, 40_000, 200_000),
)
# Name: shape, seconds per process, (processes, threads) of ours, (processes, threads) of theirs, rounds.
CASES: Final[dict[str, tuple[Shape, float, tuple[int, int], tuple[int, int], int]]] = {
    "S1, one thread each": (S1, 8.0, (1, 1), (1, 1), 4),
    "S1 without dropout, one thread each": (replace(S1, dropout=0.0), 8.0, (1, 1), (1, 1), 4),
    "S1, two trials of one thread side by side, against upstream with two threads": (S1, 8.0, (2, 1), (1, 2), 4),
    "S2, one thread each": (S2, 1.0, (1, 1), (1, 1), 1),
}
Speeds = dict[str, float]


def measure(options: Options) -> Figures:
    """Return the summary of each case.

    Raises:
        ValueError: no checkout of the upstream code was named.
    """
    if options.upstream is None:
        raise ValueError("the trainer's part needs a checkout of the upstream code: --upstream PATH")
    names = list(CASES)[:1] if options.quick else list(CASES)
    cases: list[Json] = []
    for name in names:
        shape, seconds, ours, theirs, rounds = CASES[name]
        number = 1 if options.quick else rounds
        say(f"{name}, {number} rounds")
        results = rounds_of(shape, 1.0 if options.quick else seconds, ours, theirs, options.upstream, number)
        cases.append({"case": name, "rounds": number, **summary(results)})
    return {"cases": cases}


def speeds(module: str, arguments: list[str], processes: int) -> Speeds:
    """Return the tokens per second of all processes together, and the largest peak memory of a process."""
    command = [sys.executable, "-m", module, *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(processes)]
    outputs = [process.communicate()[0] for process in running]
    found: list[Speeds] = [json.loads(output) for output in outputs]
    return {
        "tokens_per_second": sum(each["tokens_per_second"] for each in found),
        "tokens_per_cpu_second": statistics.mean(each["tokens_per_cpu_second"] for each in found),
        "peak_memory_bytes": max(each["peak_memory_bytes"] for each in found),
    }


def rounds_of(  # noqa: PLR0917 - a case, in its order
    shape: Shape,
    seconds: float,
    ours: tuple[int, int],
    theirs: tuple[int, int],
    upstream: Path,
    rounds: int,
) -> list[tuple[Speeds, Speeds]]:
    """Return the speeds of ours and of theirs in each round."""
    common = ["--shape", shape.encoded(), "--seconds", str(seconds), "--threads"]
    results = []
    for _ in range(rounds):
        mine = speeds("benchmarks.trainer_step", [*common, str(ours[1])], ours[0])
        other = speeds("benchmarks.upstream_step", [*common, str(theirs[1]), "--upstream", str(upstream)], theirs[0])
        results.append((mine, other))
    return results


def summary(results: list[tuple[Speeds, Speeds]]) -> dict[str, float]:
    """Return medians over the rounds; ratios are ours over theirs within a round."""

    def median(which: int, name: str) -> float:
        return statistics.median(result[which][name] for result in results)

    def ratio(name: str) -> float:
        return statistics.median(mine[name] / other[name] for mine, other in results)

    return {
        "ours_tokens_per_second": round(median(0, "tokens_per_second")),
        "upstream_tokens_per_second": round(median(1, "tokens_per_second")),
        "ratio": ratio("tokens_per_second"),
        "ratio_by_cpu_seconds": ratio("tokens_per_cpu_second"),
        "ours_peak_mib": round(median(0, "peak_memory_bytes") / 2**20),
        "upstream_peak_mib": round(median(1, "peak_memory_bytes") / 2**20),
    }
