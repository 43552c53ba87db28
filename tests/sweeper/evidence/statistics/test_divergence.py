"""Runs that diverge, against exact tables and simulation."""

import itertools

import numpy as np
import pytest
from scipy import stats

from sweeper.evidence.statistics.divergence import (
    Share,
    Worst,
    diverges_more_p,
    fewest_that_differ,
    p_with_worst,
    worst_case,
)
from sweeper.evidence.statistics.paired import Estimate, paired_t

BETTER = paired_t([-0.3, -0.31, -0.29])


def test_a_share_reads_as_counts_and_has_clopper_and_pearsons_interval():
    share = Share(1, 3)
    assert str(share) == "1/3"
    assert share.interval() == pytest.approx((stats.beta.ppf(0.025, 1, 3), stats.beta.ppf(0.975, 2, 2)))


def test_a_run_of_the_arm_that_diverged_pushes_the_effect_up_and_one_of_its_partner_down():
    arm, partner = [(1.0, True), (-1.0, False)], [(1.0, False), (-1.0, True)]
    assert worst_case([arm], 1.0) == Worst(up=True)
    assert worst_case([partner], 1.0) == Worst(down=True)
    assert worst_case([arm, partner], 1.0) == Worst(up=True, down=True)
    assert worst_case([arm], -1.0) == Worst(down=True)  # where more is better, the worst is the least


def test_a_pair_that_diverged_on_both_sides_tells_nothing():
    assert not worst_case([[(1.0, True), (-1.0, True)]], 1.0).any
    assert not worst_case([[(1.0, False), (-1.0, False)]], 1.0).any
    assert not worst_case([[(0.0, True)]], 1.0).any


def test_without_runs_that_diverged_the_p_values_are_those_of_the_effect():
    assert p_with_worst(BETTER, None, 0.0, Worst()) == (BETTER.p_below(0.0), BETTER.p_above(0.0))
    assert p_with_worst(BETTER, -1.0, None, Worst()) == (BETTER.p_above(-1.0), BETTER.p_below(-1.0))
    support, refute = p_with_worst(BETTER, -1.0, 1.0, Worst())
    assert support == max(BETTER.p_above(-1.0), BETTER.p_below(1.0))
    assert refute == min(1.0, 2 * min(BETTER.p_below(-1.0), BETTER.p_above(1.0)))


def test_an_arm_that_diverged_is_not_shown_to_be_better():
    support, refute = p_with_worst(BETTER, None, 0.0, Worst(up=True))
    assert support == 1.0
    assert refute == BETTER.p_above(0.0)


def test_a_baseline_that_diverged_takes_nothing_from_the_arm_that_did_not():
    support, refute = p_with_worst(BETTER, None, 0.0, Worst(down=True))
    assert support == BETTER.p_below(0.0)
    assert refute == 1.0


def test_no_equivalence_is_shown_with_runs_that_diverged():
    same = paired_t([0.001, -0.001, 0.0])
    for worst in (Worst(up=True), Worst(down=True)):
        assert p_with_worst(same, -0.1, 0.1, worst)[0] == 1.0
    support, refute = p_with_worst(paired_t([0.5, 0.51, 0.49]), -0.1, 0.1, Worst(up=True))
    assert support == 1.0 and refute < 0.01  # they only drive it further out
    assert p_with_worst(paired_t([0.5, 0.51, 0.49]), -0.1, 0.1, Worst(down=True))[1] == 1.0


def test_an_arm_that_diverges_when_its_run_goes_badly_is_not_supported_more_often_than_promised():
    generator = np.random.default_rng(0)
    wrong = {True: 0, False: 0}
    for _ in range(2000):
        noise = generator.normal(size=(2, 3))
        diverged = noise[1] > 0.5  # the arm's bad runs
        pairs = [[(1.0, bool(lost)), (-1.0, False)] for lost in diverged]
        differences = (noise[1] - noise[0])[~diverged]
        effect = paired_t(differences) if len(differences) else Estimate(
            value=np.nan, standard_error=np.nan, df=0, n=0, method="")  # fmt: skip
        wrong[True] += p_with_worst(effect, None, 0.0, worst_case(pairs, 1.0))[0] < 0.05
        wrong[False] += p_with_worst(effect, None, 0.0, Worst())[0] < 0.05
    assert wrong[True] / 2000 <= 0.05
    assert wrong[False] / 2000 > 0.065  # left out, as if nothing had happened


def test_one_pair_of_each_seed_is_mcnemars_exact_test():
    def p(only_first, only_second, neither=3):
        return diverges_more_p([1] * only_first + [-1] * only_second + [0] * neither)

    assert p(5, 0) == pytest.approx(1 / 32)
    assert p(4, 1) == pytest.approx(6 / 32)
    assert p(0, 3) == 1.0
    assert p(0, 0) == 1.0
    assert p(7, 2) == pytest.approx(stats.binomtest(7, 9, 0.5, alternative="greater").pvalue)


def test_pairs_of_one_seed_are_one_draw():
    assert diverges_more_p([8]) == 0.5
    assert diverges_more_p([8, 8, 8]) == pytest.approx(1 / 8)
    assert [fewest_that_differ(level) for level in (0.05, 0.05 / 12, 0.03125)] == [5, 8, 6]


@pytest.mark.parametrize("excess", [[3, -1, 2, 0, 2], [4, 4, -8, 1], [-2, -2, 1], [5, 3, 3, -3]])
def test_excesses_of_seeds_are_compared_with_all_flips_of_their_signs(excess):
    sums = [sum(sign * each for sign, each in zip(signs, excess, strict=True))
            for signs in itertools.product((-1, 1), repeat=len(excess))]  # fmt: skip
    assert diverges_more_p(excess) == pytest.approx(np.mean(np.array(sums) >= sum(excess)))
