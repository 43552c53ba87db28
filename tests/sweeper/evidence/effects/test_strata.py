"""Strata are never averaged into an effect that none of them has, however many runs of each were lost."""

import math
from collections import defaultdict
from itertools import product
from statistics import fmean

import numpy as np
import pytest

from sweeper.evidence.data.runs import study_runs
from sweeper.evidence.effects.attribution import phase_attribution
from sweeper.evidence.effects.effects import effect_table
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"corpus": factor("wiki", "ptb"), "a": factor("off", "on"), "b": factor("off", "on")}
ROWS = [{"corpus": corpus, "a": a, "b": b} for corpus, a, b in product(["wiki", "ptb"], ["off", "on"], ["off", "on"])]
GAINS = {"wiki": 0.034, "ptb": -0.026}  # of a; b gains nothing on either
SEEDS = (0, 1, 2, 3)
LOST = {("ptb", "on", "on", 0), ("ptb", "on", "on", 1), ("ptb", "on", "on", 2), ("wiki", "off", "off", 3)}


def perplexity(levels, seed):
    """The seeds differ much, so that a mean over those that are left is another one than over all."""
    found = {"wiki": 4.1, "ptb": 4.5}[levels["corpus"]] + 0.05 * seed
    return math.exp(found - GAINS[levels["corpus"]] * (levels["a"] == "on"))


def lossy(levels, seed):
    return "failed" if (*levels.values(), seed) in LOST else perplexity(levels, seed)


def grid(value, **options):
    return study_data(FACTORS, Phase("p", "grid", ROWS, value, seeds=SEEDS, **options))


def by_hand(corpus):
    """The gain of each factor alone and beside the other, from arms and seeds fitted to the runs of one corpus."""
    runs = [
        (a == "on", b == "on", seed, math.log(perplexity({"corpus": corpus, "a": a, "b": b}, seed)))
        for a, b, seed in product(["off", "on"], ["off", "on"], SEEDS)
        if (corpus, a, b, seed) not in LOST
    ]
    columns = [[float((a, b) == arm) for arm in product([False, True], repeat=2)] for a, b, *_ in runs]
    columns = [
        [*own, *(float(seed == other) for other in SEEDS[1:])] for own, (*_, seed, _) in zip(columns, runs, strict=True)
    ]
    neither, only_b, only_a, both = np.linalg.lstsq(np.array(columns), [run[-1] for run in runs], rcond=None)[0][:4]
    return {
        "a": ((neither - only_a + only_b - both) / 2, neither - only_a, only_b - both),
        "b": ((neither - only_b + only_a - both) / 2, neither - only_b, only_a - both),
    }


def test_the_gain_of_each_stratum_is_attributed_by_itself_whatever_was_lost():
    found = phase_attribution(study_runs(grid(lossy, blocks=("corpus",))), "p")
    assert list(found) == ["corpus = wiki", "corpus = ptb"]
    for corpus, gain in GAINS.items():
        shares = {each.factor: each for each in found[f"corpus = {corpus}"].factors}
        for name, own in by_hand(corpus).items():
            numbers = (shares[name].shapley, shares[name].add_one, shares[name].leave_one_out)
            assert numbers == pytest.approx(own, abs=1e-12)
        assert shares["a"].shapley == pytest.approx(gain)
        assert shares["b"].shapley == pytest.approx(0.0, abs=1e-12)


def test_strata_of_the_study_count_where_they_are_no_blocks():
    data = study_data(FACTORS, Phase("p", "grid", ROWS, lossy, seeds=SEEDS), strata=["corpus"])
    assert list(phase_attribution(study_runs(data), "p")) == ["corpus = wiki", "corpus = ptb"]
    effects = effect_table(data)
    assert {effect.factor for effect in effects} == {"a", "b"}  # a corpus is no level to be better than another
    own = {effect.block: effect.estimate for effect in effects if effect.factor == "a" and effect.block}
    assert own == pytest.approx({f"corpus = {name}": -gain for name, gain in GAINS.items()})


def test_a_stratum_whose_runs_are_too_few_is_left_out_and_not_filled_from_others():
    found = phase_attribution(
        study_runs(grid(lambda levels, seed: "failed" if levels == ROWS[-1] else perplexity(levels, seed),
                        blocks=("corpus",))), "p"
    )  # fmt: skip
    assert list(found) == ["corpus = wiki"]


NAMES = ("a", "b", "c", "d")
HALF = [dict(zip(NAMES, row, strict=True)) for row in product(["off", "on"], repeat=4) if row.count("on") % 2 == 0]


def fraction(lost):
    """A half fraction on two corpora, on one of which a gains what it costs on the other; b does nothing."""

    def value(levels, seed):
        place = HALF.index({name: levels[name] for name in NAMES})
        if levels["corpus"] == "ptb" and (place, seed) in lost:
            return "failed"
        gain = 0.05 if levels["corpus"] == "wiki" else 0.04
        noise = float(np.random.default_rng([seed, place, levels["corpus"] == "wiki"]).normal(0, 0.02))
        return math.exp(4.0 - gain * (levels["a"] == "on") + noise)

    factors = {"corpus": factor("wiki", "ptb"), **{name: factor("off", "on") for name in NAMES}}
    rows = [{"corpus": corpus, **row} for corpus in ("wiki", "ptb") for row in HALF]
    return study_data(factors, Phase("p", "fractional", rows, value, seeds=(0, 1, 2), blocks=("corpus",)))


@pytest.mark.parametrize("lost", [set(), {(1, 0), (1, 1), (6, 2)}])
def test_the_average_of_a_fit_is_the_mean_of_the_strata_or_none(lost):
    found = defaultdict(dict)
    for effect in effect_table(fraction(lost)):
        found[effect.factor][effect.block] = effect.estimate
    assert set(found) == set(NAMES)
    averaged = [own for own in found.values() if "" in own]
    assert averaged if not lost else not averaged
    for own in averaged:
        assert own[""] == pytest.approx(fmean(value for block, value in own.items() if block))
