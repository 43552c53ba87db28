"""Where a claim is, in words."""

import pytest

from sweeper.monitor.decision import Decision, Stage


def decision(stage: Stage, *, look: int = 3, most: int | None = 12) -> Decision:
    return Decision(stage=stage, look=look, most_looks=None if most is None else most - 1, seeds=4, most=most, left=0.5)


@pytest.mark.parametrize(
    ("stage", "most", "text", "short"),
    [
        ("decided", 12, "decided at 4 of 12 seeds", "decided at 4 of 12 seeds"),
        ("decided", None, "decided at 4 seeds", "decided at 4 seeds"),
        ("used_up", 12, "undecided: all 12 seeds used", "all 12 seeds used"),
        ("budget_ended", 12, "undecided: the budget ended at seed 4 of 12", "budget ended at seed 4 of 12"),
        ("budget_ended", None, "undecided: the budget ended at seed 4", "budget ended at seed 4"),
        ("open", 12, "open: look 3 of at most 11, 4 of 12 seeds", "look 3 of at most 11, 4 of 12 seeds"),
        ("open", None, "open: look 3, 4 seeds", "look 3, 4 seeds"),
        (
            "unlikely",
            12,
            "undecided: given up at 4 of 12 seeds, as a decision had become unlikely",
            "given up at 4 of 12 seeds",
        ),
    ],
)
def test_where_a_claim_is(stage: Stage, most: int | None, text: str, short: str) -> None:
    assert (decision(stage, most=most).text, decision(stage, most=most).short) == (text, short)


def test_a_claim_without_a_look() -> None:
    assert decision("open", look=0).text == "open: not looked at yet"
    unreached = decision("budget_ended", look=0)
    assert unreached.text == "untested: the budget ended before its first look"
    assert unreached.short == "budget ended before its first look"
