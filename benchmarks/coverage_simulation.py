"""Check the coverage of intervals and the error rates of verdicts on simulated studies with known effects.

Run: python -m benchmarks.coverage_simulation [STUDIES [SEED]]

Prints Markdown tables: how often 95% intervals cover the true value, and how often at least one of twelve false claims
is supported. The value of a run is the mean of its configuration, plus an effect of its seed that all configurations
share, plus independent noise.
"""

import math
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.statistics.multiplicity import all_of, holm, tost
from sweeper.evidence.statistics.paired import (
    Estimate,
    PooledVariance,
    bootstrap_bca,
    contrast_t,
    paired_t,
    paired_t_pooled,
    pooled_variance,
)
from tests.reports.studies import Phase, factor, study_data

NOISE = 0.003  # SD of log-perplexity of large LSTMs on PTB: 0.0015 to 0.003
SEED_NOISE = 0.01  # shared by all runs of a seed; pairing removes it
NUM_ARMS = 13  # the baseline and twelve others, as in the third phase of dettmers-339
NUM_CLAIMS = NUM_ARMS - 1
NUM_FACTORS_THROUGH = 12

Draw = Callable[[np.random.Generator, int, int], NDArray[np.float64]]
Row = tuple[str, float, int]


@dataclass(frozen=True)
class Noise:
    """A distribution of noise with mean 0, drawn as `[arms, seeds]`."""

    name: str
    draw: Draw


NORMAL = Noise("normal noise", lambda rng, arms, seeds: rng.normal(0, NOISE, (arms, seeds)))
HEAVY = Noise("heavy tails (Student t, 5 df)", lambda rng, arms, seeds: NOISE * rng.standard_t(5, (arms, seeds)))
SKEWED = Noise("skewed (exponential)", lambda rng, arms, seeds: NOISE * (rng.exponential(1, (arms, seeds)) - 1))
UNEQUAL = Noise(
    "arm SDs from 0.5 to 1.5 times the average",
    lambda rng, arms, seeds: rng.normal(0, NOISE, (arms, seeds)) * np.linspace(0.5, 1.5, arms)[:, None],
)


def runs(
    rng: np.random.Generator, noise: Noise, arms: int, seeds: int, effects: Iterable[float]
) -> NDArray[np.float64]:
    """Draw the log-perplexities of one study, `[arms, seeds]`; the first arm is the baseline."""
    means = np.array([0.0, *effects])[:, None]
    return means + rng.normal(0, SEED_NOISE, (1, seeds)) + noise.draw(rng, arms, seeds)


def pooled_of(values: NDArray[np.float64], present: NDArray[np.bool_]) -> PooledVariance:
    """Return the pooled variance of the runs that are present."""
    arms, seeds = np.nonzero(present)
    return pooled_variance(values[present], arms.tolist(), seeds.tolist())


def covers(estimate: Estimate, truth: float) -> bool:
    """Return whether the 95% interval covers the true value."""
    low, high = estimate.interval()
    return low <= truth <= high


def plain_coverage(rng: np.random.Generator, noise: Noise, studies: int, pairs: int) -> float:
    """Return the coverage of the paired t interval of two arms."""
    hits = 0
    for _ in range(studies):
        values = runs(rng, noise, 2, pairs, [-0.02])
        hits += covers(paired_t(values[1] - values[0]), -0.02)
    return hits / studies


def pooled_coverage(
    rng: np.random.Generator, noise: Noise, studies: int, *, lost: float = 0.0, arms: Iterable[int] = range(1, NUM_ARMS)
) -> float:
    """Return the coverage of pooled t intervals of arms against the baseline, with three seeds and lost runs."""
    effects = np.linspace(-0.02, 0.02, NUM_CLAIMS)
    wanted, hits, total = tuple(arms), 0, 0
    for _ in range(studies):
        values = runs(rng, noise, NUM_ARMS, 3, effects)
        present = rng.uniform(size=values.shape) >= lost
        pooled = pooled_of(values, present)
        for arm in wanted:
            pairs = present[arm] & present[0]
            if pairs.any():
                estimate = paired_t_pooled(values[arm, pairs] - values[0, pairs], pooled)
                hits, total = hits + covers(estimate, effects[arm - 1]), total + 1
    return hits / total


def two_strata_coverage(rng: np.random.Generator, studies: int) -> float:
    """Return the coverage for an effect averaged over two corpora, one with three times the noise (Satterthwaite)."""
    hits = 0
    for _ in range(studies):
        values = [scale * runs(rng, NORMAL, 5, 3, [0.0] * 4) for scale in (1.0, 3.0)]
        pooled: dict[Hashable, PooledVariance] = {
            stratum: pooled_of(each, np.ones_like(each, dtype=bool)) for stratum, each in enumerate(values)
        }
        mean = float(np.mean([each[1] - each[0] for each in values]))
        estimate = contrast_t(mean, [1 / 6] * 12, [0] * 6 + [1] * 6, pooled, n=6)
        hits += covers(estimate, 0.0)
    return hits / studies


def bootstrap_coverage(
    rng: np.random.Generator, noise: Noise, studies: int, pairs: int, *, expand: bool = True
) -> float:
    """Return the coverage of the BCa interval of the mean difference."""
    hits = 0
    for _ in range(studies):
        values = runs(rng, noise, 2, pairs, [0.0])
        low, high = bootstrap_bca(values[1] - values[0], rng, resamples=1999, expand=expand)
        hits += low <= 0.0 <= high
    return hits / studies


def false_support(rng: np.random.Generator, noise: Noise, studies: int, *, pooled: bool) -> float:
    """Return how often at least one of twelve claims without an effect is supported after Holm's adjustment."""
    wrong = 0
    for _ in range(studies):
        values = runs(rng, noise, NUM_ARMS, 3, [0.0] * NUM_CLAIMS)
        variance = pooled_of(values, np.ones_like(values, dtype=bool))
        differences = values[1:] - values[0]
        estimates = [paired_t_pooled(each, variance) if pooled else paired_t(each) for each in differences]
        wrong += min(holm([each.p_below(0.0) for each in estimates])) < 0.05
    return wrong / studies


def false_equivalence(rng: np.random.Generator, studies: int) -> float:
    """Return how often TOST supports equivalence for an effect exactly on the margin."""
    wrong = 0
    for _ in range(studies):
        values = runs(rng, NORMAL, 2, 5, [0.01])
        wrong += tost(paired_t(values[1] - values[0]), -0.01, 0.01).p_equivalent < 0.05
    return wrong / studies


def false_ordering(rng: np.random.Generator, studies: int) -> float:
    """Return how often "the largest of four gains" is supported for one that is tied with another."""
    wrong = 0
    for _ in range(studies):
        values = runs(rng, NORMAL, 5, 3, [-0.03, -0.03, -0.01, 0.0])
        pooled = pooled_of(values, np.ones_like(values, dtype=bool))
        wrong += all_of([paired_t_pooled(values[1] - values[k], pooled).p_below(0.0) for k in (2, 3, 4)]) < 0.05
    return wrong / studies


def false_support_through_claims(rng: np.random.Generator, studies: int) -> tuple[float, float]:
    """Return how often `judge_claims` supports, and refutes, at least one of twelve null claims."""
    names = [f"x{index}" for index in range(NUM_FACTORS_THROUGH)]
    factors = {name: factor(0, 1) for name in names}
    rows = [dict.fromkeys(names, 0), *({**dict.fromkeys(names, 0), name: 1} for name in names)]
    supported = refuted = 0
    for _ in range(studies):
        verdicts = _verdicts(factors, rows, runs(rng, NORMAL, NUM_ARMS, 3, [0.0] * NUM_CLAIMS))
        supported += "supported" in verdicts
        refuted += "refuted" in verdicts
    return supported / studies, refuted / studies


def _verdicts(factors: dict[str, Any], rows: list[dict[str, int]], values: NDArray[np.float64]) -> list[str]:
    def value(levels: Any, seed: int) -> float:
        return math.exp(4.6 + values[rows.index(dict(levels)), seed])

    claims = [
        {
            "id": name,
            "contrast": {"phase": "p", "factor": name, "from": 0, "to": 1, "where": None},
            "expect": "decrease",
            "at_least": 0,
        }
        for name in factors
    ]
    data = study_data(factors, Phase("p", "one_at_a_time", rows, value), claims=claims)
    return [each.verdict for each in judge_claims(data)]


def coverage_rows(studies: int, seed: int) -> Iterator[Row]:
    """Yield the coverage of 95% intervals in each case."""
    rng = np.random.default_rng(seed)
    for pairs in (3, 5, 10):
        yield f"paired t, {pairs} pairs, {NORMAL.name}", plain_coverage(rng, NORMAL, studies, pairs), studies
    for noise in (NORMAL, HEAVY, SKEWED, UNEQUAL):
        share = pooled_coverage(rng, noise, studies // 4)
        yield f"pooled t, 13 arms of 3 seeds, {noise.name}", share, studies // 4
    share = pooled_coverage(rng, UNEQUAL, studies, arms=[NUM_ARMS - 1])
    yield "the same, contrast with the most variable arm", share, studies
    yield "pooled t, a tenth of the runs missing", pooled_coverage(rng, NORMAL, studies // 4, lost=0.1), studies // 4
    yield "pooled t over two corpora, one with 3 times the SD", two_strata_coverage(rng, studies), studies
    for noise in (NORMAL, SKEWED):
        for pairs in (8, 16, 32):
            share = bootstrap_coverage(rng, noise, studies // 4, pairs)
            yield f"bootstrap BCa, {pairs} pairs, {noise.name}", share, studies // 4
    share = bootstrap_coverage(rng, NORMAL, studies // 4, 8, expand=False)
    yield "bootstrap BCa, 8 pairs, not expanded (not used)", share, studies // 4


def error_rows(studies: int, seed: int) -> Iterator[Row]:
    """Yield the rate of false verdicts in each case."""
    rng = np.random.default_rng(seed)
    for noise in (NORMAL, HEAVY, SKEWED, UNEQUAL):
        yield f"12 null claims, pooled t, {noise.name}", false_support(rng, noise, studies, pooled=True), studies
    yield f"12 null claims, paired t, {NORMAL.name}", false_support(rng, NORMAL, studies, pooled=False), studies
    yield from _other_errors(studies, np.random.default_rng([seed, 1]))


def _other_errors(studies: int, rng: np.random.Generator) -> Iterator[Row]:
    yield "equivalence, effect exactly on the margin", false_equivalence(rng, studies), studies
    yield "largest of four gains, tied with another", false_ordering(rng, studies), studies
    through = max(studies // 20, 1)
    supported, refuted = false_support_through_claims(rng, through)
    yield "12 null claims, whole study: one or more supported", supported, through
    yield "12 null claims, whole study: one or more refuted", refuted, through


def main(studies: int, seed: int) -> None:
    """Print both tables."""
    for title, rows in (
        ("95% interval | covers the truth in", coverage_rows(studies, seed)),
        ("case | false verdicts in", error_rows(studies, seed)),
    ):
        print(f"| {title} | studies |\n|---|---|---|")
        for name, share, number in rows:
            print(f"| {name} | {100 * share:.1f}% | {number:,} |", flush=True)
        print()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000, int(sys.argv[2]) if len(sys.argv) > 2 else 0)
