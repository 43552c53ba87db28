"""Studies in memory with values that a test chooses: no store, no training."""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sweeper.evidence.data.load import StudyData, make_study_data
from sweeper.spec.metric import Direction
from sweeper.store.reading.reader import AttemptRow, Curve, PhaseRow, StudyRow, TrialRow
from sweeper.store.records import ExitReason, TrialState

Levels = Mapping[str, Any]
REASONS: Final[dict[TrialState, ExitReason]] = {"completed": "completed", "pruned": "pruned", "failed": "crashed"}


@dataclass(frozen=True)
class Phase:
    """A phase and how each of its trials ends: a value, or "pruned", "failed", "waiting"."""

    name: str
    design: str
    rows: Sequence[Levels]
    value: Callable[[Levels, int], float | str]
    seeds: Sequence[int] = (0, 1, 2)
    steps: int = 100
    unit: str = "steps"  # of the budget
    repeats: int = 1
    config: Mapping[str, Any] | None = None  # the phase's own
    blocks: Sequence[str] = ()


def factor(*levels: Any, path: str | None = None, baseline: Any = None) -> dict[str, Any]:
    return {
        "path": path or "a.b",
        "levels": list(levels),
        "baseline": levels[0] if baseline is None else baseline,
        "groups": None,
        "when": None,
    }


def study_data(
    factors: Mapping[str, Mapping[str, Any]],
    *phases: Phase,
    claims: Sequence[Mapping[str, Any]] = (),
    metric: str = "valid_perplexity",
    direction: Direction = "minimize",
    scale: str | None = None,
    results: Callable[[TrialRow], Mapping[str, Any]] = lambda row: {},
    changes: Sequence[tuple[float, tuple[str, ...]]] = (),
    curves: Callable[[TrialRow], Curve | None] = lambda row: None,
    program: Any = "trainer",
    metric_options: Mapping[str, Any] | None = None,
    attempts: Callable[[TrialRow], Sequence[AttemptRow]] = lambda row: (),
    environments: Mapping[str, Mapping[str, Any]] | None = None,
    strata: Sequence[str] | None = None,
) -> StudyData:
    """The study as `sweeper.evidence.data.load.load` would give it."""
    scale = scale or ("log" if "perplexity" in metric else "linear")
    spec = {
        "study": "s",
        "seed": 0,
        "trial": {"program": program},
        "metric": {"name": metric, "direction": direction, "scale": scale, **(metric_options or {})},
        "factors": dict(factors),
        "claims": list(claims),
        "strata": None if strata is None else list(strata),
        "phases": [
            {
                "name": each.name,
                "design": _design(each),
                "seeds": list(each.seeds),
                "config": each.config or {},
                "blocks": list(each.blocks),
            }
            for each in phases
        ],
    }
    trials: list[TrialRow] = []
    members: dict[str, tuple[int, ...]] = {}
    for each in phases:
        rows = _trials(each, len(trials) + 1)
        trials += rows
        members[each.name] = tuple(row.id for row in rows)
    trials = [_with(row, result=dict(results(row))) for row in trials]
    measured = {row.id: curve for row in trials if (curve := curves(row)) is not None}
    return make_study_data(
        StudyRow(
            id=1,
            name="s",
            source="",
            source_path="s.yaml",
            spec=spec,
            metric=metric,
            direction=direction,
            budget_device_hours=None,
            runs_dir="runs",
            created_at=0.0,
            cancelled_at=None,
        ),
        phases=[
            PhaseRow(id=place, position=place, name=each.name, design=each.design, spec=spec["phases"][place])  # type: ignore[index]  # a list
            for place, each in enumerate(phases)
        ],
        trials=trials,
        members=members,
        changes=changes,
        measured={metric: measured},
        attempts=[attempt for row in trials for attempt in attempts(row)],
        environments=environments,
    )


def _design(phase: Phase) -> Any:
    """The design as a study's document has it."""
    rows = [dict(row) for row in phase.rows]
    mappings: dict[str, Any] = {
        "ladder": {"ladder": []},
        "list": {"list": rows},
        "fractional": {"fractional": 3},
        "sampler": {"sampler": "random", "trials": len(rows)},
        "promote": {"promote": "search", "top": len(rows)},
    }
    return mappings.get(phase.design, phase.design)


def _trials(phase: Phase, first: int) -> list[TrialRow]:
    cells = [(row, seed) for row in phase.rows for seed in phase.seeds for _ in range(phase.repeats)]
    return [_trial(phase, number, first + number, *cell) for number, cell in enumerate(cells)]


def _trial(phase: Phase, number: int, key: int, levels: Levels, seed: int) -> TrialRow:
    outcome = phase.value(levels, seed)
    state: TrialState = cast(TrialState, outcome) if isinstance(outcome, str) else "completed"
    ended = state in ("completed", "pruned", "failed")
    return TrialRow(
        id=key,
        phase=phase.name,
        number=number,
        state=state,
        configuration=dict(levels),
        config=dict(levels),
        configuration_hash=hashlib.sha256(json.dumps(levels, sort_keys=True).encode()).hexdigest(),
        seed=seed,
        budget={phase.unit: phase.steps},
        predicted_device_seconds=None,
        attempts=1 if ended else 0,
        exit_reason=REASONS.get(state),
        message=None,
        value=None if isinstance(outcome, str) else outcome,
        step=phase.steps if ended else None,
        tokens=phase.steps * 10,
        flops=None,
        result=None,
        started_at=float(key),
        ended_at=key + 1.0 if ended else None,
        device_seconds=60.0,
        elapsed_s=60.0,
        peak_memory_bytes=None,
    )


def _with(row: TrialRow, **changes: Any) -> TrialRow:
    return TrialRow(**{name: changes.get(name, getattr(row, name)) for name in TrialRow.__slots__})


def attempt(row: TrialRow, **changes: Any) -> AttemptRow:
    """An attempt of a trial that ended well, with changes."""
    usual: dict[str, Any] = {
        "id": row.id,
        "trial_id": row.id,
        "phase": row.phase,
        "number": row.number,
        "attempt": 1,
        "host": "here",
        "slot": "cpu-0",
        "device": "cpu",
        "device_share": 1.0,
        "pid": None,
        "environment_sha256": None,
        "started_at": 0.0,
        "heartbeat_at": 1.0,
        "ended_at": 1.0,
        "device_seconds": 60.0,
        "peak_memory_bytes": None,
        "exit_reason": "completed",
        "exit_code": 0,
        "exit_signal": None,
        "supervisor_lost": False,
        "message": None,
    }
    return AttemptRow(**{**usual, **changes})


def falling(final: float, *, steps: int = 100, points: int = 10, stop: int | None = None) -> Curve:
    """A curve that falls to `final`, cut off after `stop` points."""
    places = list(range(1, (stop or points) + 1))
    return Curve(
        steps=[steps * place // points for place in places],
        tokens=[math.nan] * len(places),
        device_seconds=[6.0 * place for place in places],
        flops=[math.nan] * len(places),
        values=[final * (1 + (points - place) / points) for place in places],
    )
