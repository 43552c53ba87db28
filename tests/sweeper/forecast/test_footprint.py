"""Estimates of the trainer's work, memory and disk space."""

import pytest

from sweeper.forecast.footprint import footprint, training_work, work_key
from trainer.config import resolve

SMALL = resolve({"data": {"corpus": "pydocs"}, "model": {"layers": 2, "d_model": 64}})
LARGE = resolve(
    {"data": {"corpus": "pydocs", "target_length": 64}, "model": {"layers": 2, "d_model": 256, "memory_length": 64}}
)


@pytest.mark.parametrize(
    ("config", "disk", "memory"), [(SMALL, 9.43e6, 319e6), (LARGE, 58.7e6, 522e6)], ids=["small", "large"]
)
def test_disk_and_memory_are_near_those_of_runs_that_were_measured(
    config: dict[str, object], disk: float, memory: float
) -> None:
    """Measured on one CPU thread: sizes of checkpoint.pt, best.pt and metrics.jsonl; peak resident memory."""
    estimate = footprint(config)
    assert estimate.disk == pytest.approx(disk, rel=0.15)
    assert estimate.memory == pytest.approx(memory, rel=0.15)


def test_evaluations_are_part_of_the_work() -> None:
    often = resolve({"evaluation": {"times": 40}})
    once = resolve({"evaluation": {"times": 1, "test": False}})
    much, little = training_work(often, {"steps": 100}), training_work(once, {"steps": 100})
    assert much.amount == little.amount == 100
    assert much.operations is not None
    assert little.operations is not None
    assert much.operations > 2 * little.operations


def test_configs_that_differ_in_regularization_do_the_same_work() -> None:
    assert work_key(resolve({})) == work_key(resolve({"regularization": {"dropout": 0.3}}))
    assert work_key(resolve({})) != work_key(resolve({"model": {"layers": 3}}))
