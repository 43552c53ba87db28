"""Run trials that only report under Ray Tune, in sequence. Runs in Ray's environment, without sweeper.

Run: RAY_PYTHON benchmarks/ray_trials.py TRIALS REPORTS DIRECTORY. Prints one line of JSON: the seconds of `Tuner.fit`,
without the start of Ray.
"""

import json
import os
import sys
import time

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"  # must be set before the import; Ray would report usage statistics

import ray
from ray import tune

TRIES = 3


def fit(num_trials: int, reports: int, directory: str) -> float:
    """Return the seconds that `Tuner.fit` takes."""

    def objective(_config: dict[str, int]) -> None:
        for step in range(1, reports + 1):
            tune.report({"loss": 1.0 / step})

    tuner = tune.Tuner(
        objective,
        param_space={"item": tune.grid_search(list(range(num_trials)))},
        tune_config=tune.TuneConfig(metric="loss", mode="min", max_concurrent_trials=1),
        run_config=tune.RunConfig(storage_path=directory, verbose=0),
    )
    start = time.perf_counter()
    results = tuner.fit()
    took = time.perf_counter() - start
    assert len(results) == num_trials and not results.errors
    return took


def start_ray() -> None:
    """Start Ray on one core; try again if Ray gives up, as it does on a busy machine."""
    for attempt in range(TRIES):
        try:
            ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
            return
        except Exception:
            ray.shutdown()
            if attempt == TRIES - 1:
                raise


def main(num_trials: int, reports: int, directory: str) -> None:
    """Start Ray, warm up with one trial, and measure."""
    start_ray()
    try:
        fit(1, reports, directory)
        seconds = fit(num_trials, reports, directory)
    finally:
        ray.shutdown()
    print(json.dumps({"fit_s": seconds, "version": ray.__version__}))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
