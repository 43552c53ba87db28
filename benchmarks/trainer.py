"""Compare training steps with those of the upstream PyTorch Transformer-XL, on the same shapes, in one run.

The upstream code is not part of this project. Check it out in another directory:

    git clone https://github.com/kimiyoung/transformer-xl /tmp/transformer-xl        # commit 44781ed was measured
    python -m benchmarks trainer --upstream /tmp/transformer-xl

Method. Each figure comes from a new process that builds the model, takes two warm-up steps and then steps for some
seconds: forward, backward, clipping, Adam, memory carried over. All contenders of a shape take turns over several
rounds; a ratio is the median over the rounds of the ratio within a round, so that a busy machine slows all alike. CPU
time is measured besides wall-clock time, because other processes affect it less. Upstream keeps freed memory as our
trainer does. `bf16` is upstream under PyTorch's bf16 autocast, which is what our `precision: mixed` competes with.

`S1` is a small model with dropout .1; `S1 without dropout` is included because upstream draws a mask entry for every
token, while our masks are locked over time; `replica` is the shape of studies/dettmers-339-cpu.yaml; `S2` is the shape
of the 63.358 recipe (adaptive softmax, 16 layers). AWD-LSTM and GPT compete with plain PyTorch, see `plain_step`.
"""

import json
import os
import statistics
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.figures import Figures, Json
from benchmarks.options import Options
from benchmarks.results import say
from benchmarks.shape import Shape
from benchmarks.shapes import GPT, LSTM, REPLICA, S1, S2


@dataclass(frozen=True, slots=True)
class Contender:
    """A program that takes training steps.

    Attributes:
        module: what to run.
        arguments: its arguments besides the shape's.
        processes: how many run side by side; their tokens per second are added up.
        threads: of each process.
    """

    module: str
    arguments: tuple[str, ...] = ()
    processes: int = 1
    threads: int = 1


OURS: Final = Contender("benchmarks.trainer_step")
MIXED: Final = Contender("benchmarks.trainer_step", ("--precision", "mixed"))
UPSTREAM: Final = Contender("benchmarks.upstream_step")
UPSTREAM_BF16: Final = Contender("benchmarks.upstream_step", ("--autocast",))
PLAIN: Final = Contender("benchmarks.plain_step")
PLAIN_BF16: Final = Contender("benchmarks.plain_step", ("--autocast",))


@dataclass(frozen=True, slots=True)
class Group:
    """Contenders on one shape that take turns.

    Attributes:
        seconds: of each process.
        pairs: by the name of a case, ours and theirs.
    """

    shape: Shape
    seconds: float
    rounds: int
    pairs: dict[str, tuple[Contender, Contender]]


def _three(name: str, theirs: Contender, in_bf16: Contender, other: str) -> dict[str, tuple[Contender, Contender]]:
    return {
        f"{name}, fp32": (OURS, theirs),
        f"{name}, mixed against {other}'s fp32": (MIXED, theirs),
        f"{name}, mixed against {other}'s bf16": (MIXED, in_bf16),
    }


GROUPS: Final = (
    Group(S1, 6.0, 5, _three("S1", UPSTREAM, UPSTREAM_BF16, "upstream")),
    Group(REPLICA, 4.0, 3, _three("replica", UPSTREAM, UPSTREAM_BF16, "upstream")),
    Group(replace(S1, dropout=0.0), 5.0, 3, {"S1 without dropout, fp32": (OURS, UPSTREAM)}),
    Group(
        S1,
        5.0,
        3,
        {
            "S1, two trials of one thread side by side, against upstream with two threads": (
                replace(OURS, processes=2),
                replace(UPSTREAM, threads=2),
            )
        },
    ),
    Group(LSTM, 4.0, 3, _three("AWD-LSTM", PLAIN, PLAIN_BF16, "plain PyTorch")),
    Group(GPT, 4.0, 3, _three("GPT", PLAIN, PLAIN_BF16, "plain PyTorch")),
    Group(S2, 1.0, 1, _three("S2", UPSTREAM, UPSTREAM_BF16, "upstream")),
)
Speeds = dict[str, float]


def measure(options: Options) -> Figures:
    """Return the summary of each case.

    Raises:
        ValueError: no checkout of the upstream code was named.
    """
    if options.upstream is None:
        raise ValueError("the trainer's part needs a checkout of the upstream code: --upstream PATH")
    if not (options.upstream / "pytorch" / "mem_transformer.py").is_file():
        raise ValueError(f"--upstream {options.upstream} is no checkout: it lacks pytorch/mem_transformer.py")
    cases: list[Json] = []
    for group in GROUPS[:1] if options.quick else GROUPS:
        seconds, rounds = (1.0, 1) if options.quick else (group.seconds, group.rounds)
        contenders = list(dict.fromkeys(each for pair in group.pairs.values() for each in pair))
        found: list[dict[Contender, Speeds]] = []
        for number in range(rounds):
            say(f"{next(iter(group.pairs))} and what goes with it: round {number + 1} of {rounds}")
            found.append({each: speeds(each, group.shape, seconds, options.upstream) for each in contenders})
        for name, (ours, theirs) in group.pairs.items():
            results = [(each[ours], each[theirs]) for each in found]
            cases.append({"case": name, "rounds": rounds, **summary(results)})
    return {"cases": cases}


def speeds(contender: Contender, shape: Shape, seconds: float, upstream: Path) -> Speeds:
    """Return the tokens per second of a contender's processes together, and the rest of the largest of them."""
    command = [sys.executable, "-m", contender.module, "--shape", shape.encoded(), "--seconds", str(seconds)]
    command += ["--threads", str(contender.threads), *contender.arguments]
    if contender.module == UPSTREAM.module:
        command += ["--upstream", str(upstream)]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(contender.processes)
    ]
    outputs = [process.communicate()[0] for process in running]
    found: list[Speeds] = [json.loads(output) for output in outputs]
    return {
        "tokens_per_second": sum(each["tokens_per_second"] for each in found),
        "tokens_per_cpu_second": statistics.mean(each["tokens_per_cpu_second"] for each in found),
        **{name: max(each[name] for each in found) for name in ("peak_memory_bytes", "operators")},
    }


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
        "ours_operators": round(median(0, "operators")),
        "upstream_operators": round(median(1, "operators")),
    }
