"""Whether intervals and verdicts keep what they promise, on studies whose truth is known.

Run: python -m benchmarks.coverage_simulation [STUDIES [SEED]]

Prints a Markdown table: how often 95 % intervals hold the truth, and how often at least one of twelve claims that are
not true is called supported. A run of one configuration is its mean, plus a draw of its seed that all configurations
share, plus noise of its own.
"""

import math
import sys
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sweeper.evidence.claims.judge import judge_claims
from sweeper.evidence.statistics.equivalence import tost
from sweeper.evidence.statistics.multiplicity import all_of, holm
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
SEED_NOISE = 0.01  # what runs of one seed share; pairing takes it out
NUM_ARMS = 13  # the baseline and twelve others, as in the flagship study's third phase
NUM_CLAIMS = NUM_ARMS - 1
NUM_FACTORS_THROUGH = 12

Draw = Callable[[np.random.Generator, int, int], NDArray[np.float64]]
Row = tuple[str, float, int]


@dataclass(frozen=True)
class Noise:
    """Draws `[arms, seeds]` of noise with mean 0."""

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
    """The log-perplexities of one study, `[arms, seeds]`; the first arm is the baseline."""
    means = np.array([0.0, *effects])[:, None]
    return means + rng.normal(0, SEED_NOISE, (1, seeds)) + noise.draw(rng, arms, seeds)


def pooled_of(values: NDArray[np.float64], present: NDArray[np.bool_]) -> PooledVariance:
    """The pooled variance of the runs that are present."""
    arms, seeds = np.nonzero(present)
    return pooled_variance(values[present], arms.tolist(), seeds.tolist())


def holds(estimate: Estimate, truth: float) -> bool:
    """Whether the 95 % interval holds the truth."""
    low, high = estimate.interval()
    return low <= truth <= high


def plain_coverage(rng: np.random.Generator, noise: Noise, studies: int, pairs: int) -> float:
    """Of the paired t of two arms."""
    hits = 0
    for _ in range(studies):
        values = runs(rng, noise, 2, pairs, [-0.02])
        hits += holds(paired_t(values[1] - values[0]), -0.02)
    return hits / studies


def pooled_coverage(
    rng: np.random.Generator, noise: Noise, studies: int, *, lost: float = 0.0, arms: Iterable[int] = range(1, NUM_ARMS)
) -> float:
    """Of the pooled t of the contrasts of some arms with the baseline, three seeds each, a share of the runs lost."""
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
                hits, total = hits + holds(estimate, effects[arm - 1]), total + 1
    return hits / total


def two_strata_coverage(rng: np.random.Generator, studies: int) -> float:
    """Of an effect averaged over two corpora, one of which varies three times as much (Satterthwaite)."""
    hits = 0
    for _ in range(studies):
        values = [scale * runs(rng, NORMAL, 5, 3, [0.0] * 4) for scale in (1.0, 3.0)]
        pooled: dict[Hashable, PooledVariance] = {
            place: pooled_of(each, np.ones_like(each, dtype=bool)) for place, each in enumerate(values)
        }
        mean = float(np.mean([each[1] - each[0] for each in values]))
        estimate = contrast_t(mean, [1 / 6] * 12, [0] * 6 + [1] * 6, pooled, n=6)
        hits += holds(estimate, 0.0)
    return hits / studies


def bootstrap_coverage(
    rng: np.random.Generator, noise: Noise, studies: int, pairs: int, *, expand: bool = True
) -> float:
    """Of the BCa interval of the mean difference."""
    hits = 0
    for _ in range(studies):
        values = runs(rng, noise, 2, pairs, [0.0])
        low, high = bootstrap_bca(values[1] - values[0], rng, resamples=1999, expand=expand)
        hits += low <= 0.0 <= high
    return hits / studies


def false_support(rng: np.random.Generator, noise: Noise, studies: int, *, pooled: bool) -> float:
    """How often one or more of twelve claims of no effect is supported after Holm."""
    wrong = 0
    for _ in range(studies):
        values = runs(rng, noise, NUM_ARMS, 3, [0.0] * NUM_CLAIMS)
        variance = pooled_of(values, np.ones_like(values, dtype=bool))
        differences = values[1:] - values[0]
        estimates = [paired_t_pooled(each, variance) if pooled else paired_t(each) for each in differences]
        wrong += min(holm([each.p_below(0.0) for each in estimates])) < 0.05
    return wrong / studies


def false_equivalence(rng: np.random.Generator, studies: int) -> float:
    """How often TOST calls an effect equal that lies right on the margin."""
    wrong = 0
    for _ in range(studies):
        values = runs(rng, NORMAL, 2, 5, [0.01])
        wrong += tost(paired_t(values[1] - values[0]), -0.01, 0.01).p_equivalent < 0.05
    return wrong / studies


def false_ordering(rng: np.random.Generator, studies: int) -> float:
    """How often "the largest of four gains" is supported of one that is equal to another and above two."""
    wrong = 0
    for _ in range(studies):
        values = runs(rng, NORMAL, 5, 3, [-0.03, -0.03, -0.01, 0.0])
        pooled = pooled_of(values, np.ones_like(values, dtype=bool))
        wrong += all_of([paired_t_pooled(values[1] - values[k], pooled).p_below(0.0) for k in (2, 3, 4)]) < 0.05
    return wrong / studies


def false_support_through_claims(rng: np.random.Generator, studies: int) -> tuple[float, float]:
    """The same through the whole of `judge_claims`: one or more of twelve null claims supported, or refuted."""
    names = [f"x{place}" for place in range(NUM_FACTORS_THROUGH)]
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
    """How often 95 % intervals hold the truth."""
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
    """How often something untrue is supported."""
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
