"""How often the best of studies of nothing is called better than the baseline in any stratum or budget.

Run: python -m benchmarks.gains [--quick]; it prints the table of docs/statistics.md, in some minutes.
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np

from sweeper.evidence.data.runs import MetricRuns
from sweeper.evidence.standings.against import Against
from sweeper.evidence.standings.gains import Contest, gain, num_contests
from sweeper.evidence.standings.standings import standings
from sweeper.evidence.statistics.mcb import Floats, Places
from tests.reports.studies import Phase, factor, study_data

Spread = Literal["equal", "baseline", "one", "strata", "all"]
WORDS: Final[Mapping[Spread, str]] = {
    "equal": "",
    "baseline": "the baseline varies three times as much",
    "one": "another configuration varies three times as much",
    "strata": "every other stratum varies three times as much",
    "all": "each varies otherwise, log-normal of 0.5",
}
QUICK_STUDIES: Final = 5


@dataclass(frozen=True, slots=True)
class Null:
    """Studies without any effect.

    Attributes:
        seed_spread: what seeds add to all configurations of a stratum, in spreads of a run.
    """

    strata: int
    configurations: int
    seeds: int
    spread: Spread = "equal"
    seed_spread: float = 0.0
    studies: int = 400

    def __str__(self) -> str:
        size = f"{self.strata} x {self.configurations} x {self.seeds}"
        seeds = f"seeds move all by {self.seed_spread:g} spreads" if self.seed_spread else ""
        return ", ".join(part for part in (size, WORDS[self.spread], seeds) if part)

    def rate(self, generator: np.random.Generator, studies: int) -> float:
        """Return in which share of studies anything false is said."""
        corpora = [f"c{number}" for number in range(self.strata)]
        factors = {"corpus": factor(*corpora), "x": factor(*range(self.configurations))}
        rows = [{"corpus": corpus, "x": level} for corpus in corpora for level in range(self.configurations)]
        phase = Phase("p", "list", rows, lambda *_: 1.0, seeds=range(self.seeds), blocks=("corpus",))
        data = study_data(factors, phase, metric="loss")
        places = zip(data.trials["trial_id"], data.trials["seed"], strict=True)
        levels = ((data.configurations[int(trial)], seed) for trial, seed in places)
        at = np.array([(corpora.index(str(row["corpus"])), row["x"], seed) for row, seed in levels], dtype=np.int64)
        false = 0
        for _ in range(studies):
            drawn = replace(data, trials=data.trials.assign(value=self._values(at, generator)))
            runs = MetricRuns(drawn)
            groups = standings(drawn, runs)
            contests = [Contest(group, next(row for row in group.rows if not row.changes)) for group in groups]
            against, among = Against(runs.own, {}), num_contests(contests)
            found = [gain(contest, against, among=among) for contest in contests]
            false += any(each is not None and each.shown for each in found)
        return false / studies

    def _values(self, at: Places, generator: np.random.Generator) -> Floats:
        stratum, arm, seed = at.T
        scale = np.ones((self.strata, self.configurations))
        match self.spread:
            case "baseline":
                scale[:, 0] = 3.0
            case "one":
                scale[:, 1] = 3.0
            case "strata":
                scale[1::2] = 3.0
            case "all":
                scale = np.exp(0.5 * generator.normal(size=scale.shape))
            case "equal":
                pass
        by_seed = self.seed_spread * generator.normal(size=(self.strata, self.seeds))
        return np.asarray(10.0 + scale[stratum, arm] * generator.normal(size=len(at)) + by_seed[stratum, seed])


CASES: Final = (
    Null(2, 2, 3, studies=1000),
    Null(2, 3, 5, studies=600),
    Null(8, 3, 2, studies=600),
    Null(4, 8, 3),
    Null(8, 20, 2, studies=150),
    Null(8, 20, 5, studies=100),
    Null(4, 6, 3, seed_spread=2.0),
    Null(4, 6, 3, "strata"),
    Null(4, 6, 3, "one"),
    Null(2, 6, 3, "baseline"),
    Null(4, 6, 5, "baseline"),
    Null(2, 20, 3, "all"),
    Null(8, 20, 3, "baseline", studies=100),
)


def main() -> None:
    """Print one row for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_STUDIES} studies per case")
    quick = parser.parse_args().quick
    print("| strata x configurations x seeds | studies | called better in any stratum |\n|---|---:|---:|")
    for place in range(len(CASES)):
        print(row(place, quick=quick), flush=True)


def row(place: int, *, quick: bool = False) -> str:
    """Return the row of a case."""
    case = CASES[place]
    studies = QUICK_STUDIES if quick else case.studies
    rate = case.rate(np.random.default_rng([20261129, place]), studies)
    error = (rate * (1 - rate) / studies) ** 0.5
    return f"| {case} | {studies} | {100 * rate:.1f}% ± {100 * error:.1f} |"


if __name__ == "__main__":
    main()
