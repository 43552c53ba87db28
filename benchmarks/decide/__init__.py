"""How much adding seeds until claims are decided saves, against ways to spend seeds that others have.

Studies of twelve claims with planted truth, in memory: the family-wise error, the share of true effects that are
decided, and the runs that this takes, beside those of a fixed number of seeds with the same power. The tables are in
docs/statistics.md.
"""

import os
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from typing import Final

import numpy as np
from scipy import stats

from benchmarks.decide.planted import CLAIMS, draw
from benchmarks.decide.policies import Policy, fixed, peeking, permutations, rounds, summed_shares
from benchmarks.options import Options
from benchmarks.results import Figures, Json, say
from sweeper.evidence.sequential.paths import Rule
from sweeper.evidence.statistics.group_sequential import Looks, nominal_levels
from sweeper.spec.claim import ALPHA

SEED: Final = 16
STUDIES: Final = 300
QUICK_STUDIES: Final = 4
STUDIES_PER_TASK: Final = 20
FIXED: Final = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56)
FIRST_LOOK: Final = 3
LAST_LOOK: Final = 20
LOOK_STUDIES: Final = 40_000


def all_policies() -> dict[str, Policy]:
    """Every way to spend seeds, by its name in the table; those with a fixed number of seeds are compared with."""
    found = {f"{seeds} seeds": fixed(seeds) for seeds in FIXED}
    found["looking after each of up to 12 seeds at 5%"] = peeking(2, 12)
    for most in (12, 20, 32):
        found |= {
            f"up to {most} seeds, O'Brien-Fleming, futility 0.1": rounds(2, most, Rule()),
            f"up to {most} seeds, Kim-DeMets, futility 0.1": rounds(2, most, Rule(spending="kim_demets")),
            f"up to {most} seeds, Pocock, futility 0.1": rounds(2, most, Rule(spending="pocock")),
            f"up to {most} seeds, summed shares, futility 0.1": rounds(2, most, Rule(sequential=summed_shares)),
        }
    found["up to 20 seeds, O'Brien-Fleming, never giving up"] = rounds(2, 20, Rule(futility=None))
    for runs, interims in ((3, 4), (4, 5), (4, 8)):
        found[f"AdaStop, {interims} interims of {runs} seeds"] = permutations(runs, interims)
    found["no maximum, up to 20 seeds of each arm on average"] = rounds(2, None, Rule(), cap=20 * (CLAIMS + 1))
    return found


def measure(options: Options) -> Figures:
    """Return the rates of all policies, and the error of many looks at one claim."""
    studies = QUICK_STUDIES if options.quick else STUDIES
    names = list(all_policies())
    tasks = [
        (name, first, min(STUDIES_PER_TASK, studies - first))
        for name in names
        for first in range(0, studies, STUDIES_PER_TASK)
    ]
    sums = {name: np.zeros(5) for name in names}
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        answers = iter(zip(tasks, pool.map(play, tasks), strict=True))
        for number, name in enumerate(names, 1):
            for _, found in islice(answers, -(-studies // STUDIES_PER_TASK)):
                sums[name] += found
            say(f"decide: {number} of {len(names)}: {name}")
    return {"studies": studies, "rows": _rows(sums, studies), "looks": _looks(LOOK_STUDIES)}


def play(task: tuple[str, int, int]) -> list[float]:
    """Play some studies with one policy.

    Returns:
        How many had a false support, how many a false refutation, the true effects that were supported, all true
        effects, and the runs.
    """
    name, first, number = task
    policy = all_policies()[name]
    found = np.zeros(5)
    for place in range(first, first + number):
        study = draw(np.random.default_rng([SEED, place]))
        outcome = policy(study, np.random.default_rng([SEED, place, 1]))
        false, lost = outcome.supported & ~study.is_true, outcome.refuted & study.is_true
        shown = outcome.supported & study.is_true
        found += [false.any(), lost.any(), shown.sum(), study.is_true.sum(), outcome.runs]
    return [float(each) for each in found]


def _rows(sums: dict[str, np.ndarray], studies: int) -> list[Json]:
    power = {name: each[2] / max(each[3], 1.0) for name, each in sums.items()}
    known = sorted((power[f"{seeds} seeds"], float(seeds * (CLAIMS + 1))) for seeds in FIXED)
    rows: list[Json] = []
    for name, (false, lost, _, _, runs) in sums.items():
        equal = float(np.interp(power[name], [each for each, _ in known], [cost for _, cost in known]))
        rows.append(
            {
                "policy": name,
                "false_support": false / studies,
                "false_refutation": lost / studies,
                "power": power[name],
                "runs": runs / studies,
                "fixed_runs": equal,
                "ratio": runs / studies / equal,
                "fixed": name in {f"{seeds} seeds" for seeds in FIXED},
            }
        )
    return rows


def _looks(studies: int) -> dict[str, Json]:
    """Return how often one claim without an effect is supported if it is looked at after each of 3 to 20 seeds."""
    differences = np.random.default_rng(SEED).normal(size=(studies, LAST_LOOK))
    numbers = range(FIRST_LOOK, LAST_LOOK + 1)
    p = np.array([stats.ttest_1samp(differences[:, :n], 0.0, axis=1, alternative="greater").pvalue for n in numbers])
    looks = Looks(
        pairs=tuple(numbers),
        df=tuple(float(n - 1) for n in numbers),
        information=tuple(n / LAST_LOOK for n in numbers),
    )
    exact = np.array(nominal_levels(looks, ALPHA))
    share = np.diff([0.0, *(ALPHA * (n / LAST_LOOK) ** 3 for n in numbers)])
    return {
        "studies": studies,
        "first": FIRST_LOOK,
        "last": LAST_LOOK,
        "each_at_5": float((p < ALPHA).any(axis=0).mean()),
        "summed_shares": float((p <= share[:, None]).any(axis=0).mean()),
        "exact": float((p <= exact[:, None]).any(axis=0).mean()),
    }
