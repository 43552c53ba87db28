"""What a trial's function returns, beside what it reported."""

from collections.abc import Mapping

import pytest

from sweeper.execution.slots.call import final_reports

LAST = {"step": 60, "loss": 2.5}


@pytest.mark.parametrize(
    ("returned", "last", "lines"),
    [
        ({"loss": 2.5}, LAST, []),
        ({"loss": 2.0}, LAST, [{"loss": 2.0, "step": 61}]),
        ({"test_loss": 3.0}, LAST, [{"test_loss": 3.0, "step": 60}]),
        ({"loss": 2.0, "test_loss": 3.0}, LAST, [{"test_loss": 3.0, "step": 60}, {"loss": 2.0, "step": 61}]),
        ({"loss": 2.0, "step": 70}, LAST, [{"loss": 2.0, "step": 70}]),
        ({"loss": 2.5}, {"loss": 2.5}, [{"loss": 2.5}]),
        ({"loss": 2.5}, {}, [{"loss": 2.5}]),
    ],
)
def test_what_a_function_returns_belongs_to_its_last_step(
    returned: Mapping[str, object], last: Mapping[str, object], lines: list[dict[str, object]]
) -> None:
    assert final_reports(returned, last) == lines
