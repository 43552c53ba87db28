"""Simulated schedules."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sweeper.errors import UsageError
from sweeper.forecast.schedule import Order, Schedule, schedule
from sweeper.planning.plan import Plan, make_plan
from tests.sweeper.documents import factor, phase, study

LENGTHS = st.lists(st.floats(0.1, 50.0), min_size=1, max_size=20)


def plan_of(number: int) -> Plan:
    return make_plan(study({"a": factor(list(range(number)))}, phase("p", "grid")))


def simulated(lengths: list[float], slots: int, order: Order = "queue") -> Schedule:
    seconds = {("p", number): length for number, length in enumerate(lengths)}
    return schedule(plan_of(len(lengths)), seconds, slots, order=order)


def test_free_slots_take_the_next_trial_of_the_queue() -> None:
    found = simulated([1.0, 1.0, 4.0], 2)
    assert found.finish_s == 5.0
    assert [(slot.busy_s, slot.trials) for slot in found.slots] == [(5.0, 2), (1.0, 1)]
    assert [(gap.start, gap.end, gap.reason) for gap in found.slots[1].gaps] == [
        (1.0, 5.0, "no trial is left to start")
    ]
    assert found.idle_s == 4.0
    assert found.idle_share == pytest.approx(0.4)


def test_long_trials_first_leave_no_slot_idle_at_the_end() -> None:
    found = simulated([1.0, 1.0, 4.0], 2, "longest_first")
    assert found.finish_s == 4.0
    assert found.idle_s == 2.0


@given(LENGTHS, st.integers(1, 6), st.sampled_from(["queue", "longest_first"]))
def test_every_second_of_every_slot_is_busy_or_named_idle(lengths: list[float], slots: int, order: Order) -> None:
    found = simulated(lengths, slots, order)
    assert sum(slot.trials for slot in found.slots) == len(lengths)
    assert sum(slot.busy_s for slot in found.slots) == pytest.approx(sum(lengths))
    for slot in found.slots:
        assert slot.busy_s + slot.idle_s == pytest.approx(found.finish_s)
    # A greedy schedule ends within the work's share and one more trial.
    assert found.finish_s >= max(sum(lengths) / slots, *lengths) - 1e-9
    assert found.finish_s <= sum(lengths) / slots + max(lengths) + 1e-9


def test_a_promotion_waits_for_the_phase_that_it_takes_from_and_says_so() -> None:
    search = phase("search", "grid")
    long = phase("long", {"promote": "search", "top": 2})
    plan = make_plan(study({"a": factor([0, 1, 2])}, search, long))
    seconds = {("search", 0): 1.0, ("search", 1): 1.0, ("search", 2): 3.0, ("long", 0): 5.0, ("long", 1): 5.0}
    found = schedule(plan, seconds, 2, order="longest_first")
    assert found.phase_ends_s == {"search": 3.0, "long": 8.0}
    assert found.finish_s == 8.0
    gaps = [gap for slot in found.slots for gap in slot.gaps]
    assert [(gap.seconds, gap.reason) for gap in gaps] == [(1.0, "phase long waits for phase search to end")]


def test_trials_that_phases_share_end_both() -> None:
    long = phase("long", {"promote": "two", "top": 1}, budget={"steps": 200})
    plan = make_plan(study({"a": factor([0, 1])}, phase("one", "grid"), phase("two", "grid"), long))
    found = schedule(plan, {("one", 0): 1.0, ("one", 1): 2.0, ("long", 0): 4.0}, 1)
    assert found.phase_ends_s == {"one": 3.0, "two": 3.0, "long": 7.0}


def test_trials_without_a_prediction_are_refused() -> None:
    with pytest.raises(UsageError, match=r"2 of 3 trials have no predicted run time, the first in phase 'p'"):
        schedule(plan_of(3), {("p", 1): 1.0}, 2)
    with pytest.raises(UsageError, match=r"--slots: 0 slots cannot run anything"):
        schedule(plan_of(1), {("p", 0): 1.0}, 0)
