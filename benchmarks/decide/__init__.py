"""How much adding seeds until claims are decided saves, against ways to spend seeds that others have.

Studies of twelve claims with planted truth, in memory: the family-wise error, the share of true effects that are
decided, and the runs that this takes, beside those of a fixed number of seeds with the same power. The tables are in
docs/statistics.md.
"""

import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import islice
from typing import Final

import numpy as np
from scipy import stats

from benchmarks.decide.planted import CLAIMS, Values, draw
from benchmarks.decide.policies import Policy, fixed, peeking, permutations, rounds, summed_shares
from benchmarks.figures import Figures, Json
from benchmarks.options import Options
from benchmarks.results import say
from sweeper.evidence.sequential.paths import Rule
from sweeper.evidence.statistics.group_sequential import Looks, nominal_levels
from sweeper.spec.claim import ALPHA

SEED: Final = 2026  # drawn anew once the rule was settled, which other studies had helped to choose
STUDIES: Final = 800
QUICK_STUDIES: Final = 4
STUDIES_PER_TASK: Final = 20
FIXED: Final = (2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56)
FIXED_NAMES: Final = tuple(f"{seeds} seeds" for seeds in FIXED)
FIRST_LOOK: Final = 3
LAST_LOOK: Final = 20
LOOK_STUDIES: Final = 40_000


def all_policies() -> dict[str, Policy]:
    """Every way to spend seeds, by its name in the table; those with a fixed number of seeds are compared with."""
    found = {name: fixed(seeds) for name, seeds in zip(FIXED_NAMES, FIXED, strict=True)}
    found["looking after each of up to 12 seeds at 5%"] = peeking(2, 12)
    late = Rule(spending="obrien_fleming")
    summed = replace(late, sequential=summed_shares)
    for most in (12, 20, 32):
        found |= {
            f"up to {most} seeds, O'Brien-Fleming, futility 0.1": rounds(2, most, late),
            f"up to {most} seeds, Kim-DeMets, futility 0.1": rounds(2, most, Rule(spending="kim_demets")),
            f"up to {most} seeds, Pocock, futility 0.1": rounds(2, most, Rule(spending="pocock")),
            f"up to {most} seeds, summed shares, futility 0.1": rounds(2, most, summed),
        }
    found["up to 20 seeds, O'Brien-Fleming, never giving up"] = rounds(2, 20, replace(late, futility=None))
    for runs, interims in ((3, 4), (4, 5), (4, 8)):
        found[f"AdaStop, {interims} interims of {runs} seeds"] = permutations(runs, interims)
    found["no maximum, up to 20 seeds of each arm on average"] = rounds(2, None, late, cap=20 * (CLAIMS + 1))
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
    batches: dict[str, list[list[float]]] = {name: [] for name in names}
    with ProcessPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        answers = iter(zip(tasks, pool.map(play, tasks), strict=True))
        for number, name in enumerate(names, 1):
            batches[name] = [found for _, found in islice(answers, -(-studies // STUDIES_PER_TASK))]
            say(f"decide: {number} of {len(names)}: {name}")
    rows = _rows({name: np.array(each) for name, each in batches.items()}, studies)
    return {"studies": studies, "rows": rows, "looks": _looks(LOOK_STUDIES)}


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


def _rows(batches: Mapping[str, Values], studies: int) -> list[Json]:
    """Return the rates of each policy, and how surely its share of the fixed design's runs is known."""
    sums = {name: each.sum(axis=0) for name, each in batches.items()}
    equal = _equal_runs(sums, studies)
    errors = _jackknife(batches, studies)
    return [
        {
            "policy": name,
            "false_support": false / studies,
            "false_refutation": lost / studies,
            "power": _power(sums[name]),
            "runs": runs / studies,
            "fixed_runs": equal[name],
            "ratio": runs / studies / equal[name],
            "ratio_error": errors[name],
            "fixed": name in FIXED_NAMES,
        }
        for name, (false, lost, _, _, runs) in sums.items()
    ]


def _equal_runs(sums: Mapping[str, Values], studies: int) -> dict[str, float]:
    """Return the runs of a fixed number of seeds that finds as many true effects as each policy."""
    known = sorted((_power(sums[name]), sums[name][4] / studies) for name in FIXED_NAMES)
    powers, costs = zip(*known, strict=True)
    return {name: float(np.interp(_power(each), powers, costs)) for name, each in sums.items()}


def _jackknife(batches: Mapping[str, Values], studies: int) -> dict[str, float]:
    """Return the standard error of each policy's share of the fixed runs, by leaving out one batch after another."""
    number = len(next(iter(batches.values())))
    ratios: dict[str, list[float]] = {name: [] for name in batches}
    for left_out in range(number if number > 1 else 0):
        sums = {name: np.delete(each, left_out, axis=0).sum(axis=0) for name, each in batches.items()}
        equal = _equal_runs(sums, studies)  # both numbers of runs are over the same studies, however many
        for name, each in sums.items():
            ratios[name].append(float(each[4]) / studies / equal[name])
    return {name: float(np.std(each) * (number - 1) ** 0.5) if each else 0.0 for name, each in ratios.items()}


def _power(sums: Values) -> float:
    return float(sums[2] / max(sums[3], 1.0))


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
