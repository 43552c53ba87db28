"""A study that adds seeds until its claims are decided, in a store, played without a process: claim, finish, decide."""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
from sqlalchemy import Engine

from sweeper.decision import decide
from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study
from sweeper.spec.study import Study
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.reading import reader
from sweeper.store.reading.decisions import DecisionRows, decision_rows
from sweeper.store.records import Lease, Outcome, SlotIdentity

SLOT = SlotIdentity(
    host="here",
    machine="here/boot/1",
    slot="cpu-0",
    device="cpu",
    device_share=1.0,
    supervisor_pid=11,
    supervisor_started_at=5.0,
)
RETRY = {"crashed": 0, "killed": 5, "out_of_memory": 0, "timeout": 0, "diverged": 0}
EFFECTS = {"a": -0.2, "b": -0.03, "c": 0.0}
SD = 0.02

Value = Callable[[Mapping[str, object], int], float | None]


def study_file(
    directory: Path, *, names: tuple[str, ...] = tuple(EFFECTS), seeds: str = "{first: 2, most: 6}", **more: str
) -> Path:
    """A study file with a claim on each of some factors; `more` are lines for the keys of the file."""
    unclaimed = more.pop("unclaimed", "d")
    rule = more.get("decide", "{}")[1:-1]
    if "spending" not in rule:  # what is planted depends on it, whatever the default is
        more["decide"] = f"{{{', '.join(filter(None, ('spending: obrien_fleming', rule)))}}}"
    factors = "".join(f"  {name}: {{path: {name}, levels: [0, 1]}}\n" for name in (*names, unclaimed))
    claims = "".join(
        f"  - {{id: {name}, text: {name}., contrast: {{phase: p, factor: {name}, from: 0, to: 1}}, expect: decrease}}\n"
        for name in names
    )
    path = directory / "s.yaml"
    path.write_text(
        "study: s\n"
        "metric: {name: loss, direction: minimize, scale: linear}\n"
        "trial:\n"
        "  program: {python: 'program:train'}\n"
        f"  config: {{{', '.join(f'{name}: 0' for name in (*names, unclaimed))}}}\n"
        "retry: {crashed: 0}\n"
        f"factors:\n{factors}"
        f"phases:\n  - {{name: p, design: one_at_a_time, seeds: {seeds}, budget: {{steps: 1}}}}\n"
        f"claims:\n{claims}" + "".join(f"{key}: {value}\n" for key, value in more.items())
    )
    return path


def enrolled(engine: Engine, path: Path, *, extend: bool = False, **options: Any) -> Study:
    """The study of a file, in the store."""
    study = load_study(path)
    enrol(engine, make_plan(study), study, runs_dir=path.parent / "runs", now=0.0, extend=extend, **options)
    return study


def outcome(effects: Mapping[str, float] = EFFECTS, *, sd: float = SD, failing: frozenset[int] = frozenset()) -> Value:
    """The value of a configuration with a seed; trials of some seeds fail where `b` is on."""

    def value(configuration: Mapping[str, object], seed: int) -> float | None:
        on = [name for name, level in sorted(configuration.items()) if level]
        if seed in failing and on == ["b"]:
            return None
        key = [seed, *(ord(letter) for letter in "".join(on))]
        noise = float(np.random.default_rng(key).normal(0.0, sd))
        return 1.0 + 0.1 * math.sin(seed) + sum(effects.get(name, 0.0) for name in on) + noise

    return value


def claim(engine: Engine, now: float = 10.0) -> Lease | None:
    """The next trial of the queue."""
    return queue.claim_trial(engine, 1, SLOT, lease_s=60.0, now=now)


def finish(engine: Engine, lease: Lease, value: Value) -> None:
    """End a trial with its value."""
    found = value(lease.configuration or {}, lease.seed)
    queue.finish(
        engine,
        lease,
        Outcome(
            exit_reason="crashed" if found is None else "completed",
            exit_code=1 if found is None else 0,
            value=found,
            device_seconds=1.0,
        ),
        retry=RETRY,
        now=11.0,
    )


def play(engine: Engine, url: str, value: Value, *, order: Random | None = None, slots: int = 3) -> None:
    """Run a study to its end: several trials at a time, which end in some order."""
    running: list[Lease] = []
    while queue.next_due(engine, 1, now=10.0) is not None:
        while len(running) < slots and (lease := claim(engine)) is not None:
            running.append(lease)
        if running:
            finish(engine, running.pop(0 if order is None else order.randrange(len(running))), value)
        elif queue.decision_due(engine, 1):
            decide(engine, "s")
        else:
            raise AssertionError("nothing to do, and nothing to decide")


def record(url: str) -> tuple[list[tuple[object, ...]], DecisionRows]:
    """What a study's rounds did, without times and ids: all trials with their reasons, and the record."""
    with reader.connect(url) as connection:
        trials = reader.trials(connection, 1)
        rows = decision_rows(connection, 1)
    asked = {each.trial_id: (each.round, each.request) for each in rows.asked}
    found = [
        (trial.number, trial.configuration, trial.seed, trial.state, trial.value, asked.get(trial.id))
        for trial in trials
    ]
    return found, timeless(rows)


def timeless(rows: DecisionRows) -> DecisionRows:
    """A record without times and ids."""
    return replace(
        rows,
        rounds=tuple(replace(each, asked_at=0.0) for each in rows.rounds),
        looks=tuple(replace(each, looked_at=0.0) for each in rows.looks),
        asked=(),
    )
