"""The best is better than the baseline only with all strata and budgets considered that there are."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from benchmarks.gains import Null
from sweeper.evidence.claims.compared import Compared
from sweeper.evidence.data.runs import study_runs
from sweeper.evidence.standings.against import Against
from sweeper.evidence.standings.gains import ALIKE, Contest, gain, num_contests
from sweeper.evidence.standings.standing import Standing
from sweeper.evidence.standings.standings import standings
from tests.reports.studies import Levels, Phase, factor, study_data

CORPORA = ("a", "b", "c", "d")
FACTORS = {"corpus": factor(*CORPORA), "x": factor(0, 1, 2)}


def contests_of(value: Callable[[Levels, int], float | str], seeds: int = 4) -> tuple[list[Contest], Against]:
    rows = [{"corpus": corpus, "x": level} for corpus in CORPORA for level in (0, 1, 2)]
    phase = Phase("p", "list", rows, value, seeds=range(seeds), blocks=("corpus",))
    data = study_data(FACTORS, phase, metric="loss")
    found = [
        Contest(group, next((row for row in group.rows if not row.changes and row.n), None))
        for group in standings(data)
    ]
    return found, Against(study_runs(data), {})


def noisy(gain_of: Callable[[Levels], float]) -> Callable[[Levels, int], float]:
    def value(levels: Levels, seed: int) -> float:
        key = [seed, levels["x"], CORPORA.index(levels["corpus"])]
        return 2.0 - gain_of(levels) + 0.01 * float(np.random.default_rng(key).normal())

    return value


def test_a_large_gain_is_shown_and_none_is_not() -> None:
    contests, against = contests_of(noisy(lambda row: 0.1 * (row["x"] == 1 and row["corpus"] in "ab")))
    assert num_contests(contests) == 4
    found = [gain(each, against, among=4) for each in contests]
    assert [each is not None and each.shown for each in found[:2]] == ["lower", "lower"]
    assert all(each is None or not each.shown for each in found[2:])


def test_what_is_shown_of_one_stratum_is_not_among_very_many() -> None:
    contests, against = contests_of(noisy(lambda row: 0.025 * (row["x"] == 1)))
    first = contests[0]
    shown = [among for among in (1, 2, 4, 8, 10**4, 10**9) if (gain(first, against, among=among) or _none()).shown]
    assert 1 in shown
    assert 10**9 not in shown
    assert shown == [1, 2, 4, 8, 10**4, 10**9][: len(shown)]


def _none() -> Compared:
    return Compared(estimate=math.nan, low=math.nan, high=math.nan, n=0)


def test_configurations_that_may_vary_more_are_compared_by_their_own_pairs() -> None:
    contests, against = contests_of(noisy(lambda row: 0.02 * (row["x"] == 1)), seeds=3)
    pooled = shown = 0
    for contest in contests:
        best, base = contest.group.chosen, contest.baseline
        assert best is not None
        assert base is not None
        assert best is not base
        is_pooled = min(best.alike_p, base.alike_p) >= ALIKE
        pooled += is_pooled
        differences = _values(against, best) - _values(against, base)
        own = contest.rivals * float(stats.ttest_1samp(differences, 0.0, alternative="less").pvalue)
        p = contest.group.better_p(best, base) if is_pooled else own
        for among in (1, 2, 4, 16, 64):
            found = gain(contest, against, among=among)
            assert found is not None
            assert bool(found.shown) == (p < 0.05 / among and found.high < 0)
            shown += bool(found.shown)
    assert 0 < pooled < len(contests)
    assert shown > 0


def _values(against: Against, row: Standing) -> NDArray[np.float64]:
    cells = {trial: cell.value for cell in against.runs.phases["p"].cells for trial in cell.trial_ids}
    return np.array([cells[trial] for trial in row.trial_ids])


@pytest.mark.parametrize("wild", [0, 1])
def test_a_wide_spread_of_the_best_or_the_baseline_is_not_averaged_away(wild: int) -> None:
    """By the spread that is pooled over 12 configurations, the difference would be 10 standard errors."""
    swing = {0: -0.5, 1: 1.0, 2: -0.5}

    def value(levels: Levels, seed: int) -> float:
        noise = 0.01 * float(np.random.default_rng([seed, levels["x"]]).normal())
        ahead = 0.2 * (levels["x"] == 1)
        return 2.0 - ahead + (0.5 * swing[seed] if levels["x"] == wild else noise)

    phase = Phase("p", "list", [{"x": level} for level in range(12)], value, seeds=range(3))
    data = study_data({"x": factor(*range(12))}, phase, metric="loss")
    (group,) = standings(data)
    contest = Contest(group, next(row for row in group.rows if not row.changes))
    found = gain(contest, Against(study_runs(data), {}), among=1)
    assert found is not None
    assert not found.shown


def test_what_a_claim_shows_needs_no_allowance_and_what_it_leaves_open_stays_open() -> None:
    contests, against = contests_of(noisy(lambda row: 0.1 * (row["x"] == 1)))

    class Known(Against):
        def compare(self, *_: object) -> Compared:
            return claimed

    known = Known(against.runs, {})
    claimed = Compared(estimate=-0.1, low=-0.2, high=0.0, n=4, claim="c", shown="lower")
    assert gain(contests[0], known, among=10**9) is claimed
    claimed = replace(claimed, shown="")
    assert gain(contests[0], known, among=1) is claimed


def test_a_baseline_that_lost_runs_has_all_ranked_configurations_as_rivals() -> None:
    value = noisy(lambda row: 0.1 * (row["x"] == 1))
    contests, against = contests_of(lambda row, seed: "failed" if row["x"] == seed == 0 else value(row, seed))
    assert [each.rivals for each in contests] == [2] * 4
    assert num_contests(contests) == 4
    found = gain(contests[0], against, among=4)
    assert found is not None
    assert (found.n, found.shown) == (3, "lower")
    whole, _ = contests_of(value)
    assert [each.rivals for each in whole] == [2] * 4


def test_without_a_baseline_or_a_rival_there_is_nothing_to_compare() -> None:
    contests, against = contests_of(noisy(lambda row: -0.1 * row["x"]))
    assert gain(contests[0], against, among=4) is None  # it is the best itself
    assert num_contests([replace(each, baseline=None) for each in contests]) == 0
    assert gain(replace(contests[0], baseline=None), against, among=4) is None


def test_without_repeats_nothing_is_shown() -> None:
    contests, against = contests_of(lambda row, seed: 2.0 - row["x"], seeds=1)
    assert all(not each.shown for contest in contests if (each := gain(contest, against, among=1)) is not None)


@pytest.mark.parametrize("null", [Null(2, 3, 3), Null(2, 3, 2, "baseline", seed_spread=2.0)], ids=str)
def test_studies_of_nothing_show_nothing_but_rarely(null: Null) -> None:
    """At a rate of 5%, more than 5 of 20 happen once in 3,000; benchmarks.gains has the rates."""
    assert null.rate(np.random.default_rng(1), 20) <= 0.25
