"""Trials that report and end, under Ray Tune, one at a time. Runs in Ray's own environment and imports nothing of ours.

Run: RAY_PYTHON benchmarks/ray_trials.py TRIALS REPORTS FOLDER. Prints a line of JSON: seconds of `Tuner.fit`, without
Ray's start.
"""

import json
import os
import sys
import time

# Before Ray is imported:
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # it would tell its makers of this run
os.environ["RAY_raylet_start_wait_time_s"] = "120"  # noqa: SIM112 - so Ray calls it; its own 30 are few on a busy machine

import ray
from ray import tune


def fit(num_trials: int, reports: int, folder: str) -> float:
    """Seconds that `Tuner.fit` takes."""

    def objective(_config: dict[str, int]) -> None:
        for step in range(1, reports + 1):
            tune.report({"loss": 1.0 / step})

    tuner = tune.Tuner(
        objective,
        param_space={"place": tune.grid_search(list(range(num_trials)))},
        tune_config=tune.TuneConfig(metric="loss", mode="min", max_concurrent_trials=1),
        run_config=tune.RunConfig(storage_path=folder, verbose=0),
    )
    start = time.perf_counter()
    results = tuner.fit()
    took = time.perf_counter() - start
    assert len(results) == num_trials and not results.errors
    return took


def main(num_trials: int, reports: int, folder: str) -> None:
    """Start Ray, let it warm up on one trial, and measure."""
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    try:
        fit(1, reports, folder)
        seconds = fit(num_trials, reports, folder)
    finally:
        ray.shutdown()
    print(json.dumps({"fit_s": seconds, "version": ray.__version__}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
