"""How much runs vary: what the study file assumes, what the store knows, and what neither says."""

import math
import time
from dataclasses import replace
from pathlib import Path
from statistics import variance
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from sweeper.evidence.planned.spread import Spreads, assumed_spread
from sweeper.evidence.planned.wording import amount_text, margin_shown, power_notes, spread_text
from sweeper.evidence.statistics.paired import pooled_variance
from sweeper.forecast.pilot_throughput import PilotRun
from sweeper.planning.plan import make_plan
from sweeper.spec.metric import Metric
from sweeper.spec.study import Study
from sweeper.store.enrolment.enrol import enrol
from sweeper.store.queue import queue
from sweeper.store.records import Lease, Outcome
from tests.sweeper.documents import factor, phase, study
from tests.sweeper.evidence.planned.studies import (
    LINEAR,
    LOG,
    NO_STORE,
    contrast,
    detection,
    equivalence,
    one_at_a_time,
    power_of,
)
from tests.sweeper.store.builders import RETRY, SLOT
from tests.sweeper.store.test_pilots import RUN

AT_100 = frozenset(['{"steps": 100}'])


def metric(document: dict[str, Any]) -> Metric:
    return Metric(**document)


def value_of(lease: Lease) -> float:
    """A run's value: its seed's part, that of its configuration, and noise, all known beforehand."""
    assert lease.configuration is not None
    level = lease.configuration["a"]
    assert isinstance(level, int)
    noise = np.random.default_rng([level, lease.seed]).normal(0.0, 0.01)
    return float(math.exp(1.0 + 0.2 * lease.seed - 0.1 * level + noise))


def run(engine: Engine, made: Study, directory: Path) -> dict[tuple[int, int], float]:
    """Run a study whose trials report `value_of`, and return its values by level and seed."""
    study_id = enrol(engine, make_plan(made), made, runs_dir=directory, now=time.time()).study_id
    found = {}
    while (lease := queue.claim_trial(engine, study_id, SLOT, lease_s=30.0, now=0.0)) is not None:
        value = value_of(lease)
        outcome = Outcome(exit_reason="completed", exit_code=0, value=value, device_seconds=1.0)
        queue.finish(engine, lease, outcome, retry=RETRY, now=4.0)
        found[lease.configuration["a"], lease.seed] = value  # type: ignore[index]  # value_of has checked it
    return found  # type: ignore[return-value]


def test_what_is_assumed_is_a_percentage_or_a_number() -> None:
    assert assumed_spread("0.6%", metric(LOG)).paired.sd == pytest.approx(math.log(1.006))
    assert assumed_spread(0.02, metric(LOG)).paired.sd == 0.02
    absolute, relative = assumed_spread(0.02, metric(LINEAR)), assumed_spread("2%", metric(LINEAR))
    assert (absolute.paired.sd, absolute.is_relative, math.isnan(absolute.mean)) == (0.02, False, True)
    assert (relative.paired.sd, relative.is_relative, relative.mean) == (pytest.approx(0.02), True, 1.0)
    assert absolute.paired.planned == 0.02  # an assumption is not an estimate


@pytest.mark.parametrize(
    ("sd", "at_least", "shown"),
    [("2%", "1%", ("%", "1.0%")), (0.02, 0.01, ("", "0.010")), (0.02, "1%", ("", "1%")), ("2%", 0.01, ("%", "0.01"))],
)
def test_on_a_linear_scale_both_are_percentages_or_both_are_numbers(
    sd: Any, at_least: Any, shown: tuple[str, str]
) -> None:
    made = one_at_a_time([contrast(at_least=at_least)], metric=LINEAR, assume={"sd": sd})
    found = detection(made)
    text = amount_text(found, found.size(found.distance))
    assert text.endswith("%") == (shown[0] == "%")
    assert margin_shown(found) == shown[1]
    comparable = isinstance(sd, str) == isinstance(at_least, str)
    assert found.is_enough is (False if comparable else None)
    assert len(power_notes(made, power_of(made))) == comparable


def test_without_any_knowledge_effects_are_in_standard_deviations() -> None:
    found = detection(one_at_a_time([contrast(at_least="1%")], assume={}))
    assumed = detection(one_at_a_time([contrast(at_least="1%")]))
    assert amount_text(found, found.size(found.distance)) == f"{found.distance:.1f} SD"
    assert found.distance * math.log(1.01) == pytest.approx(assumed.distance, rel=1e-5)
    assert (found.is_enough, found.seeds_needed, margin_shown(found)) == (None, None, "1%")


def test_earlier_runs_of_the_study_show_how_much_runs_vary(engine: Engine, url: str, tmp_path: Path) -> None:
    made = one_at_a_time([contrast(at_least="1%")], assume={})
    values = run(engine, made, tmp_path)
    logs = {key: math.log(value) for key, value in values.items()}
    pooled = pooled_variance(list(logs.values()), [level for level, _ in logs], [seed for _, seed in logs])
    within = [variance(logs[level, seed] for seed in range(3)) for level in range(5)]
    found = Spreads(made, url).of(made.metric, AT_100)
    assert (found.source, found.runs, found.note) == ("earlier runs", 15, "")
    assert (found.paired.sd, found.paired.df) == (pytest.approx(math.sqrt(pooled.variance)), 8)
    assert (found.alone.sd, found.alone.df) == (pytest.approx(math.sqrt(sum(within) / 5)), 10)
    assert found.mean == pytest.approx(sum(values.values()) / 15)
    assert found.paired.planned > found.paired.sd
    assert "in 15 earlier runs (8 df); planned with its upper 80% limit" in spread_text(made.metric, found)
    in_deviations = detection(made).distance
    assert detection(made, store=url).distance == pytest.approx(in_deviations * found.paired.planned, rel=1e-5)


def test_what_is_assumed_comes_before_what_the_store_has_and_both_are_shown(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    made = one_at_a_time([contrast()])
    run(engine, made, tmp_path)
    found = Spreads(made, url).of(made.metric, AT_100)
    assert (found.source, found.paired.sd) == ("assumed", pytest.approx(math.log(1.01)))
    text = spread_text(made.metric, found)
    assert text.startswith("SD of loss between seeds: 1.0%, assumed; it was ")
    assert text.endswith(" in 15 earlier runs (8 df)")


def test_earlier_runs_turn_percentages_of_a_linear_metric_into_its_unit(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    made = one_at_a_time([contrast(at_least=0.01), contrast(2, at_least="1%")], metric=LINEAR, assume={"sd": "2%"})
    values = run(engine, made, tmp_path)
    mean = sum(values.values()) / len(values)
    first, second = (detection(made, place, store=url) for place in range(2))
    assert first.spread is not None
    assert (first.spread.is_relative, first.spread.paired.sd) == (False, pytest.approx(0.02 * mean))
    assert (first.margin, second.margin) == (pytest.approx(0.01), pytest.approx(0.01 * mean))
    assert (first.is_enough, second.is_enough) == (False, False)


def test_other_studies_of_the_program_and_other_budgets_are_better_than_nothing(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    run(engine, one_at_a_time([contrast()], assume={}), tmp_path)
    longer = phase("p", "one_at_a_time", seeds=[0, 1, 2], budget={"steps": 900})
    made = study({"a": factor([0, 1])}, longer, claims=[contrast()], metric=LOG, study="another")
    found = detection(made, store=url)
    assert found.spread is not None
    assert (found.spread.source, found.spread.note) == ("earlier runs", "at other budgets")
    stranger = study({"a": factor([0, 1])}, longer, claims=[contrast()], metric=LOG, study="another",
                     program={"command": ["other"], "metrics": None, "checkpoint": None})  # fmt: skip
    assert detection(stranger, store=url).spread is not None
    assert detection(stranger, store=url).spread.is_known is False  # type: ignore[union-attr]


def piloted(seed: int, value: float | None, **changes: Any) -> PilotRun:
    return replace(RUN, config={"a": 0}, seed=seed, value=value, **changes)


def test_a_pilot_s_longest_runs_of_one_configuration_show_how_much_runs_vary() -> None:
    made = one_at_a_time([contrast()], assume={})
    runs = [piloted(0, 2.0), piloted(1, 9.0), piloted(1, 2.1), piloted(2, 2.3),  # a newer run replaces an older one
            piloted(3, 5.0, amount=50.0), piloted(4, 7.0, amount=50.0),  # shorter
            piloted(5, None), piloted(6, 4.0, metric="accuracy"),
            replace(RUN, config={"a": 1}, seed=0, value=8.0)]  # fmt: skip
    found = Spreads(made, NO_STORE, runs).of(made.metric, AT_100)
    logs = [math.log(value) for value in (2.0, 2.1, 2.3)]
    assert (found.source, found.runs, found.note) == ("pilot", 3, "of 100 steps")
    assert (found.paired.sd, found.paired.df) == (pytest.approx(math.sqrt(variance(logs))), 2)
    assert " in 3 pilot runs of 100 steps (2 df); planned with" in spread_text(made.metric, found)
    assumed = one_at_a_time([contrast()])
    assert Spreads(assumed, NO_STORE, runs).of(made.metric, AT_100).source == "assumed"
    assert Spreads(made, NO_STORE, runs[:1]).of(made.metric, AT_100).source == "unknown"


def test_a_margin_that_is_too_small_is_warned_of_with_its_remedy() -> None:
    claims = [contrast(at_least="1%"), contrast(2), contrast(3, expect="no_worse", within="2%"),
              {**equivalence("0.1%"), "id": "same"}, contrast(4, at_least="30%")]  # fmt: skip
    made = one_at_a_time(claims)
    power = power_of(made, hours_per_trial=0.1)
    first, worse, same = power_notes(made, power)
    assert first.startswith("claims[0].at_least: with 3 seeds, 1.0% is shown only where the effect is ")
    needed, more = power.claims[0].seeds_needed, power.claims[0].more_hours
    assert more is not None
    assert f"{needed} seeds would show it where the effect is 2.0%, twice the margin, for {more:.3g}" in first
    assert worse.startswith("claims[2].within: 2.0% is too little for 3 seeds, which show a margin of ")
    assert same.startswith("claims[3].within: 0.10% is too little for 3 seeds")
    assert same.endswith("More than 50 seeds would be needed.")


def test_a_figure_is_compared_with_the_spread_that_seeds_have_together(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    statement = {"phase": "p", "levels": {"a": 1}, "value": 2.0}
    made = one_at_a_time([contrast(), {"id": "k", "constant": statement, "expect": "below", "at_least": 0}], assume={})
    run(engine, made, tmp_path)
    power = power_of(made, store=url)
    one, other = power.claims
    assert (one.df, other.df) == (8, 2)
    spread = Spreads(made, url).of(made.metric, AT_100)
    assert spread.alone.sd > 10 * spread.paired.sd
    assert other.distance > 10 * one.distance
