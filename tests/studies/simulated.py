"""A study as it would be read had its trials ended: its own plan, with made-up values."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from sweeper.evidence.data.load import StudyData, make_study_data
from sweeper.planning.plan import Plan, PlannedTrial
from sweeper.spec.json_form import to_json
from sweeper.spec.json_phases import phase_to_json
from sweeper.spec.study import Study
from sweeper.store.reading.reader import Curve, PhaseRow, StudyRow, TrialRow

VALID = {"ptb": 73_760, "wikitext-2": 217_646, "wikitext-103": 217_646, "wikitext-2-replica": 123_450}
TRAIN = {"ptb": 929_589, "wikitext-2": 2_088_628, "wikitext-103": 103_227_021, "wikitext-2-replica": 217_646}
Effect = Callable[[Mapping[str, Any], int], float]  # of a config and its steps on the log of the perplexity


def simulated(study: Study, plan: Plan, effect: Effect) -> StudyData:
    """Every trial completed; its log-perplexity is 4.5 plus the effect, and .003 times normal noise of its own."""
    rows = {(t.phase, t.number): _row(key, t, effect) for key, t in enumerate(plan.trials, start=1)}
    return make_study_data(
        StudyRow(
            id=1,
            name=study.name,
            source=study.source,
            source_path=study.path.name,
            spec=to_json(study),
            metric=study.metric.name,
            direction="minimize",
            budget_device_hours=None,
            runs_dir="",
            created_at=0.0,
            cancelled_at=None,
        ),
        phases=[
            PhaseRow(id=place, position=place, name=phase.name, design=phase.kind, spec=phase_to_json(phase.phase))
            for place, phase in enumerate(plan.phases)
        ],
        trials=list(rows.values()),
        members={phase.name: tuple(rows[member].id for member in phase.members) for phase in plan.phases},
        measured={study.metric.name: {row.id: _curve(row) for row in rows.values()}},
    )


def _row(key: int, trial: PlannedTrial, effect: Effect) -> TrialRow:
    config, steps = trial.config or {}, int(trial.budget.amount)
    noise = np.random.default_rng([key, trial.seed]).normal(0.0, 0.003)
    value = math.exp(4.5 + 0.01 * trial.seed + (effect(config, steps) if config else 0.0) + noise)
    return TrialRow(
        id=key, phase=trial.phase, number=trial.number, state="completed", configuration=trial.configuration or {},
        config=config, configuration_hash=trial.configuration_hash or f"drawn {key}", seed=trial.seed,
        budget=trial.budget.as_dict(), predicted_device_seconds=None, attempts=1, exit_reason="completed",
        message=None, value=value, step=steps, tokens=512 * steps, flops=1e9 * steps,
        result={"test_perplexity": 1.01 * value, "corpus": _corpus(config), "best_step": steps},
        started_at=float(key), ended_at=key + 0.02 * steps, device_seconds=0.02 * steps, elapsed_s=0.02 * steps,
        peak_memory_bytes=None,
    )  # fmt: skip


def _corpus(config: Mapping[str, Any]) -> dict[str, Any]:
    data = config.get("data") or {"corpus": "ptb"}
    name = data["corpus"]
    train = data.get("max_train_tokens") or TRAIN[name]
    return {
        "name": name, "train_tokens": train, "valid_tokens": VALID[name], "vocabulary": 2_000,
        "unigram_perplexity": 180.0,
    }  # fmt: skip


def _curve(row: TrialRow) -> Curve:
    steps = [max(1, (row.step or 1) * place // 6) for place in range(1, 7)]
    values = [(row.value or math.nan) * (1 + 0.3 * (6 - place) / 6) for place in range(1, 7)]
    spent = [row.device_seconds * place / 6 for place in range(1, 7)]
    return Curve(steps=steps, tokens=[512.0 * step for step in steps], device_seconds=spent,
                 flops=[1e9 * step for step in steps], values=values)  # fmt: skip
