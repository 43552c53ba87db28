"""Run the checks and the measurements in turn, each in processes of its own, within the time."""

import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from benchmarks.figures import Figures, Json
from benchmarks.gpu.plan import Mode, Plan
from benchmarks.shape import Shape

LONGEST_MESSAGE: Final = 300
SHARE_OF_STEPS: Final = 0.8  # of the recipe's time; the rest goes to evaluations
REFERENCE_STEPS: Final = 4_464  # 15 minutes of a GPU of 2019, after which the recipe without tricks had perplexity 97
RECIPE: Final[dict[str, Any]] = {
    "data": {"corpus": "wikitext-2", "batch_size": 32, "target_length": 150},
    "model": {
        "layers": 16, "d_model": 400, "heads": 10, "d_head": 40, "d_inner": 900, "memory_length": 150,
        "adaptive_cutoffs": [20_000, 40_000, 200_000],
    },
    "optimizer": {"learning_rate": 3.5e-4, "schedule": "cosine", "warmup_fraction": 0.024, "clip": 0.25},
    "evaluation": {"times": 12, "batch_size": 10, "tokens": 50_000},
    "checkpoint": {"every_seconds": 3000.0},
    "precision": "bf16",
}  # fmt: skip


@dataclass(slots=True)
class Clock:
    """The time that is left."""

    total_s: float
    start: float = field(default_factory=time.monotonic)

    @property
    def left_s(self) -> float:
        """Seconds until the end."""
        return self.total_s - (time.monotonic() - self.start)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a process printed: a JSON document per line, and why it ended early, if so."""

    documents: list[dict[str, Json]]
    problem: str | None


def run(plan: Plan, *, device: str) -> Figures:
    """Run all of a plan and return its figures. What fails or does not fit is said in their place."""
    clock = Clock(plan.total_s)
    checks = _checks(plan, device, clock)
    modes = [_timed(plan, plan.shape, mode, device, clock) for mode in plan.modes]
    packed = [
        {"shape": name, **_packed(plan, shape, number, device, clock)}
        for name, shape in plan.packed_shapes.items()
        for number in plan.packed
    ]
    speed = next((each["tokens_per_second"] for each in modes if each["mode"] == RECIPE["precision"]), None)
    recipe = _recipe(plan, device, clock, speed if isinstance(speed, float) else None)
    found = next((each["device"] for each in modes if each["device"] is not None), None)
    return {"device": found, "checks": checks, "modes": modes, "packed": packed, "recipe": recipe}


def _checks(plan: Plan, device: str, clock: Clock) -> dict[str, Json]:
    """Check all kinds of models side by side, and fill the compiler's cache for what is timed afterwards."""
    kinds = [["benchmarks.gpu.checks", "--kind", kind, "--device", device] for kind in plan.kinds]
    compiled = [mode for mode in plan.modes if mode.compiled != "no"]
    filling = [_step(replace(plan, step_s=0.0), plan.shape, mode, device) for mode in compiled]
    found = answers([*kinds, *filling], min(2 * plan.limit_s, clock.left_s))[: len(kinds)]
    documents = [each for answer in found for each in answer.documents]
    failed = [f"{each['check']}: {each['problem']}" for each in documents if each["problem"] is not None]
    failed += [
        f"{kind}: {each.problem}" for kind, each in zip(plan.kinds, found, strict=True) if each.problem is not None
    ]
    return {"number": len(documents), "failed": failed}


NOTHING: Final[dict[str, Json]] = dict.fromkeys(
    ("device", "tokens_per_second", "tflops_per_second", "mfu", "peak_memory_mib", "operators", "waits", "warm_up_s")
)


def _timed(plan: Plan, shape: Shape, mode: Mode, device: str, clock: Clock) -> dict[str, Json]:
    answer = answers([_step(plan, shape, mode, device)], min(plan.limit_s, clock.left_s))[0]
    figures = answer.documents[-1] if answer.documents else {}
    return {**NOTHING, **figures, "mode": mode.name, "problem": answer.problem}


def _step(plan: Plan, shape: Shape, mode: Mode, device: str) -> list[str]:
    return [
        "benchmarks.gpu.step", "--shape", shape.encoded(), "--precision", mode.precision, "--compiled", mode.compiled,
        "--device", device, "--seconds", str(plan.step_s),
    ]  # fmt: skip


def _packed(plan: Plan, shape: Shape, number: int, device: str, clock: Clock) -> dict[str, Json]:
    """Time several trials at once on the card."""
    found = answers([_step(plan, shape, plan.packed_mode, device)] * number, min(plan.limit_s, clock.left_s))
    speeds = [each.documents[-1]["tokens_per_second"] for each in found if each.documents]
    problem = next((each.problem for each in found if each.problem is not None), None)
    total = sum(each for each in speeds if isinstance(each, float))
    return {"trials": number, "tokens_per_second": total if len(speeds) == number else None, "problem": problem}


def _recipe(plan: Plan, device: str, clock: Clock, tokens_per_second: float | None) -> dict[str, Json]:
    """Train the recipe's model without its regularizers for the time that is left, as many steps as fit."""
    nothing: dict[str, Json] = {"steps": None, "curve": [], "test_perplexity": None}
    if tokens_per_second is None:
        return {**nothing, "problem": f"{RECIPE['precision']} was not timed, so the steps that fit are unknown"}
    config = {**RECIPE, **plan.recipe, "device": device}
    per_step = config["data"]["batch_size"] * config["data"]["target_length"]
    fitting = int((clock.left_s - plan.reserve_s) * SHARE_OF_STEPS * tokens_per_second / per_step)
    steps = 6 if plan.recipe else min(REFERENCE_STEPS, fitting)
    if steps < config["evaluation"]["times"]:
        return {**nothing, "problem": f"no time was left: {clock.left_s:.0f} s"}
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "config.json")
        path.write_text(json.dumps({**config, "budget": {"steps": steps}}), encoding="utf-8")
        folder = Path(directory, "run")
        answer = answers([["trainer", str(path), "--run-dir", str(folder)]], max(1.0, clock.left_s))[0]
        return {"steps": steps, **_curve(folder), "problem": answer.problem}


def _curve(folder: Path) -> dict[str, Json]:
    """Return what a run, ended or not, has reported."""
    path = folder / "metrics.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    curve = [
        {"step": line["step"], "perplexity": line["look_perplexity"], "device_seconds": line["device_seconds"]}
        for line in lines
        if "look_perplexity" in line
    ]
    last = lines[-1] if lines else {}
    return {
        "curve": curve,
        "valid_perplexity": last.get("valid_perplexity"),
        "test_perplexity": last.get("test_perplexity"),
    }


def answers(commands: list[list[str]], limit_s: float) -> list[Answer]:
    """Run modules side by side, each `python -m` with its arguments, and return what they printed."""
    if limit_s <= 0.0:
        return [Answer([], "no time was left") for _ in commands]
    until = time.monotonic() + limit_s
    environment = {"OMP_NUM_THREADS": "1", **os.environ}
    running = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for command in commands
    ]
    return [_answer(process, max(0.1, until - time.monotonic()), limit_s) for process in running]


def _answer(process: "subprocess.Popen[str]", left_s: float, limit_s: float) -> Answer:
    problem = None
    try:
        output, errors = process.communicate(timeout=left_s)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        problem = f"took longer than {limit_s:g} s"
    if problem is None and process.returncode != 0:
        last = errors.strip().splitlines() or [f"exit code {process.returncode}"]
        problem = last[-1][:LONGEST_MESSAGE]
    return Answer([json.loads(line) for line in output.splitlines() if line.startswith("{")], problem)
