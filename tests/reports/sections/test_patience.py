"""What is said of the compute from which on a configuration is ahead of another."""

import math
from typing import Any, cast

import numpy as np
import pytest

from reports.sections.patience import overtakes, sentence
from sweeper.evidence.claims.envelopes import ArmCurve, ComputePanel, Pair
from sweeper.evidence.statistics.envelope import Crossing, Envelope
from sweeper.spec.metric import Metric

METRIC = Metric(name="test_loss", direction="minimize", scale="linear")
KNOWN: dict[str, Any] = {"first": 100.0, "last": 3000.0, "seeds": 4, "costs": 11}


def curve(name: str) -> ArmCurve:
    nothing = Envelope(np.array([1.0]), np.array([[1.0]]))
    return ArmCurve(key=(name, ()), name=name, arm=cast(Any, None), seeds=(0,), best_cost=500.0, envelope=nothing)


def said(found: Crossing | None, *, unit: str = "steps", place: str = "") -> str:
    panel = ComputePanel(metric=METRIC, place=place, unit=unit, arms=(), curves=(), pairs=())
    return sentence(Pair(claim="c", start=curve("bare"), to=curve("decay"), crossing=found), panel)


@pytest.mark.parametrize(
    ("found", "text"),
    [
        (
            Crossing(state="overtakes", at=1000.0, low=800.0, high=1200.0, ahead=3, behind=5, is_shown=True, **KNOWN),
            "decay overtakes bare at step 1\u202f000 (95% interval 800 to 1\u202f200): 2.0 times the compute of the "
            "best length of bare.",
        ),
        (
            Crossing(
                state="overtakes", at=1000.0, low=100.0, high=1200.0, low_is_open=True, ahead=3, is_shown=True, **KNOWN
            ),
            "decay is ahead of bare from step 1\u202f200 to step 3\u202f000, the last that both were measured at. "
            "Before, nothing shows which of the two is ahead.",
        ),
        (
            Crossing(state="overtakes", at=2800.0, low=2000.0, high=3000.0, high_is_open=True, behind=9, **KNOWN),
            "At step 3\u202f000, the last that both were measured at, nothing shows that decay or bare is ahead; "
            "before, bare is ahead at 9 of 11 amounts of compute.",
        ),
        (
            Crossing(state="ahead", ahead=7, **KNOWN),
            "At step 3\u202f000, the last that both were measured at, nothing shows that decay or bare is ahead; "
            "before, decay is ahead at 7 of 11 amounts of compute.",
        ),
        (
            Crossing(state="behind", ahead=2, behind=3, **KNOWN),
            "At step 3\u202f000, the last that both were measured at, nothing shows that decay or bare is ahead; "
            "before, decay is ahead at 2 and bare is ahead at 3 of 11 amounts of compute.",
        ),
        (
            Crossing(state="ahead", **KNOWN),
            "Between step 100 and step 3\u202f000, nothing shows that decay or bare is ahead.",
        ),
        (
            Crossing(state="ahead", ahead=9, is_shown=True, **KNOWN),
            "decay is ahead of bare from step 100 to step 3\u202f000, all that both were measured at; a test shows it "
            "at 9 of 11 amounts of compute, the last among them.",
        ),
        (
            Crossing(state="ahead", ahead=11, is_shown=True, **KNOWN),
            "decay is ahead of bare from step 100 to step 3\u202f000, all that both were measured at.",
        ),
        (
            Crossing(state="behind", behind=1, is_shown=True, **KNOWN),
            "decay has not overtaken bare by step 3\u202f000, the last that both were measured at.",
        ),
        (Crossing(state="apart", seeds=4), "decay and bare were measured at no common compute."),
        (None, "decay and bare have no seed in common."),
    ],
)
def test_what_the_last_common_compute_shows_is_said_and_the_others_are_counted(
    found: Crossing | None, text: str
) -> None:
    assert said(found) == text


def test_one_seed_is_told_as_it_is() -> None:
    one: dict[str, Any] = {**KNOWN, "seeds": 1}
    found = Crossing(state="overtakes", at=1000.0, low=math.nan, high=math.nan, **one)
    assert overtakes(found)
    assert said(found).startswith("decay overtakes bare at step 1\u202f000: 2.0 times")
    assert "is ahead of bare from step 100" in said(Crossing(state="ahead", **one))


def test_the_block_and_the_unit_are_named() -> None:
    found = Crossing(state="behind", behind=1, is_shown=True, first=1e9, last=3e12, seeds=4, costs=3)
    assert said(found, unit="flops", place="corpus = ptb") == (
        "decay has not overtaken bare (corpus = ptb) by 3\u202fT FLOPs, the last that both were measured at."
    )


def test_what_is_not_shown_to_the_end_is_no_overtaking() -> None:
    is_open = Crossing(state="overtakes", at=2.0, low=1.0, high=3.0, high_is_open=True, **KNOWN)
    lost = Crossing(state="overtakes", at=2.0, low=1.0, high=3.0, ahead=1, behind=1, **KNOWN)
    assert not overtakes(is_open)
    assert not overtakes(lost)
