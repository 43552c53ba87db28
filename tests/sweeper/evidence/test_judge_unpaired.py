"""Claims of which no two runs are a pair: the reason is the true one, and names what splits the runs."""

import pandas as pd
import pytest

import sweeper

LOSSES = {0: (1.00, 0.51), 1: (2.01, 1.50), 2: (3.02, 2.53), 3: (4.00, 3.50)}  # by seed, at both rates


def frame_of(**columns):
    """Runs at two rates, and further columns by (rate, seed)."""
    rows = [(rate, seed, LOSSES[seed][place]) for place, rate in enumerate((0.1, 0.2)) for seed in LOSSES]
    frame = pd.DataFrame(rows, columns=["lr", "seed", "loss"])
    for name, value in columns.items():
        frame[name] = [value(rate, seed) for rate, seed, _ in rows]
    return frame


def judged(frame, contrast=None, **options):
    claim = {"id": "c", "contrast": {"factor": "lr", "from": 0.1, "to": 0.2, **(contrast or {})}, "expect": "decrease"}
    (found,) = sweeper.judge(frame, metric="loss", claims=[claim], **options)
    return found


def alternating(rate, seed):
    return "ab"[(seed + (rate == 0.2)) % 2]


def test_a_factor_that_splits_all_pairs_is_the_reason_and_not_equal_digits():
    found = judged(frame_of(arch=alternating))
    assert found.verdict == "undecided"
    assert found.sentence.endswith(
        "but no two trials of phase runs share their seed and differ "
        "only in lr, from 0.1 to 0.2: those with the same seed differ in arch too; if arch is no setting, judge with "
        "factors=['lr']; else add runs in which lr changes on its own. Claimed: decrease."
    )
    assert judged(frame_of(arch=alternating), factors=["lr"]).n == 4


@pytest.mark.parametrize(
    ("columns", "contrast", "options", "says"),
    [
        ({"run": lambda rate, seed: f"{rate}-{seed % 2}", "depth": lambda rate, seed: seed % 2}, {}, {},
         "factor lr changes only together with run, so nothing shows which has the effect; if run is no setting, judge "
         "with factors=['lr', 'depth']; else"),
        ({"gpu": alternating}, {}, {"strata": ["gpu"]},
         "if gpu is no setting, judge with factors=['lr'] and without these strata; else add runs"),
        ({"depth": lambda rate, seed: seed % 3 if rate == 0.1 else (seed + 1) % 3}, {}, {},
         "those with the same seed differ in depth too, and the phase is no two-level design to fit: depth has more "
         "than two levels; if depth is no setting, judge with factors=['lr']"),
        ({"depth": lambda rate, seed: 1 + (seed > 1) if rate == 0.1 else 1 + (seed in (1, 0))}, {"where": {"depth": 2}},
         {}, "from 0.1 to 0.2 where depth = 2: those with 0.1 have the seeds 2 and 3 and those with 0.2 have the seeds "
         "0 and 1; give runs that belong together the same seed"),
        ({"depth": lambda rate, seed: 1 + (seed > 2) if rate == 0.1 else 1 + (seed == 0)}, {"where": {"depth": 2}}, {},
         "share their seed and differ only in lr, from 0.1 to 0.2 where depth = 2, though others do; leave out where"),
    ],
)  # fmt: skip
def test_the_remedy_is_in_the_terms_of_the_call(columns, contrast, options, says):
    found = judged(frame_of(**columns), contrast, **options)
    assert found.verdict in ("undecided", "untested")
    assert says.lower() in found.sentence.lower()


def test_seeds_that_belong_to_one_level_are_named():
    frame = frame_of(depth=lambda _, seed: seed % 3)
    frame["seed"] += 10 * (frame["lr"] == 0.2)
    found = judged(frame)
    assert found.verdict == "untested"
    assert (
        "from 0.1 to 0.2: those with 0.1 have the seeds 0, 1, 2 and 3 and those with 0.2 have the seeds 10, 11, 12 and "
        "13; give runs that belong together the same seed."
    ) in found.sentence


def test_a_divergence_without_pairs_has_the_same_reason():
    claim = {"id": "d", "divergence": {"factor": "lr", "from": 0.1, "to": 0.2}, "expect": "decrease"}
    (found,) = sweeper.judge(frame_of(arch=alternating), metric="loss", claims=[claim])
    assert found.verdict == "untested"
    assert "those with the same seed differ in arch too; if arch is no setting" in found.sentence


def test_differences_that_only_rounding_makes_equal_are_not_called_equal():
    found = judged(frame_of(arch=lambda _, seed: "ab"[seed % 2]))
    assert (
        "the difference is the same within rounding with every seed in each of 2 comparisons: 2 differences, not 4"
    ) in found.sentence
