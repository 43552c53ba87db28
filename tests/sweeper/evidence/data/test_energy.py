"""How attempts share what the counters of their machines showed."""

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sweeper.evidence.data.energy import JOULES_PER_KWH, energy_use, mean_watts, with_shares
from tests.reports.studies import attempt

Spans = list[tuple[float, float]]


def frame(spans: Spans, joules: list[float], **columns: Any) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "host": "h",
            "device": "cpu",
            "started_at": [start for start, _ in spans],
            "heartbeat_at": [end for _, end in spans],
            "ended_at": [end for _, end in spans],
            "device_seconds": [end - start for start, end in spans],
            "cpu_joules": joules,
            "gpu_joules": math.nan,
            **columns,
        }
    )


@pytest.mark.parametrize(
    ("spans", "joules", "shares"),
    [
        ([(0.0, 10.0)], [100.0], [100.0]),
        ([(0.0, 10.0), (10.0, 20.0)], [100.0, 50.0], [100.0, 50.0]),
        ([(0.0, 10.0), (0.0, 10.0)], [100.0, 100.0], [50.0, 50.0]),
        ([(0.0, 10.0), (5.0, 15.0)], [100.0, 100.0], [75.0, 75.0]),
        ([(0.0, 12.0), (0.0, 4.0), (0.0, 4.0)], [120.0, 40.0, 40.0], [80.0 + 40 / 3, 40 / 3, 40 / 3]),
        ([(5.0, 5.0), (0.0, 10.0)], [0.0, 10.0], [0.0, 10.0]),
    ],
)
def test_attempts_share_each_moment_equally(spans: Spans, joules: list[float], shares: list[float]) -> None:
    found = with_shares(frame(spans, joules))["cpu_joules"]
    assert found.tolist() == pytest.approx(shares)


def test_at_constant_power_the_shares_of_many_attempts_add_up_to_the_whole() -> None:
    generator = np.random.default_rng(3)
    starts = generator.uniform(0, 100, 200)
    ends = starts + generator.exponential(20, 200)
    watts = 90.0
    found = with_shares(frame(list(zip(starts, ends, strict=True)), (watts * (ends - starts)).tolist()))
    busy, until = 0.0, 0.0
    for start, end in sorted(zip(starts, ends, strict=True)):
        busy += max(0.0, end - max(start, until))
        until = max(until, end)
    assert found["cpu_joules"].sum() == pytest.approx(watts * busy)


def test_machines_and_gpus_are_shared_apart() -> None:
    spans = [(0.0, 10.0)] * 4
    found = with_shares(
        frame(
            spans,
            [100.0] * 4,
            host=["a", "a", "b", "b"],
            device=["cuda:0", "cuda:1", "cuda:0", "cuda:0"],
            gpu_joules=[40.0] * 4,
        )
    )
    assert found["cpu_joules"].tolist() == [50.0] * 4
    assert found["gpu_joules"].tolist() == [40.0, 40.0, 20.0, 20.0]


def test_what_is_not_known_stays_unknown_and_its_time_is_told() -> None:
    attempts = frame([(0.0, 30.0), (40.0, 50.0)], [JOULES_PER_KWH, math.nan])
    found = energy_use(with_shares(attempts))
    assert (found.cpu_kwh, found.cpu_share) == (1.0, 0.75)
    assert math.isnan(found.gpu_kwh)
    assert found.gpu_share == 0.0
    assert found.is_known
    nothing = energy_use(with_shares(frame([(0.0, 30.0)], [math.nan])))
    assert not nothing.is_known
    assert math.isnan(nothing.cpu_kwh)
    assert not energy_use(with_shares(attempts.iloc[:0])).is_known


def test_a_running_attempt_counts_until_its_last_report() -> None:
    attempts = frame([(0.0, 10.0), (0.0, 20.0)], [100.0, math.nan])
    attempts.loc[1, "ended_at"] = math.nan
    attempts.loc[1, "heartbeat_at"] = 5.0
    assert with_shares(attempts)["cpu_joules"][0] == pytest.approx(75.0)


def test_the_mean_power_is_that_of_the_attempts_on_the_device() -> None:
    trial: Any = SimpleNamespace(id=1, phase="p", number=1)
    rows = [
        attempt(trial, started_at=0.0, ended_at=10.0, heartbeat_at=10.0, device_seconds=10.0, cpu_joules=500.0),
        attempt(trial, started_at=20.0, ended_at=30.0, heartbeat_at=30.0, device_seconds=10.0, cpu_joules=None),
    ]
    assert mean_watts(rows, device="cpu") == 50.0
    assert mean_watts(rows, device="cuda") is None
    assert mean_watts(rows[1:], device="cpu") is None
