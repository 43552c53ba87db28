"""Promotions: filled in once their source has ended, with what won there."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
from sqlalchemy import Engine

from sweeper.store.queue import deferred, queue
from sweeper.store.reading import reader
from sweeper.store.records import Outcome
from tests.sweeper.store.builders import (
    RETRY,
    SLOT,
    Budget,
    PlannedPhase,
    enrolled,
    hash_of,
    levels,
    phase,
    planned,
    resolved,
)

LONG = Budget(100)


def promote(top: int, *, source: str = "screen", seeds: tuple[int, ...] = (0,), budget: Budget = LONG) -> PlannedPhase:
    rule = {"design": {"promote": source, "top": top}}
    return phase("long", [None] * top, seeds=seeds, design="promote", budget=budget, spec=rule)


def run(engine: Engine, study: int, values: Mapping[tuple[int, int], float | None]) -> None:
    """Runs what waits: completed with the value for its (number, seed) in `values`, failed where that is None."""
    while (lease := queue.claim_trial(engine, study, SLOT, lease_s=30.0, now=0.0)) is not None:
        value = values[lease.number, lease.seed]
        outcome = Outcome(exit_reason="timeout") if value is None else Outcome(exit_reason="completed", value=value)
        queue.finish(engine, lease, outcome, retry=RETRY, now=1.0)


def fill_promotions(engine: Engine, study: int, now: float) -> None:
    deferred.fill_promotions(engine, study, now=now, resolve=resolved)


def promoted(url: str, study: int) -> list[tuple[int, str, object, int]]:
    with reader.connect(url) as connection:
        return [
            (row.number, row.state, None if row.configuration is None else row.configuration["rate"], row.seed)
            for row in reader.trials(connection, study)
            if row.phase == "long"
        ]


def test_the_best_by_their_mean_over_seeds_are_promoted(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(3), seeds=(0, 1)), promote(2, seeds=(0, 1))).study_id
    fill_promotions(engine, study, now=0.0)
    assert [configuration for _, _, configuration, _ in promoted(url, study)] == [None] * 4
    values = {(0, 0): 5.0, (1, 0): 1.0, (2, 0): 2.0, (3, 1): 1.0, (4, 1): 9.0, (5, 1): 2.0}  # means 3, 5, 2
    run(engine, study, values)
    fill_promotions(engine, study, now=2.0)
    fill_promotions(engine, study, now=3.0)
    assert promoted(url, study) == [
        (0, "waiting", 0.2, 0),
        (1, "waiting", 0.0, 0),
        (2, "waiting", 0.2, 1),
        (3, "waiting", 0.0, 1),
    ]
    lease = queue.claim_trial(engine, study, SLOT, lease_s=30.0, now=4.0)
    assert lease is not None
    assert (lease.phase, lease.config, lease.budget) == ("long", {"a": {"b": 1}, "rate": 0.2}, {"steps": 100})
    assert lease.configuration_hash == hash_of({"a": {"b": 1}, "rate": 0.2})


def test_exact_repeats_of_a_promotion_are_of_the_same_winners(engine: Engine, url: str) -> None:
    @dataclass(frozen=True)
    class Again(Budget):
        @property
        def key(self) -> str:
            return f"{super().key}#1"

    again = [planned("long", 1, None, 0, Again(100))]
    long = promote(1)
    long = replace(long, trials=(*long.trials, *again), members=(*long.members, ("long", 1)))
    study = enrolled(engine, phase("screen", levels(3)), long).study_id
    run(engine, study, {(0, 0): 3.0, (1, 0): 1.0, (2, 0): 2.0})
    fill_promotions(engine, study, now=2.0)
    assert promoted(url, study) == [(0, "waiting", 0.1, 0), (1, "waiting", 0.1, 0)]


def test_the_largest_win_where_the_metric_is_maximized(engine: Engine, url: str) -> None:
    metric = {"name": "accuracy", "direction": "maximize"}
    study = enrolled(engine, phase("screen", levels(3)), promote(1), metric=metric).study_id
    run(engine, study, {(0, 0): 0.1, (1, 0): 0.7, (2, 0): 0.3})
    fill_promotions(engine, study, now=2.0)
    assert promoted(url, study) == [(0, "waiting", 0.1, 0)]


def test_failed_trials_do_not_win_and_what_is_left_over_ends_with_a_reason(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(3)), promote(2)).study_id
    run(engine, study, {(0, 0): None, (1, 0): 7.0, (2, 0): None})
    fill_promotions(engine, study, now=2.0)
    assert promoted(url, study) == [(0, "waiting", 0.1, 0), (1, "failed", None, 0)]
    with reader.connect(url) as connection:
        last = reader.trials(connection, study)[-1]
    assert last.exit_reason == "cancelled"
    assert last.message == (
        "nothing to promote: only 1 of the best 2 configurations of phase 'screen' completed. "
        "`sweeper retry` runs failed trials again, and then this one"
    )


def test_after_a_retry_a_promotion_is_filled_in_again(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(2)), promote(2)).study_id
    run(engine, study, {(0, 0): None, (1, 0): 7.0})
    fill_promotions(engine, study, now=2.0)
    queue.retry_failed(engine, study, 3.0)
    fill_promotions(engine, study, now=3.0)
    lease = queue.claim_trial(engine, study, SLOT, lease_s=30.0, now=4.0)
    assert lease is not None
    assert (lease.phase, lease.number) == ("screen", 0)
    queue.finish(engine, lease, Outcome(exit_reason="completed", value=9.0), retry=RETRY, now=5.0)
    fill_promotions(engine, study, now=6.0)
    assert promoted(url, study) == [(0, "waiting", 0.1, 0), (1, "waiting", 0.0, 0)]


def test_a_promotion_of_a_promotion_waits_for_it(engine: Engine, url: str) -> None:
    middle = phase(
        "middle",
        [None, None],
        design="promote",
        budget=Budget(50),
        spec={"design": {"promote": "screen", "top": 2}},
    )
    study = enrolled(engine, phase("screen", levels(3)), middle, promote(1, source="middle")).study_id
    values = {(0, 0): 3.0, (1, 0): 2.0, (2, 0): 1.0}
    run(engine, study, values)
    fill_promotions(engine, study, now=2.0)
    assert promoted(url, study) == [(0, "waiting", None, 0)]
    run(engine, study, values)
    fill_promotions(engine, study, now=2.0)
    assert promoted(url, study) == [(0, "waiting", 0.1, 0)]


def test_a_trial_that_the_study_has_already_is_shared(engine: Engine, url: str) -> None:
    """A promotion at the source's own budget and seed asks for the very trials that won."""
    study = enrolled(engine, phase("screen", levels(2)), promote(1, budget=Budget())).study_id
    run(engine, study, {(0, 0): 3.0, (1, 0): 2.0})
    fill_promotions(engine, study, now=2.0)
    with reader.connect(url) as connection:
        members = reader.members(connection, study)
        trials = reader.trials(connection, study)
        mirrored = connection.rows("SELECT count(*) FROM trials", {})
    assert [trial.phase for trial in trials] == ["screen", "screen"]
    assert members["long"] == (trials[1].id,)
    assert mirrored == [(2,)]
    assert queue.next_due(engine, study, 3.0) is None


def test_phases_of_their_own_baseline_resolve_the_config_anew(engine: Engine, url: str) -> None:
    study = enrolled(engine, phase("screen", levels(2)), promote(1)).study_id
    run(engine, study, {(0, 0): 3.0, (1, 0): 2.0})

    def resolve(name: str, configuration: Mapping[str, object]) -> tuple[Mapping[str, object], str]:
        return {"phase": name, **configuration}, "anew"

    deferred.fill_promotions(engine, study, now=2.0, resolve=resolve)
    lease = queue.claim_trial(engine, study, SLOT, lease_s=30.0, now=4.0)
    assert lease is not None
    assert (lease.config, lease.configuration_hash) == ({"phase": "long", "rate": 0.1}, "anew")


@pytest.mark.parametrize("state", ["waiting", "completed", "failed"])
def test_history_is_what_has_a_configuration(engine: Engine, state: str) -> None:
    study = enrolled(engine, phase("search", [None, None], design="sampler")).study_id
    lease = queue.claim_trial(engine, study, SLOT, lease_s=30.0, now=0.0)
    assert lease is not None
    assert deferred.history(engine, lease.phase_id) == ()
    queue.set_configuration(engine, lease, {"rate": 0.5}, {"r": 0.5}, "hash", 3)
    reason = {"waiting": "preempted", "completed": "completed", "failed": "diverged"}[state]
    outcome = Outcome(exit_reason=reason, value=2.0)  # type: ignore[arg-type]  # one of the reasons
    queue.finish(engine, lease, outcome, retry=RETRY, now=1.0)
    (past,) = deferred.history(engine, lease.phase_id)
    assert (past.configuration, past.configuration_hash, past.seed) == ({"rate": 0.5}, "hash", 3)
    assert (past.state, past.value, past.position) == (state, 2.0, 0)
