"""A finished study in a store, without a trial having run: its values are made up by a rule."""

import math
from collections.abc import Callable
from pathlib import Path

from sweeper.decision import decide
from sweeper.planning.plan import make_plan
from sweeper.spec.load import load_study
from sweeper.store.engine import open_store
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.records import Lease, Measurement, Outcome
from tests.sweeper.store.builders import RETRY, SLOT

STEPS = (100, 200, 400, 600)


def better_by_level(lease: Lease) -> float:
    """Return a value to which each level above 0 adds some percent of improvement."""
    gain = sum(float(level) for level in (lease.configuration or {}).values() if isinstance(level, int | float))
    return 100 * math.exp(-0.3 * gain + 0.003 * math.sin(17 * lease.seed + 5 * gain))


def finished_study(store: str, file: Path, runs_dir: Path, value_of: Callable[[Lease], float] = better_by_level) -> str:
    """Enrol a study, end each of its trials with a value, and return its name."""
    study = load_study(file)
    engine = open_store(store, create=True)
    study_id = enrol(engine, make_plan(study), study, runs_dir=runs_dir, now=0.0).study_id
    now = 0.0
    while queue.next_due(engine, study_id, now=now) is not None:
        lease = queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=now)
        if lease is None:
            assert decide(engine, study.name), "nothing to run, and nothing to decide"
            continue
        last = value_of(lease)
        curve = [
            Measurement(metric=lease.metric, step=step, value=last * (1 + 30 / step), device_seconds=step / 50)
            for step in STEPS
        ]
        ingest(engine, lease, curve, 100)
        done = Outcome(exit_reason="completed", exit_code=0, value=curve[-1].value, device_seconds=12.0)
        queue.finish(engine, lease, done, retry=RETRY, now=now + 12)
        now += 12.0
    engine.dispose()
    return study.name
