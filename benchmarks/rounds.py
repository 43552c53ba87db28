"""Seeds until claims are decided, through a real store: the same trials, looks and verdicts as in memory.

The studies are like those of `benchmarks.decide`. Several trials at a time are claimed from the queue and end in an
order that is drawn, and each complete round is decided by what launches start. In memory, the finished study is
replayed from values that are all known. Trials take no time, so what is measured is what sweeper adds.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Final

import numpy as np
from sqlalchemy import Engine

from benchmarks.decide.planted import CLAIMS, Planted, draw
from benchmarks.figures import Figures
from benchmarks.options import Options
from sweeper.decision import decide
from sweeper.evidence.data.load import load
from sweeper.evidence.planned.runs import planned_runs
from sweeper.evidence.sequential.looks import Looks
from sweeper.evidence.sequential.progress import rule_of
from sweeper.evidence.sequential.simulation import first_seeds
from sweeper.evidence.sequential.stopping import play_stopping
from sweeper.evidence.sequential.verdicts import judge_study
from sweeper.planning.plan import make_plan, with_all_seeds
from sweeper.spec.load import load_study
from sweeper.spec.study import Study
from sweeper.store.engine import open_existing, open_store
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.records import Lease, Outcome, SlotIdentity

SEED: Final = 16  # other studies than those of `benchmarks.decide`
STUDIES: Final = 20
QUICK_STUDIES: Final = 1
FIRST: Final = 2
MOST: Final = 12
SLOTS: Final = 4
ARMS: Final = tuple(f"arm_{place:02}" for place in range(CLAIMS))
SLOT: Final = SlotIdentity(
    host="here",
    machine="here",
    slot="cpu-0",
    device="cpu",
    device_share=1.0,
    supervisor_pid=1,
    supervisor_started_at=0.0,
)

Run = tuple[int, int]  # arm, 0 for the baseline, and seed


@dataclass(frozen=True, slots=True)
class Played:
    """What a study came to: the trials that claims were decided on, and the verdicts."""

    runs: frozenset[Run]
    verdicts: tuple[str, ...]


def measure(options: Options) -> Figures:
    """Return how many studies came to the same in both, their errors, and what a decision costs."""
    studies = QUICK_STUDIES if options.quick else STUDIES
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = np.array(list(pool.map(compare, range(studies))))
    same_runs, same_verdicts, false, shown, true, runs, decisions, seconds = found.sum(axis=0).tolist()
    return {
        "studies": studies,
        "same_runs": int(same_runs),
        "same_verdicts": int(same_verdicts),
        "false_support": int(false),
        "supported": int(shown),
        "true": int(true),
        "runs": runs / studies,
        "rounds": decisions / studies,
        "decision_cpu_s": seconds / decisions,
    }


def compare(place: int) -> list[float]:
    """Play one study through a store and in memory.

    Returns:
        Whether the trials and the verdicts are the same; whether a claim was falsely supported; how many true ones were
        supported, and how many there are; the trials; the decisions, and their CPU seconds.
    """
    planted = draw(np.random.default_rng([SEED, place]))
    with tempfile.TemporaryDirectory() as directory:
        study = load_study(study_file(Path(directory)))
        stored, decisions, seconds = through_store(study, planted, Path(directory), Random(place))
    expected = in_memory(study, planted)
    supported = np.array([verdict == "supported" for verdict in stored.verdicts])
    return [
        stored.runs == expected.runs,
        stored.verdicts == expected.verdicts,
        bool((supported & ~planted.is_true).any()),
        int((supported & planted.is_true).sum()),
        int(planted.is_true.sum()),
        len(stored.runs),
        decisions,
        seconds,
    ]


def study_file(directory: Path) -> Path:
    """Write the study file: a baseline, twelve arms, and the claim of each that it is better."""
    factors = "".join(f"  {name}: {{path: {name}, levels: [0, 1]}}\n" for name in ARMS)
    claims = "".join(
        f"  - {{id: {name}, text: better, contrast: {{phase: p, factor: {name}, from: 0, to: 1}}, expect: increase}}\n"
        for name in ARMS
    )
    path = directory / "planted.yaml"
    path.write_text(
        "study: planted\n"
        "metric: {name: score, direction: maximize, scale: linear}\n"
        f"trial: {{program: {{python: 'program:train'}}, config: {{{', '.join(f'{name}: 0' for name in ARMS)}}}}}\n"
        f"factors:\n{factors}"
        f"phases: [{{name: p, design: one_at_a_time, seeds: {{first: {FIRST}, most: {MOST}}}, budget: {{steps: 1}}}}]\n"
        f"claims:\n{claims}",
        encoding="utf-8",
    )
    return path


def through_store(study: Study, planted: Planted, directory: Path, order: Random) -> tuple[Played, int, float]:
    """Run the study from a store; also return the number of decisions, and their CPU seconds."""
    url = f"sqlite:///{directory / 'store.db'}"
    open_store(url, create=True).dispose()
    engine = open_existing(url)
    study_id = enrol(engine, make_plan(study), study, runs_dir=directory / "runs", now=0.0).study_id
    running: list[Lease] = []
    decisions, seconds, ran = 0, 0.0, set()
    while queue.next_due(engine, study_id) is not None:
        while len(running) < SLOTS and (lease := queue.claim_trial(engine, study_id, SLOT, lease_s=600.0)) is not None:
            running.append(lease)
        if not running:
            began = time.process_time()
            decisions += decide(engine, study.name)
            seconds += time.process_time() - began
            continue
        lease = running.pop(order.randrange(len(running)))
        run = (arm_of(lease.configuration or {}), lease.seed)
        ran.add(run)
        end(engine, study, lease, float(planted.values[run]))
    verdicts = tuple(verdict.verdict for verdict in judge_study(load(url, study.name)))
    engine.dispose()
    shutil.rmtree(directory / "runs", ignore_errors=True)
    return Played(frozenset(ran), verdicts), decisions, seconds


def end(engine: Engine, study: Study, lease: Lease, value: float) -> None:
    """End a trial with its value."""
    outcome = Outcome(exit_reason="completed", exit_code=0, value=value, device_seconds=1.0)
    queue.finish(engine, lease, outcome, retry={"crashed": study.retry.crashed})


def in_memory(study: Study, planted: Planted) -> Played:
    """Replay the study from all of its values."""
    grown = with_all_seeds(study)
    trials = make_plan(grown).trials
    runs = [(arm_of(trial.configuration or {}), trial.seed) for trial in trials]
    values = {number: float(planted.values[run]) for number, run in enumerate(runs)}
    planned = planned_runs(grown, make_plan(grown))
    looks = Looks(grown.claims, {name: replace(each.filled(values), chooser=None) for name, each in planned.items()})
    costs = dict.fromkeys(values, 1.0)
    found = play_stopping(looks, looks.needed, costs, rule_of(study), first=first_seeds(study))
    return Played(frozenset(runs[trial] for trial in found.run), found.verdicts)


def arm_of(configuration: dict[str, object] | object) -> int:
    """Return the arm of a configuration, from 1; 0 for the baseline."""
    assert isinstance(configuration, dict)
    on: Sequence[int] = [place for place, name in enumerate(ARMS, 1) if configuration[name]]
    return on[0] if on else 0
