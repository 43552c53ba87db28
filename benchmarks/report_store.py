"""A store with a large study whose trials have all ended, for measuring reports, written at once with made-up values.

Its phases are those of an ablation of a language model's regularizers: one at a time, factorial, leave-one-out and a
search. A trial's value is the sum of fixed effects, an effect of its seed, and noise.
"""

import hashlib
import itertools
import json
import math
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np

from sweeper.designs.factor import Factor, Range
from sweeper.designs.kinds import Design, LadderDesign, ListDesign, SamplerDesign, SimpleDesign
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial, TrialBudget
from sweeper.spec.claim import Claim, Contrast
from sweeper.spec.metric import Metric
from sweeper.spec.phase import Budget, Phase
from sweeper.spec.program import TRAINER, Trial
from sweeper.spec.study import Study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol

METRIC: Final = Metric(name="valid_perplexity", direction="minimize", scale="log")
LEVELS: Final[Mapping[str, Sequence[float]]] = {
    "embedding_dropout": [0.0, 0.1, 0.2],
    "input_dropout": [0.0, 0.3, 0.6],
    "output_dropout": [0.0, 0.3, 0.5],
    "dropout": [0.0, 0.1, 0.2],
    "attention_dropout": [0.0, 0.1, 0.2],
    "weight_decay": [0.0, 1.2e-6, 1e-4],
}
BASELINE: Final = {name: levels[0] for name, levels in LEVELS.items()}
FULL: Final = {name: levels[-1] for name, levels in LEVELS.items()}
GAINS: Final = dict(zip(LEVELS, (-0.06, -0.05, -0.03, -0.03, -0.01, 0.0), strict=True))
Configuration = Mapping[str, float]


def make_store(directory: Path, num_trials: int, num_points: int) -> str:
    """Make a store with a study named ``benchmark``, and return its URL.

    Args:
        num_trials: approximate number of trials.
        num_points: number of points in the curve of a completed trial.
    """
    path = directory / "store.db"
    phases = _phases(num_trials)
    study = Study(
        name="benchmark",
        description="Which regularizers does a small Transformer-XL need, and for how long must it train?",
        metric=METRIC,
        trial=Trial(program=TRAINER),
        device_hours=600.0,
        factors={
            name: Factor(name=name, path=name, levels=tuple(levels), baseline=levels[0])
            for name, levels in LEVELS.items()
        },
        phases=tuple(phase.phase for phase in phases),
        claims=_claims(),
    )
    engine = open_store(f"sqlite:///{path}", create=True)
    enrol(engine, Plan(study.name, phases), study, runs_dir=directory, now=1.7e9)
    engine.dispose()
    _end_all(path, num_points)
    return f"sqlite:///{path}"


def _phases(num_trials: int) -> tuple[PlannedPhase, ...]:
    singles = [dict(BASELINE), *({**BASELINE, name: level} for name in LEVELS for level in LEVELS[name][1:])]
    losses = [dict(FULL), *({**FULL, name: BASELINE[name]} for name in LEVELS)]
    two = [
        dict(zip(LEVELS, row, strict=True))
        for row in itertools.product(*((each[0], each[-1]) for each in LEVELS.values()))
    ]
    ladder = [{**BASELINE, **{name: FULL[name] for name in list(LEVELS)[:count]}} for count in range(len(LEVELS) + 1)]
    fixed = [
        _phase("add-one", SimpleDesign("one_at_a_time"), singles, range(3), 17_857),
        _phase("anchors", ListDesign(()), [dict(BASELINE), dict(FULL)], range(5), 4_464),
        _phase("ladder", LadderDesign(tuple(LEVELS)), ladder, range(3), 8_000),
        _phase("factorial", SimpleDesign("grid"), two, range(2), 35_714),
        _phase("leave-one-out", SimpleDesign("leave_one_out"), losses, range(3), 125_000),
    ]
    left = max(num_trials - sum(len(phase.trials) for phase in fixed), 1)
    search = _phase("search", SamplerDesign("random", left), _draws(left), range(1), 20_000)
    drawn = {name: Range(low=0.0, high=levels[-1]) for name, levels in LEVELS.items()}
    return (*fixed, replace(search, phase=replace(search.phase, levels=drawn)))


def _draws(num: int) -> list[Configuration]:
    generator = np.random.default_rng(1)
    return [
        {name: round(float(generator.uniform(0, levels[-1])), 9) for name, levels in LEVELS.items()} for _ in range(num)
    ]


def _phase(name: str, design: Design, rows: Sequence[Configuration], seeds: Sequence[int], steps: int) -> PlannedPhase:
    trials = tuple(
        PlannedTrial(name, number, row, {**row}, _hash(row), seed, TrialBudget("steps", steps))
        for number, (seed, row) in enumerate(itertools.product(seeds, rows))
    )
    phase = Phase(name=name, design=design, budget=Budget("steps", steps), seeds=tuple(seeds))
    return PlannedPhase(phase, trials, tuple((name, trial.number) for trial in trials))


def _hash(row: Configuration) -> str:
    return hashlib.sha256(json.dumps(row).encode()).hexdigest()


def _claims() -> tuple[Claim, ...]:
    return tuple(
        Claim(
            id=f"{name}-helps",
            text=f"{name.replace('_', ' ').capitalize()} lowers the perplexity of an unregularized model.",
            metric=METRIC,
            form="contrast",
            statement=Contrast(phase="add-one", factor=name, start=levels[0], to=levels[-1]),
            expect="decrease",
            at_least="1%",
        )
        for name, levels in LEVELS.items()
    )


def _end_all(path: Path, num_points: int) -> None:
    """End every trial: one in 30 is pruned, one in 90 fails, and the others complete."""
    generator = np.random.default_rng(0)
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO sweeper_environments VALUES ('e', ?)", [json.dumps({"python": "3.11"})])
        rows = connection.execute("SELECT id, configuration, seed, budget FROM sweeper_trials ORDER BY id").fetchall()
        for trial, configuration, seed, budget in rows:
            state = "pruned" if trial % 30 == 29 else "failed" if trial % 90 == 45 else "completed"
            _end(
                connection,
                generator,
                (trial, json.loads(configuration), seed, json.loads(budget)["steps"], state),
                num_points,
            )


def _end(
    connection: sqlite3.Connection,
    generator: np.random.Generator,
    trial: tuple[int, Configuration, int, int, str],
    num_points: int,
) -> None:
    key, configuration, seed, steps, state = trial
    final = _final(configuration, seed, steps, generator)
    reached = 1.0 if state == "completed" else 0.4
    points = list(_points(key, final, round(steps * reached), steps, num_points))
    connection.executemany(
        "INSERT INTO sweeper_measurements (trial_id, metric, step, attempt_id, tokens, device_seconds, flops, value)"
        " VALUES (?, 'valid_perplexity', ?, ?, ?, ?, ?, ?)",
        points,
    )
    last = points[-1]
    result = {"test_perplexity": last[-1] * 0.97, "corpus": {"name": "made-up", "unigram_perplexity": 688.1}}
    connection.execute(
        "INSERT INTO sweeper_attempts (id, trial_id, number, host, slot, device, device_share, supervisor_pid,"
        " supervisor_started_at, environment_sha256, started_at, heartbeat_at, ended_at, device_seconds, exit_reason,"
        " supervisor_lost, ingest_offset, run_dir, seconds_before, progressed)"
        " VALUES (?, ?, 1, 'here', 'gpu-0', 'cuda:0', 1, 1, 0, 'e', ?, ?, ?, ?, ?, 0, 0, '', 0, 1)",
        [
            key,
            key,
            1.7e9 + key,
            1.7e9 + key,
            1.7e9 + key + last[4],
            last[4],
            state if state != "failed" else "diverged",
        ],
    )
    connection.execute(
        "UPDATE sweeper_trials SET state = ?, exit_reason = ?, value = ?, step = ?, tokens = ?, flops = ?, result = ?,"
        " attempts = 1, started_at = ?, ended_at = ? WHERE id = ?",
        [
            state,
            state if state != "failed" else "diverged",
            min(point[-1] for point in points),
            *(last[1], last[3], last[5]),
            json.dumps(result) if state == "completed" else None,
            *(1.7e9 + key, 1.7e9 + key + last[4], key),
        ],
    )


def _final(configuration: Configuration, seed: int, steps: int, generator: np.random.Generator) -> float:
    gain = sum(GAINS[name] * level / (FULL[name] or 1.0) for name, level in configuration.items())
    length = -0.09 * math.log(steps / 4_464)
    return 110.0 * math.exp(gain + length + 0.004 * seed + 0.006 * float(generator.normal()))


def _points(
    trial: int, final: float, last: int, steps: int, num_points: int
) -> Iterator[tuple[int, int, int, int, float, float, float]]:
    count = max(round(num_points * last / steps), 2)
    for number in range(1, count + 1):
        step = round(steps * number / num_points)
        share = step / steps
        value = final * math.exp(1.6 * (math.exp(-6 * share) - math.exp(-6)))
        yield trial, step, trial, step * 4_800, step * 0.2016, step * 1.1e12, value
