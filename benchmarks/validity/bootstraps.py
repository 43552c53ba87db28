"""Bootstrap intervals, which reports show beside those of the t for readers who doubt that noise is normal."""

from collections.abc import Iterator, Mapping

import numpy as np

from benchmarks.validity.cases import COVERS, Case, Target
from benchmarks.validity.planted import HOLD
from sweeper.evidence.statistics.paired import bootstrap_bca

RESAMPLES = 1999


def bootstrap_cases() -> Iterator[Case]:
    """With normal and with exponential noise, and without the larger level that few pairs need."""
    for pairs in (8, 16, 32):
        yield _bootstrap(pairs, "normal", COVERS)
    for pairs in (8, 16, 32):
        yield _bootstrap(pairs, "exponential", Target(low=0.9))
    yield _bootstrap(8, "normal", Target(high=0.93), expand=False)


def _bootstrap(pairs: int, noise: str, target: Target, *, expand: bool = True) -> Case:
    def play(generator: np.random.Generator) -> Mapping[str, float]:
        draw = generator.normal if noise == "normal" else generator.exponential
        values = draw(size=(2, pairs))
        low, high = bootstrap_bca(values[1] - values[0], generator, resamples=RESAMPLES, expand=expand)
        return {HOLD: float(low <= 0.0 <= high)}

    name = f"bootstrap BCa, {pairs} pairs, {noise} noise" + ("" if expand else ", not expanded (not used)")
    return Case(name=name, play=play, targets={HOLD: target})
