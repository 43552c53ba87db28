"""How many trials per GPU are chosen from the stages of a pilot, and how that choice is reported."""

from dataclasses import replace

import pytest

from sweeper.forecast.packing import Outcome, Packing, Stage, best_number, next_number, unfit

PACKING = Packing(card="H100", threads=1, sharing="processes", workload="w", host="h")


def stages(*throughputs: float | Outcome) -> tuple[Stage, ...]:
    return tuple(
        Stage(number=number, outcome="measured", throughput=found)
        if not isinstance(found, str)
        else Stage(number=number, outcome=found, note="why")
        for number, found in zip((1, 2, 4), throughputs, strict=False)
    )


@pytest.mark.parametrize(
    ("known", "most", "following", "best"),
    [
        (stages(), 4, 1, 1),
        (stages(1.0), 4, 2, 1),
        (stages(1.0), 1, None, 1),
        (stages(1.0, 1.6), 4, 4, 2),
        (stages(1.0, 1.6), 3, None, 2),
        (stages(1.0, 1.04), 4, None, 1),
        (stages(1.0, 1.6, 1.7), 4, None, 4),
        (stages(1.0, 1.6, 1.65), 4, None, 2),
        (stages(1.0, 1.6, 2.0), 2, None, 2),
        (stages(1.0, "out_of_memory"), 4, None, 1),
        (stages("failed"), 4, None, 1),
        (stages(1.0, 1.6, "does_not_fit"), 4, None, 2),
    ],
)
def test_larger_numbers_are_measured_as_long_as_they_gain(
    known: tuple[Stage, ...], most: int, following: int | None, best: int
) -> None:
    assert next_number(known, most=most) == following
    assert best_number(known, most=most) == best


def test_memory_is_judged_by_one_trial_with_a_margin() -> None:
    alone = (Stage(number=1, outcome="measured", throughput=1.0, memory_bytes=450),)
    assert unfit(2, alone, 1000) is None
    found = unfit(2, alone, 999)
    assert found is not None
    assert found.outcome == "does_not_fit"
    assert unfit(4, alone, None) is None
    assert unfit(4, stages(1.0), 1000) is None


@pytest.mark.parametrize(
    ("number", "known", "told"),
    [
        (
            2,
            stages(1.0, 1.6, "out_of_memory"),
            "H100: 2 trials per GPU, chosen by a pilot: together they run 1.60 times as fast as one, and each takes "
            "1.25 times as long as on its own; 4 run out of memory",
        ),
        (1, stages(1.0, 0.9), "H100: 1 trial per GPU, chosen by a pilot: 2 run 0.90 times as fast as one"),
        (1, stages(1.0, "failed"), "H100: 1 trial per GPU, chosen by a pilot: 2 could not be measured (why)"),
        (None, stages(1.0), "H100: a pilot that chooses the number of trials per GPU has not ended"),
    ],
)
def test_the_choice_is_told_with_its_measurements(number: int | None, known: tuple[Stage, ...], told: str) -> None:
    assert replace(PACKING, number=number, stages=known).text == told


def test_a_choice_without_a_measurement_has_a_reason() -> None:
    assert replace(PACKING, number=1, reason="2 trials on 2 GPUs").text == "H100: 1 trial per GPU: 2 trials on 2 GPUs"
    assert replace(PACKING, number=1, reason="x").slowdown is None
    assert replace(PACKING, number=2, stages=stages(1.0, 0.0)).slowdown is None  # of an edited archive
