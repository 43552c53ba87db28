"""Studies in memory of configurations with a known best length, measured on validation and test at every look."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sweeper.evidence.data.load import StudyData
from sweeper.store.reading.reader import Curve
from tests.reports.studies import Levels, Phase, factor, study_data

FACTORS = {"trick": factor(0, 1), "other": factor(0, 1)}
ROWS: Sequence[Levels] = ({"trick": 0, "other": 0}, {"trick": 1, "other": 0}, {"trick": 0, "other": 1})
LOOKS = (50, 100, 200, 400, 800, 1600)
VALID, TEST = "valid_loss", "test_loss"
Truth = Callable[[Levels, float], float]


def u_shaped(best: Mapping[int, float], depth: Mapping[int, float], curvature: float = 0.05) -> Truth:
    """A loss that is least at one length, by the level of the trick."""

    def truth(levels: Levels, steps: float) -> float:
        trick = levels["trick"]
        return 4.0 + depth[trick] + curvature * math.log(steps / best[trick]) ** 2

    return truth


def noise(sd: float, *what: object) -> float:
    """The same normal number each time for the same run and place."""
    text = json.dumps(what, sort_keys=True, default=str).encode()
    return float(np.random.default_rng(list(hashlib.sha256(text).digest()[:16])).normal(0.0, sd))


def length_study(
    truth: Truth,
    *,
    budgets: Mapping[str, int] | None = None,
    looks: Sequence[int] = LOOKS,
    rows: Mapping[str, Sequence[Levels]] | None = None,
    claims: Sequence[Mapping[str, Any]] = (),
    seeds: Sequence[int] = (0, 1, 2, 3),
    of_run: float = 0.003,
    of_look: float = 0.001,
    of_test: float = 0.001,
    gap: float = 0.1,
    tested: str = "looks",
    value: str = "last",
    outcome: Callable[[str, Levels, int], str | None] = lambda *_: None,
    factors: Mapping[str, Mapping[str, Any]] | None = None,
    looks_of: Callable[[Levels, int, Sequence[int]], Sequence[int]] = lambda levels, seed, looks: looks,
    read: Callable[[str, Levels, int, int, float], float] = lambda metric, levels, seed, step, value: value,
    seeds_of: Mapping[str, Sequence[int]] | None = None,
) -> StudyData:
    """A study with a phase for each budget.

    Args:
        truth: the loss of a configuration after some steps.
        budgets: steps by phase; one phase of 1,600 steps if None.
        looks: the steps at which runs are evaluated, as far as they go; without any, at their ends only.
        rows: the configurations by phase, if not all phases have all.
        of_run, of_look, of_test: standard deviations of a run, of a look, and of what only the test has.
        gap: by how much the test is worse than the validation.
        tested: whether the test is measured at all ``looks``, or once at the ``end``, or ``never``.
        value: of a trial.
        outcome: by phase, configuration and seed a state in place of a value.
        looks_of: at which of those steps runs of a configuration with a seed are evaluated, or at which others.
        read: the value that is reported in place of a measured one, by metric, configuration, seed and step.
        seeds_of: by phase, in place of ``seeds``.
    """
    budgets = budgets or {"p": max(LOOKS)}
    known: dict[tuple[Any, ...], dict[str, list[float]]] = {}

    def points(steps: int) -> list[int]:
        return sorted({*(look for look in looks if look < steps), steps})

    def run(levels: Levels, seed: int, steps: int) -> dict[str, list[float]]:
        key = (json.dumps(levels, sort_keys=True), seed, steps)
        if key not in known:
            base = 0.02 * seed + noise(of_run, "run", *key)
            values = [truth(levels, at) + base + noise(of_look, "look", at, *key) for at in points(steps)]
            tests = [
                each + gap + noise(of_test, "test", at, *key) for at, each in zip(points(steps), values, strict=True)
            ]
            known[key] = {VALID: values, TEST: tests}
        return known[key]

    def ended(name: str, steps: int) -> Callable[[Levels, int], float | str]:
        def end(levels: Levels, seed: int) -> float | str:
            found = run(levels, seed, steps)[VALID]
            return outcome(name, levels, seed) or (found[-1] if value == "last" else min(found))

        return end

    def curve(row: Any, metric: str) -> Curve:
        levels, seed, steps = row.configuration, row.seed, row.budget["steps"]
        every = dict(zip(points(steps), run(levels, seed, steps)[metric], strict=True))
        at = looks_of(levels, seed, list(every))
        values = [
            every[each] if each in every else every[steps] - truth(levels, steps) + truth(levels, each) for each in at
        ]
        return Curve(
            steps=list(at), tokens=[10.0 * each for each in at], device_seconds=[0.1 * each for each in at],
            flops=[1e6 * each for each in at],
            values=[read(metric, levels, seed, step, value) for step, value in zip(at, values, strict=True)],
        )  # fmt: skip

    trials: dict[int, Any] = {}

    def remember(row: Any) -> dict[str, Any]:
        trials[row.id] = row
        if tested == "never" or row.state != "completed":
            return {}
        found = run(row.configuration, row.seed, row.budget["steps"])
        return {TEST: found[TEST][int(np.argmin(found[VALID]))]}

    phases = [
        Phase(
            name,
            "list",
            (rows or {}).get(name, ROWS),
            ended(name, steps),
            seeds=(seeds_of or {}).get(name, seeds),
            steps=steps,
        )
        for name, steps in budgets.items()
    ]
    data = study_data(
        factors or FACTORS, *phases, claims=claims, metric=VALID, scale="linear", metric_options={"value": value},
        results=remember, program={"command": ["x"], "metrics": {}},
    )  # fmt: skip
    ended_trials = [row for row in trials.values() if row.state == "completed"]
    measured: dict[str, dict[int, Curve]] = {VALID: {row.id: curve(row, VALID) for row in ended_trials}}
    if tested == "looks":
        measured[TEST] = {row.id: curve(row, TEST) for row in ended_trials}
    elif tested == "end":
        measured[TEST] = {}
    return replace(data, measured=measured)


def contrast(
    identifier: str = "c", *, at: str | None = "best_length", metric: Any = None, **options: Any
) -> dict[str, Any]:
    """A claim that the trick lowers the loss."""
    return {
        "id": identifier, "text": "The trick helps.", "metric": metric or {"name": TEST, "direction": "minimize"},
        "contrast": {"phase": "p", "factor": "trick", "from": 0, "to": 1, "where": {"other": 0}},
        "expect": "decrease", "at_least": 0, "within": None, "at": at, **options,
    }  # fmt: skip
