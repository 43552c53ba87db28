"""What a supervisor keeps in memory of its trial is what the store says."""

import math
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from sweeper.execution.slots.known_curve import KnownCurve
from sweeper.spec.metric import BEST
from sweeper.store.queue import queue
from sweeper.store.queue.ingest import ingest
from sweeper.store.reading.trial_metrics import Reported, reported
from sweeper.store.records import Lease, Measurement
from tests.sweeper.store.builders import SLOT, enrolled, levels, phase

EXAMPLES = 40
STEPS = st.integers(0, 6)
VALUES = st.sampled_from([1.0, 2.5, -3.0, 0.0, math.nan, math.inf, -math.inf])
MEASUREMENTS = st.builds(Measurement, metric=st.sampled_from(["loss", "accuracy", "time"]), step=STEPS, value=VALUES)
PORTIONS = st.lists(st.tuples(st.lists(MEASUREMENTS, max_size=5), st.none() | STEPS), max_size=6)


def comparable(found: Reported) -> tuple[object, ...]:
    return found.value, found.last_is_finite, found.names, list(found.curve.items())


def test_it_says_what_the_store_says_whatever_is_reported(engine: Engine) -> None:
    study_id = enrolled(engine, phase("screen", levels(EXAMPLES * 3))).study_id

    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
    @given(portions=PORTIONS)
    def check(portions: list[tuple[list[Measurement], int | None]]) -> None:
        lease = queue.claim_trial(engine, study_id, SLOT, lease_s=3600.0)
        assert lease is not None
        known = KnownCurve(lease.metric)
        for number, (found, void_from) in enumerate(portions):
            assert ingest(engine, lease, found, number, void_from=void_from)
            known.add(found, void_from)
            for direction in ("minimize", "maximize"):
                there: Lease = replace(lease, direction=direction)
                ours, stored = known.reported(BEST, direction), reported(engine, there, BEST)
                assert comparable(ours) == comparable(stored)

    check()
