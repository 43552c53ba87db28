"""A plan as the data that its runs will give: their structure is known before anything runs, only values are not.

Claims are then gathered from them as from real runs, so that pairs, strata and degrees of freedom before a launch are
those of the analysis after it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from sweeper.evidence.data.claim_runs import claim_runs
from sweeper.evidence.data.load import StudyData, make_study_data
from sweeper.evidence.data.runs import Runs
from sweeper.planning.plan import Plan, PlannedPhase, PlannedTrial
from sweeper.spec.json_form import to_json
from sweeper.spec.json_phases import phase_to_json
from sweeper.spec.metric import BEST
from sweeper.spec.study import Study
from sweeper.store.reading.reader import PhaseRow, StudyRow, TrialRow

PLACEHOLDER_SEED: Final = 0
PLACEHOLDER_SD: Final = 1e-3  # on the scale; what is read from the runs does not depend on it


def planned_runs(study: Study, plan: Plan, *, seeds: int | None = None) -> dict[str, Runs]:
    """Return the runs that a plan will give, by the metric of a claim; their values are placeholders.

    Trials that a sampler draws or a phase promotes have no configuration yet and are left out.

    Args:
        seeds: run every configuration with the same number of seeds; None for the seeds of each phase.
    """
    data = _data(study, plan, seeds)
    generator = np.random.default_rng(PLACEHOLDER_SEED)
    noise = PLACEHOLDER_SD * generator.standard_normal(len(data.trials))
    values = dict(zip((int(trial) for trial in data.trials["trial_id"]), noise.tolist(), strict=True))
    return {name: replace(runs.filled(values), chooser=None) for name, runs in claim_runs(data).items()}


def _data(study: Study, plan: Plan, seeds: int | None) -> StudyData:
    """Return a study whose trials all wait."""
    known: dict[tuple[str, int, str], int] = {}
    rows: list[TrialRow] = []
    members: dict[str, tuple[int, ...]] = {}
    for phase in plan.phases:
        wanted: dict[int, None] = {}
        for trial, seed in _with_seeds(plan, phase, seeds):
            assert trial.configuration_hash is not None
            key = (trial.configuration_hash, seed, trial.budget.key)
            if key not in known:
                known[key] = len(rows)
                rows.append(_row(trial, phase.name, len(rows), seed))
            wanted[known[key]] = None
        members[phase.name] = tuple(wanted)
    return make_study_data(_study_row(study), phases=_phase_rows(plan), trials=rows, members=members)


def _with_seeds(plan: Plan, phase: PlannedPhase, seeds: int | None) -> Iterator[tuple[PlannedTrial, int]]:
    """Yield a phase's trials with their seeds, or each configuration with a given number of them."""
    trials = [trial for trial in plan.wanted(phase) if trial.configuration is not None]
    if seeds is None:
        yield from ((trial, trial.seed) for trial in trials)
        return
    arms = {(trial.configuration_hash, trial.budget.key): trial for trial in trials}
    yield from ((trial, seed) for seed in range(seeds) for trial in arms.values())


def _study_row(study: Study) -> StudyRow:
    return StudyRow(
        id=0,
        name=study.name,
        source="",
        source_path="",
        # A value that is not the best needs the curve's points, which a plan does not have.
        spec=to_json(replace(study, metric=replace(study.metric, value=BEST))),
        metric=study.metric.name,
        direction=study.metric.direction,
        budget_device_hours=None,
        runs_dir="",
        created_at=0.0,
        cancelled_at=None,
    )


def _phase_rows(plan: Plan) -> Sequence[PhaseRow]:
    return [
        PhaseRow(id=place, position=place, name=phase.name, design=phase.kind, spec=phase_to_json(phase.phase))
        for place, phase in enumerate(plan.phases)
    ]


def _row(trial: PlannedTrial, phase: str, number: int, seed: int) -> TrialRow:
    return TrialRow(
        id=number,
        phase=phase,
        number=number,
        state="waiting",
        configuration=trial.configuration,
        config=None,
        configuration_hash=trial.configuration_hash,
        seed=seed,
        budget=trial.budget.as_dict(),
        predicted_device_seconds=None,
        attempts=0,
        exit_reason=None,
        message=None,
        value=None,
        step=None,
        tokens=None,
        flops=None,
        result=None,
        started_at=None,
        ended_at=None,
        device_seconds=0.0,
        elapsed_s=0.0,
        peak_memory_bytes=None,
    )
