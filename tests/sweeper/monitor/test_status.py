"""The status of a study: its JSON contract and the time it still needs."""

from hypothesis import given
from hypothesis import strategies as st

from sweeper.monitor.status import PhaseStatus, Status, finish_in_s, status_json
from sweeper.store.records import TRIAL_STATES


def make_status(**changes: object) -> Status:
    counts = dict.fromkeys(TRIAL_STATES, 0) | {"waiting": 3, "running": 2, "completed": 4, "failed": 1}
    fields: dict[str, object] = {
        "study": "quickstart",
        "metric": "valid_perplexity",
        "phases": [
            PhaseStatus(name="screen", counts=counts),
            PhaseStatus(name="long", counts=dict.fromkeys(TRIAL_STATES, 0)),
        ],
        "running": [],
        "device_hours": 0.5,
        "device_hours_cap": None,
        "best": 91.2,
        "slots": 2,
        "eta_seconds": 60.0,
    }
    return Status(**(fields | changes))  # type: ignore[arg-type]  # the fields are listed right above


def test_status_json_has_exactly_the_keys_of_the_contract() -> None:
    document = status_json(make_status())
    assert document == {
        "study": "quickstart",
        "phases": [
            {"name": "screen", "planned": 10, "waiting": 3, "running": 2, "completed": 4, "pruned": 0, "failed": 1},
            {"name": "long", "planned": 0, "waiting": 0, "running": 0, "completed": 0, "pruned": 0, "failed": 0},
        ],
        "planned": 10,
        "waiting": 3,
        "running": 2,
        "completed": 4,
        "pruned": 0,
        "failed": 1,
        "device_hours": 0.5,
        "eta_seconds": 60.0,
    }


def test_the_time_left_counts_running_trials() -> None:
    assert finish_in_s([10.0, 20.0], [], slots=2) == 20.0
    assert finish_in_s([10.0, 20.0], [5.0, 5.0], slots=2) == 20.0
    assert finish_in_s([10.0], [30.0, 5.0], slots=2) == 30.0
    assert finish_in_s([], [], slots=4) == 0.0


@given(
    running=st.lists(st.floats(0, 1e4), max_size=8),
    waiting=st.lists(st.floats(0, 1e4), max_size=30),
    slots=st.integers(1, 8),
)
def test_the_time_left_lies_between_the_bounds_of_list_scheduling(
    running: list[float], waiting: list[float], slots: int
) -> None:
    width = max(slots, len(running))
    work = sum(running) + sum(waiting)
    longest = max([*running, *waiting], default=0.0)
    left = finish_in_s(running, waiting, slots)
    assert max(longest, work / width) <= left * (1 + 1e-9) + 1e-9
    assert left <= (work / width + longest) * (1 + 1e-9) + 1e-9
