"""Studies with made-up numbers in a store, filled as slots fill it: by claiming, ingesting and finishing.

The numbers follow a formula, so that a test can say what must come out: the log of a trial's perplexity is
`BASE` plus the effects of its levels plus 0.01 times its seed's draw, and its curve falls to that exponentially.
"""

import math
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from sqlalchemy import Engine

from sweeper.spec.json_phases import phase_to_json
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.records import Lease, Measurement, Outcome
from tests.sweeper.store.builders import RETRY, SLOT, Budget, Plan, PlannedPhase, phase, study_from

BASE: Final = math.log(120.0)
EFFECTS: Final = {
    ("embedding_dropout", "0.1"): -0.03,
    ("embedding_dropout", "0.2"): -0.05,
    ("input_dropout", "0.3"): -0.08,
    ("depth", "4"): 0.02,
}
FACTORS: Final[dict[str, dict[str, Any]]] = {
    "embedding_dropout": {"path": "regularization.embedding_dropout", "levels": [0.0, 0.1, 0.2], "baseline": 0.0},
    "input_dropout": {"path": "regularization.input_dropout", "levels": [0.0, 0.3], "baseline": 0.0},
    "depth": {"path": "model.layers", "levels": [2, 4], "baseline": 2},
}
BASELINE: Final = {name: factor["baseline"] for name, factor in FACTORS.items()}
CLAIMS: Final = (
    {
        "id": "input-dropout-helps",
        "text": "Input dropout lowers validation perplexity.",
        "metric": None,
        "contrast": {"phase": "screen", "factor": "input_dropout", "from": 0.0, "to": 0.3, "where": None},
        "expect": "decrease",
        "at_least": "1%",
    },
    {
        "id": "depth-helps",
        "text": "Four layers are better than two.",
        "metric": None,
        "contrast": {"phase": "screen", "factor": "depth", "from": 2, "to": 4, "where": None},
        "expect": "decrease",
        "at_least": 0,
    },
)
CORPUS: Final = {
    "name": "pydocs",
    "fingerprint": "0123abcd",
    "train_tokens": 250_000,
    "valid_tokens": 25_000,
    "test_tokens": 25_000,
    "vocabulary": 8_000,
    "unigram_perplexity": 512.25,
}
ENVIRONMENT: Final = {
    "python": "3.11.2",
    "platform": "Linux-6.1-x86_64",
    "machine": {"host": "here", "cpu": "Imaginary CPU", "cores": 2, "memory_bytes": 8 * 2**30},
    "gpus": [],
    "packages": {"torch": "2.13.0", "numpy": "2.4.6"},
    "git": {"commit": "0" * 40, "changed": False, "diff_sha256": None, "diff_lines": 0},
    "command": ["sweeper", "launch", "study.yaml"],
}


@dataclass(frozen=True)
class Ending:
    """How a trial ends in a test: its curve up to `stop`, and the outcome's changes."""

    exit_reason: str = "completed"
    stop: float = 1.0  # share of its steps that it reaches
    message: str | None = None
    shift: float = 0.0  # added to the log of its values
    last_is_nan: bool = False


@dataclass(frozen=True)
class Plot:
    """What a store is to hold."""

    phases: Sequence[PlannedPhase]
    name: str = "quickstart"
    metric: Mapping[str, Any] = field(
        default_factory=lambda: {"name": "valid_perplexity", "direction": "minimize", "scale": "log"}
    )
    factors: Mapping[str, Any] = field(default_factory=lambda: dict(FACTORS))
    claims: Sequence[Mapping[str, Any]] = CLAIMS
    description: str = "Which dropout helps a small Transformer-XL most?"
    source: str = "study: quickstart\n"
    num_points: int = 20


def one_at_a_time() -> list[dict[str, object]]:
    """The baseline, and each other level of each factor alone."""
    rows: list[dict[str, object]] = [dict(BASELINE)]
    for name, factor in FACTORS.items():
        rows += [{**BASELINE, name: level} for level in factor["levels"] if level != factor["baseline"]]
    return rows


def screen(seeds: Sequence[int] = (0, 1, 2), steps: int = 300) -> PlannedPhase:
    """The first phase: one factor at a time."""
    spec = {"seeds": list(seeds), "budget": {"steps": steps}, "design": "one_at_a_time"}
    return phase("screen", one_at_a_time(), seeds=seeds, design="one_at_a_time", budget=Budget(steps), spec=spec)


def longer(seeds: Sequence[int] = (0, 1, 2)) -> PlannedPhase:
    """The second phase: two configurations for longer."""
    rows: list[Mapping[str, object] | None] = [dict(BASELINE), {**BASELINE, "input_dropout": 0.3}]
    spec = {"seeds": list(seeds), "budget": {"steps": 1500}, "design": {"list": rows}}
    return phase("long", rows, seeds=seeds, design="list", budget=Budget(1500), spec=spec)


def store_with(
    folder: Path,
    plot: Plot,
    endings: Callable[[Lease], Ending | None] = lambda lease: Ending(),
) -> str:
    """The URL of a store that holds the study, each trial ended as `endings` says; None leaves the rest waiting."""
    url = f"sqlite:///{folder / 'store.db'}"
    engine = open_store(url, create=not (folder / "store.db").exists())
    study_id = enrol_plot(engine, plot)
    now = 1_000_000.0
    while (
        lease := queue.claim_trial(engine, study_id, SLOT, lease_s=600.0, now=now, environment=ENVIRONMENT)
    ) is not None:
        ending = endings(lease)
        if ending is None:
            break
        now += _end(engine, lease, ending, plot, now)
    engine.dispose()
    return url


def store_of_one_seed(folder: Path) -> str:
    """A store whose claim that input dropout helps rests on seed 1: with the other seeds it gains next to nothing."""
    gains = (0.01, 0.08, 0.01, 0.02, 0.01)
    effect = EFFECTS["input_dropout", "0.3"]

    def ending(lease: Lease) -> Ending:
        half = gains[lease.seed] / 2
        if lease.configuration == BASELINE:
            return Ending(shift=half)
        return Ending(shift=-effect - half if lease.configuration == {**BASELINE, "input_dropout": 0.3} else 0.0)

    return store_with(folder, Plot([screen(range(len(gains)))], claims=CLAIMS[:1]), ending)


def enrol_plot(engine: Engine, plot: Plot, *, extend: bool = False) -> int:
    """Puts the study into the store, its trials waiting."""
    document = {
        "study": plot.name,
        "description": plot.description,
        "seed": 0,
        "metric": dict(plot.metric),
        "budget": {"device_hours": 1.0},
        "factors": dict(plot.factors),
        "phases": [phase_to_json(each.phase) for each in plot.phases],
        "claims": [dict(lease) for lease in plot.claims],
    }
    study = study_from(document, source=plot.source)
    plan = Plan(plot.name, tuple(plot.phases))
    return enrol(engine, plan, study, runs_dir=Path("/runs"), now=1_000_000.0, extend=extend).study_id  # type: ignore[arg-type]  # the plan's shape is what counts


def final_value(configuration: Mapping[str, object], seed: int, steps: int) -> float:
    """The perplexity that a trial ends with, by the formula."""
    effect = sum(EFFECTS.get((name, str(level)), 0.0) for name, level in configuration.items())
    key = zlib.crc32(str(sorted(configuration.items())).encode())
    draw = float(np.random.default_rng([seed, key]).normal())
    return math.exp(BASE + effect - 0.15 * math.log(steps / 300) + 0.01 * draw + 0.02 * seed)


def _end(engine: Engine, lease: Lease, ending: Ending, plot: Plot, now: float) -> float:
    """Reports the trial's curve and ends it; returns its seconds."""
    steps = int(str(lease.budget["steps"]))
    seconds = steps * 0.05
    points = _curve(lease, ending, plot, steps, seconds)
    ingest(engine, lease, points, 1)
    finite = [point.value for point in points if math.isfinite(point.value)]
    best = min(finite) if finite else None
    completed = ending.exit_reason == "completed"
    outcome = Outcome(
        exit_reason=ending.exit_reason,  # type: ignore[arg-type]  # a test's literal
        message=ending.message,
        value=best,
        result=_result(best, steps) if completed and best is not None else None,
        device_seconds=seconds * ending.stop,
        peak_memory_bytes=300 * 2**20,
    )
    queue.finish(engine, lease, outcome, retry=RETRY, now=now + seconds * ending.stop + 1.0)
    return seconds * ending.stop + 1.0


def _curve(lease: Lease, ending: Ending, plot: Plot, steps: int, seconds: float) -> list[Measurement]:
    final = final_value(lease.configuration or {}, lease.seed, steps) * math.exp(ending.shift)
    points = []
    for place in range(1, max(round(plot.num_points * ending.stop), 1) + 1):
        share = place / plot.num_points
        value = final * math.exp(1.2 * (math.exp(-4 * share) - math.exp(-4)))
        points.append(_point(plot, share, value, steps, seconds))
    if ending.last_is_nan:
        points[-1] = _point(plot, ending.stop, math.nan, steps, seconds)
    return points


def _point(plot: Plot, share: float, value: float, steps: int, seconds: float) -> Measurement:
    step = max(round(steps * share), 1)
    return Measurement(
        metric=str(plot.metric["name"]),
        step=step,
        value=value,
        tokens=step * 640,
        device_seconds=seconds * share,
        flops=step * 2.5e9,
    )


def _result(best: float, steps: int) -> dict[str, object]:
    return {
        "outcome": "completed",
        "valid_perplexity": best,
        "test_perplexity": best * 0.97,
        "test_loss": math.log(best * 0.97),
        "best_step": steps,
        "parameters": 612_345,
        "corpus": dict(CORPUS),
    }
