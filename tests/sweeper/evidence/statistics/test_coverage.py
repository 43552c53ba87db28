"""Verdicts on planted truth, few and seeded; `python -m benchmarks validity` has many."""

import numpy as np
import pytest

from benchmarks.validity import all_cases
from benchmarks.validity.cases import rows_of

CASES = {case.name: case for _, case in all_cases()}
STUDIES = {
    "two configurations, 3 seeds": 300,
    "two configurations, 10 seeds": 300,
    "12 factors one at a time, 3 seeds": 80,
    "12 factors one at a time, a tenth of the runs missing": 80,
    "a 2³ grid, 3 seeds": 150,
    "two datasets as blocks, one 10 times as noisy, 3 seeds": 150,
    "an effect that varies with the seed, by 1 times the spread of a run, 2³ grid, 3 seeds": 300,
    "equivalence, no worse, at least and a constant, right on the margin, 3 seeds": 200,
    "the largest of four gains, equal to another": 200,
    "an ordering where one factor has 8 levels that do nothing": 200,
    "the seed changes nothing, 3 seeds": 20,
    "a level null beside the baseline": 100,
}


@pytest.mark.parametrize("name", STUDIES)
def test_rates_on_planted_truth_are_within_their_targets(name: str) -> None:
    studies = STUDIES[name]
    rows = list(rows_of(CASES[name], CASES[name].tally(np.random.default_rng(1), studies)))
    assert rows
    assert [f"{row.quantity}: {row.rate:.3f}, not {row.target}" for row in rows if not row.met] == []
