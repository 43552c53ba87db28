"""How configurations stand: means, intervals, the best, and what keeps a configuration out of the ranking."""

import math

import numpy as np
import pytest
from scipy import stats

from sweeper.evidence.standings.standings import standings
from sweeper.evidence.statistics.mcb import critical_value
from tests.reports.studies import Phase, factor, study_data

FACTORS = {"dropout": factor(0.0, 0.1, 0.2, 0.3), "corpus": factor("a", "b", path="data.corpus")}
ROWS = [{"dropout": level} for level in (0.0, 0.1, 0.2, 0.3)]
LOGS = {0.0: math.log(100), 0.1: math.log(90), 0.2: math.log(91), 0.3: math.log(120)}


def noise(level, seed, seeds=0.0) -> float:
    """What a run adds to the logarithm: its own draw, and one that its seed shares."""
    own = np.random.default_rng([seed, round(10 * level)]).normal()
    return 0.01 * own + seeds * float(np.random.default_rng([99, seed]).normal())


def value(levels, seed) -> float:
    return math.exp(LOGS[levels["dropout"]] + noise(levels["dropout"], seed))


def only(data):
    (group,) = standings(data)
    return group


def changed(group, dropout):
    return next(row for row in group.rows if row.changes == ({} if dropout == 0.0 else {"dropout": str(dropout)}))


def test_means_are_geometric_and_their_intervals_students_with_the_pooled_variance():
    group = only(study_data(FACTORS, Phase("p", "list", ROWS, value)))
    logs = np.array([[math.log(value(row, seed)) for seed in range(3)] for row in ROWS])
    assert [row.mean for row in sorted(group.rows, key=lambda row: row.changes.get("dropout", "0.0"))] == pytest.approx(
        np.exp(logs.mean(axis=1))
    )
    # What seeds share has 2 degrees of freedom, the rest 6; the variance within configurations is the sum of both.
    seeds, rest = _mean_squares(logs)
    parts = np.array([seeds / 4, rest * 3 / 4])
    df = parts.sum() ** 2 / (parts**2 / [2, 6]).sum()
    half = stats.t.ppf(0.975, df) * math.sqrt(logs.var(axis=1, ddof=1).mean() / 3)
    row = changed(group, 0.2)
    assert (math.log(row.low), math.log(row.high)) == pytest.approx((logs[2].mean() - half, logs[2].mean() + half))
    assert row.half_width == pytest.approx((row.high - row.low) / 2)
    assert (row.n, row.seeds, row.failed, row.attempted) == (3, (0, 1, 2), 0, 3)


def _mean_squares(logs) -> tuple[float, float]:
    """Those of seeds and of the rest, in a table of configurations and seeds."""
    arms, seeds = logs.shape
    centred = logs - logs.mean(axis=1, keepdims=True)
    of_seeds = arms * (centred.mean(axis=0) ** 2).sum() / (seeds - 1)
    rest = ((centred - centred.mean(axis=0)) ** 2).sum() / (arms - 1) / (seeds - 1)
    return of_seeds, rest


def test_those_that_cannot_be_told_from_the_best_are_hsus():
    group = only(study_data(FACTORS, Phase("p", "list", ROWS, value)))
    logs = np.array([[math.log(value(row, seed)) for seed in range(3)] for row in ROWS])
    _, rest = _mean_squares(logs)
    allowed = critical_value([math.sqrt(0.5)], 6, counts=[3]) * math.sqrt(2 * rest / 3)
    behind = logs.mean(axis=1) - logs.mean(axis=1).min()
    assert group.spread == "paired"
    assert [changed(group, row["dropout"]).may_be_best for row in ROWS] == (behind < allowed).tolist()
    assert group.leader is group.ranked[0] is group.chosen
    assert {row.arm for row in group.possible} == {changed(group, 0.1).arm, changed(group, 0.2).arm}
    worst = changed(group, 0.3)
    assert worst.gap == pytest.approx(behind[3])
    assert (worst.least_gap, worst.largest_gap) == pytest.approx((0.0, behind[3] + allowed), abs=1e-6)
    assert worst.ranks == (4, 4)
    assert changed(group, 0.1).ranks == (1, 2)


def test_what_seeds_share_cancels_only_between_runs_of_the_same_seeds():
    def moved(levels, seed):
        return math.exp(LOGS[levels["dropout"]] + noise(levels["dropout"], seed, seeds=0.5))

    paired = only(study_data(FACTORS, Phase("p", "list", ROWS, moved)))
    more = Phase("more", "list", ROWS[:1], moved, seeds=(0, 1, 2, 3))
    unpaired = only(study_data(FACTORS, Phase("p", "list", ROWS, moved), more))
    assert (paired.spread, unpaired.spread) == ("paired", "unpaired")
    assert len(paired.possible) == 2
    assert len(unpaired.possible) == 4
    # That of a mean is about any seeds: it holds what seeds share, with their few degrees of freedom.
    assert paired.leader is not None
    assert paired.leader.high / paired.leader.low > 2


def test_a_configuration_that_varies_more_has_a_variance_of_its_own():
    def wild(levels, seed):
        return math.exp(
            LOGS[levels["dropout"]] + noise(levels["dropout"], seed) * (40 if levels["dropout"] == 0.3 else 1)
        )

    group = only(study_data(FACTORS, Phase("p", "list", ROWS, wild, seeds=range(5))))
    calm, moving = changed(group, 0.1), changed(group, 0.3)
    assert math.log(moving.high / moving.low) > 10 * math.log(calm.high / calm.low)
    assert "1 of the configurations varies more and has its own variance" in group.method


def test_a_configuration_of_which_a_run_failed_or_was_pruned_is_shown_and_not_ranked():
    def ends(levels, seed):
        found = {(0.1, 0): "failed", (0.2, 1): "pruned", (0.3, 2): "waiting"}
        return found.get((levels["dropout"], seed)) or value(levels, seed)

    group = only(study_data(FACTORS, Phase("p", "list", ROWS, ends)))
    assert [(row.changes.get("dropout"), row.is_ranked) for row in group.rows] == [
        (None, True), ("0.3", True), ("0.1", False), ("0.2", False)
    ]  # fmt: skip
    failed, pruned, waiting = (changed(group, level) for level in (0.1, 0.2, 0.3))
    assert (failed.n, failed.failed, failed.attempted, failed.may_be_best, failed.ranks) == (2, 1, 3, False, None)
    assert (pruned.n, pruned.pruned, waiting.n, waiting.waiting) == (2, 1, 2, 1)
    assert failed.mean < group.ranked[0].mean  # of the runs that are left, which flatters it
    assert group.chosen is not None
    assert group.chosen.changes == {}


def test_strata_and_budgets_stand_apart_and_phases_together():
    def by_corpus(levels, seed):
        return value(levels, seed) * (2 if levels["corpus"] == "b" else 1)

    rows = [{**row, "corpus": corpus} for corpus in ("b", "a") for row in ROWS]
    screen = Phase("screen", "list", rows, by_corpus, blocks=["corpus"])
    again = Phase("again", "list", rows[:2], by_corpus, blocks=["corpus"])
    long = Phase("long", "list", rows[:2], by_corpus, steps=500, blocks=["corpus"])
    groups = standings(study_data(FACTORS, screen, again, long))
    assert [(group.name, group.label, group.budget) for group in groups] == [
        ("corpus = a", "a", '{"steps": 100}'), ("corpus = b", "b", '{"steps": 100}'),
        ("corpus = b", "b", '{"steps": 500}'),
    ]  # fmt: skip
    assert [len(group.rows) for group in groups] == [4, 4, 2]
    assert groups[1].phases == ("screen", "again")
    assert changed(groups[1], 0.1).phases == ("screen", "again")
    assert changed(groups[1], 0.1).changes == {"dropout": "0.1"}  # not what the stratum says


def test_a_test_gives_the_values_and_validation_chooses():
    better = {0.0: 80.0, 0.1: 75.0, 0.2: 70.0, 0.3: 95.0}

    def results(row):
        return {"test_perplexity": better[row.configuration["dropout"]] * math.exp(noise(0.5, row.seed))}

    group = only(study_data(FACTORS, Phase("p", "list", ROWS, value), results=results))
    assert (group.metric.name, group.chooser.name) == ("test_perplexity", "valid_perplexity")
    assert (group.metric.direction, group.metric.scale) == ("minimize", "log")
    assert group.leader is not None
    assert group.chosen is not None
    assert (group.leader.changes, group.chosen.changes) == ({"dropout": "0.2"}, {"dropout": "0.1"})
    assert group.chosen.mean == pytest.approx(75.0, rel=0.02)


def test_a_test_that_some_runs_lack_is_not_used():
    group = only(
        study_data(
            FACTORS, Phase("p", "list", ROWS, value), results=lambda row: {"test_perplexity": 80.0} if row.seed else {}
        )
    )
    assert (group.metric.name, group.chooser.name) == ("valid_perplexity", "valid_perplexity")


def test_larger_is_better_where_the_metric_says_so():
    data = study_data(FACTORS, Phase("p", "list", ROWS, value), metric="accuracy", direction="maximize", scale="linear")
    group = only(data)
    assert [row.changes.get("dropout") for row in group.rows] == ["0.3", None, "0.2", "0.1"]
    assert len(group.possible) == 1
    assert group.rows[0].mean == pytest.approx(np.mean([value({"dropout": 0.3}, seed) for seed in range(3)]))
    assert group.rows[0].gap < 0 < group.rows[1].gap


@pytest.mark.parametrize("seeds", [(0,), (0, 1, 2)])
def test_without_a_spread_nothing_is_told_apart(seeds):
    group = only(
        study_data(FACTORS, Phase("p", "list", ROWS, lambda levels, _: math.exp(LOGS[levels["dropout"]]), seeds=seeds))
    )
    reason = {1: "no configuration was repeated with another seed", 3: "the seed changes nothing: 1 run, not 3"}
    assert group.spread == "unknown"
    assert not group.is_tested
    assert reason[len(seeds)] in group.method
    assert all(row.may_be_best and row.ranks is None and math.isnan(row.low) for row in group.rows)
    assert group.chosen is not None
    assert group.chosen.changes == {"dropout": "0.1"}


def test_one_configuration_is_the_best_and_of_none_there_is_none():
    one = only(study_data(FACTORS, Phase("p", "list", ROWS[:1], value)))
    assert one.chosen is one.leader is one.rows[0]
    assert not one.is_tested
    assert one.rows[0].ranks == (1, 1)
    assert math.isnan(one.rows[0].gap)
    waiting = only(study_data(FACTORS, Phase("p", "list", ROWS, lambda *_: "waiting")))
    assert (waiting.chosen, waiting.ranked, len(waiting.rows)) == (None, (), 4)
    assert {row.waiting for row in waiting.rows} == {3}
