"""Studies with planted truth: a baseline, twelve arms, and the claim of each that it is better."""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sweeper.evidence.sequential.looks import PartLook
from sweeper.evidence.statistics.pooling import stratum_variance

Values = NDArray[np.float64]

CLAIMS: Final = 12
SEEDS: Final = 64  # that each arm could run
# Effects in standard deviations of a seed's difference, and how often each is drawn.
EFFECTS: Final = {0.0: 1 / 2, 0.75: 1 / 6, 1.5: 1 / 6, 3.0: 1 / 6}
CORRELATION: Final = 0.5  # of runs that share a seed


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """A study whose truth is known.

    Attributes:
        effects: of each arm, in standard deviations of a seed's difference; more is better.
        values: of the baseline and each arm with each seed, `[1 + claims, seeds]`.
    """

    effects: Values
    values: Values

    @property
    def is_true(self) -> NDArray[np.bool_]:
        """Which claims are true."""
        return self.effects > 0


def draw(generator: np.random.Generator, *, null: bool = False, claims: int = CLAIMS) -> Planted:
    """Draw a study.

    Args:
        null: whether no arm differs from the baseline.
    """
    sizes, chances = np.array(list(EFFECTS)), np.array(list(EFFECTS.values()))
    effects = np.zeros(claims) if null else generator.choice(sizes, size=claims, p=chances)
    shared = generator.normal(0, CORRELATION**0.5, size=(1, SEEDS))
    own = generator.normal(0, (1 - CORRELATION) ** 0.5, size=(claims + 1, SEEDS))
    spread = (2 * (1 - CORRELATION)) ** 0.5
    return Planted(effects=effects, values=shared + own + spread * np.concatenate([[0.0], effects])[:, None])


def looks_at(study: Planted, seeds: NDArray[np.int64]) -> list[PartLook]:
    """Return what each claim shows, by the t with the variance that all runs so far share.

    Args:
        seeds: of each arm; the baseline has as many as the arm with most.
    """
    runs = np.concatenate([[seeds.max()], seeds])
    places = [(arm, seed) for arm, number in enumerate(runs) for seed in range(number)]
    arms, blocks = zip(*places, strict=True)
    values = study.values[np.array(arms), np.array(blocks)]
    pooled = stratum_variance(values, arms, blocks, level=0.0).pooled
    found = []
    for arm, number in enumerate(seeds.tolist(), 1):
        mean = float((study.values[arm, :number] - study.values[0, :number]).mean())
        error = (2 * pooled.variance / number) ** 0.5
        p = float(special.stdtr(pooled.df, -mean / error)) if pooled.df > 0 else 1.0
        found.append(
            PartLook(p_support=p, p_refute=1 - p, seeds=number, estimate=mean, standard_error=error, df=pooled.df)
        )
    return found
