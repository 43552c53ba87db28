"""Why attempts failed, and when that says that further trials would fail too."""

from typing import Any

import pytest

from sweeper.store.failures import Ran, cause_of, failing

TRACEBACK = "exit code 1\nTraceback (most recent call last):\n  File 'a.py', line 1\nModuleNotFoundError: No module 'x'"


@pytest.mark.parametrize(
    ("ended", "expected"),
    [
        (("crashed", 1, None, TRACEBACK), "exit code 1: ModuleNotFoundError: No module 'x'"),
        (("crashed", 1, None, f"{TRACEBACK}\nwandb: run ended"), "exit code 1: ModuleNotFoundError: No module 'x'"),
        (("crashed", 2, None, "exit code 2\nusage\nt: error: no --lr\n----"), "exit code 2: t: error: no --lr"),
        (("crashed", 4, None, "exit code 4"), "exit code 4"),
        (("crashed", 0, None, "ended without the metric\nbye"), "ended without the metric"),
        (("crashed", None, None, "cannot start: t: No such file"), "cannot start: t: No such file"),
        (("crashed", 1, None, "exit code 1\nValueError: 3\nx.ChildFailedError: \n===="), "exit code 1: ValueError: 3"),
        (("crashed", 1, None, "exit code 1\n[rank1]: ValueError: 3\nbye"), "exit code 1: [rank1]: ValueError: 3"),
        (("killed", None, 11, "killed by SIGSEGV"), "killed by SIGSEGV"),
        (("killed", None, 6, "killed by SIGABRT\nterminate called"), "killed by SIGABRT: terminate called"),
        (("out_of_memory", 1, None, "out of memory\nMemoryError"), "exit code 1: MemoryError"),
        (("timeout", None, 15, None), "killed by SIGTERM"),
    ],
)  # fmt: skip
def test_a_cause_is_the_exit_and_what_the_program_said_last(ended: Any, expected: str) -> None:
    assert str(cause_of(*ended)) == expected


def test_failures_are_alike_whatever_their_numbers() -> None:
    one, two = (
        cause_of("crashed", 1, None, f"exit code 1\nValueError: {each}") for each in ("at 0x1f: 3", "at 0x2e: 17.5")
    )
    assert one.key == two.key
    assert one.key != cause_of("crashed", 2, None, "exit code 2\nValueError: at 0x1f: 3").key
    assert one.key != cause_of("crashed", 1, None, "exit code 1\nValueError: no").key


def ran(trial: int, **changes: Any) -> Ran:
    known: dict[str, Any] = {"exit_reason": "crashed", "exit_code": 1, "message": "exit code 1\nno", "last_step": None}
    known |= {"trial": f"p/{trial}", "configuration": {"a": trial}, "host": "h", "counts": True}
    return Ran(**{**known, **changes})


def other(**changes: Any) -> Ran:
    return ran(99, **{"exit_reason": None, "exit_code": None, "message": None, "counts": False, **changes})


THREE = [ran(0), ran(1), ran(2)]


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (THREE, ["p/0", "p/1", "p/2"]),
        (THREE[:2], None),
        ([ran(0)] * 5, None),  # attempts of one trial
        ([ran(0), ran(1), ran(2, message="exit code 1\nyes")], None),
        ([ran(0), ran(1), ran(2, exit_code=2)], None),
        ([*THREE, other(exit_reason="completed")], None),
        ([*THREE, other(exit_reason="pruned")], None),
        ([*THREE, other(exit_reason="diverged")], None),
        ([*THREE, other(holds_lease=True)], ["p/0", "p/1", "p/2"]),
        ([*THREE, other(holds_lease=True, last_step=0)], None),  # it has reported something
        ([*(ran(each, last_step=9) for each in range(3)), other(last_step=9)], ["p/0", "p/1", "p/2"]),
        ([*(ran(each, last_step=9) for each in range(3)), other(last_step=10)], None),
        ([ran(each, configuration={"a": each, "b": 1}) for each in range(4)], None),  # an arm
        ([ran(each, configuration={"a": each, "b": 1}) for each in range(5)], ["p/0", "p/1", "p/2", "p/3", "p/4"]),
        ([ran(each, configuration={"a": each, "b": each % 2}) for each in range(3)], ["p/0", "p/1", "p/2"]),
        ([ran(8, message="exit code 1\nother"), *THREE], ["p/0", "p/1", "p/2"]),
    ],
)  # fmt: skip
def test_no_trial_starts_after_three_that_fail_alike_while_none_gets_further(found: Any, expected: Any) -> None:
    stops = failing(found, "h")
    assert (None if stops is None else list(stops.trials)) == expected
    assert stops is None or stops.host is None


def test_a_host_where_all_fails_is_told_from_those_where_trials_work() -> None:
    found = [*THREE, ran(3, host="good", exit_reason="completed", counts=False)]
    stops = failing(found, "h")
    assert stops is not None
    assert str(stops) == "3 trials failed alike on h (p/0, p/1, p/2), and none got further"
    assert failing(found, "good") is None
