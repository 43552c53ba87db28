"""`sweeper.judge` on exact repeats of which some diverge or fail: each counts as the worst, and as one run."""

import math

import pandas as pd
import pytest

import sweeper

DECREASE = {"id": "c", "contrast": {"factor": "a", "from": 0, "to": 1}, "expect": "decrease"}
DIVERGES = {"id": "d", "divergence": {"factor": "a", "from": 0, "to": 1}, "expect": "increase"}


def frame_of(repeats, seeds=5):
    """The level 1 is better by 0.1; a repeat diverged where it is False. Repeats are by level and seed."""
    return pd.DataFrame(
        [
            {"a": a, "seed": s, "loss": 2.0 - 0.1 * a + 0.01 * s * (1 + 0.3 * a) if ended else math.nan}
            for a in (0, 1)
            for s in range(seeds)
            for ended in repeats(a, s)
        ]
    )


def judged(frame, claim):
    (found,) = sweeper.judge(frame, metric="loss", claims=[claim])
    return found


def test_a_level_that_diverges_in_some_repeats_of_each_seed_is_not_supported():
    found = judged(frame_of(lambda a, _: (True, not a, not a)), DECREASE)
    assert found.verdict == "untested"
    assert found.sentence.startswith("a from 0 to 1 in runs: no pair whose runs all converged.")
    assert found.notes == (
        "10 failed trials count as the worst; no pair is without one.",
        "Diverged or failed: from 0/15, to 10/15.",
    )


def test_one_repeat_that_diverges_counts_as_the_worst_and_leaves_its_pair_out():
    found = judged(frame_of(lambda a, s: (True, True, not (a and s == 0))), DECREASE)
    assert (found.verdict, found.n, found.p_adjusted) == ("undecided", 4, 1.0)
    assert "The claim would be supported if runs converged; 14 of 15 did." in found.notes


@pytest.mark.parametrize("state", ["failed", "diverged"])
def test_a_repeat_that_fails_on_the_other_side_only_weakens_the_case(state):
    frame = frame_of(lambda *_: (True, True))
    states = pd.Series("completed", index=frame.index)
    states[0] = state
    found = judged(frame.assign(state=states), DECREASE)
    assert (found.verdict, found.n) == ("supported", 4)
    assert "Diverged or failed: from 1/10, to 0/10." in found.notes


def test_a_claim_on_divergence_counts_runs_rather_than_seeds():
    found = judged(frame_of(lambda a, _: (True, not a, not a), seeds=6), DIVERGES)
    assert (found.verdict, found.evidence.diverged_from, found.evidence.diverged_to) == ("supported", "0/18", "12/18")
    assert "12/18 runs failed, against 0/18" in found.sentence


def test_a_side_with_more_repeats_does_not_seem_to_diverge_more_often():
    frame = frame_of(lambda a, s: (True, *(r != s for r in range(4 * a))), seeds=8)
    found = judged(frame, DIVERGES)
    assert (found.verdict, found.p_adjusted, found.evidence.diverged_to) == ("undecided", 1.0, "4/40")


def test_rows_that_are_averaged_are_noted_with_their_number_by_the_claims_that_they_touch():
    rows = [(x, seed, 1.0 - 0.3 * x + 0.07 * seed + 0.013 * x * seed) for x in (0, 1, 2) for seed in range(3)]
    rows += [(0, 0, 1.5), (0, 0, 1.6), (1, 2, 0.9)]
    frame = pd.DataFrame(rows, columns=["x", "seed", "loss"])
    claims = [
        {"id": f"c{end}", "contrast": {"factor": "x", "from": start, "to": end}, "expect": "decrease"}
        for start, end in ((0, 1), (1, 2))
    ]
    claims.append({"id": "alone", "contrast": {"factor": "x", "from": 1, "to": 0, "where": {}}, "expect": "increase"})
    first, second, _ = sweeper.judge(frame, metric="loss", claims=claims)
    assert (
        "5 rows share configuration and seed with others, and count as 2 runs by their means: rows 0, 9 and 10; 5 and "
        "11. Drop copies, or name what differs by factors=[...]."
    ) in first.notes
    assert any(note.startswith("2 rows share configuration and seed with others") for note in second.notes)
    untouched = sweeper.judge(frame[:9], metric="loss", claims=claims)
    assert not any("share configuration" in note for each in untouched for note in each.notes)
