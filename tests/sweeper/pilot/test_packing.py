"""How many trials share a GPU, as a pilot chooses it: planted truths on a fake GPU."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from sweeper.execution.slots.cards import Card
from sweeper.execution.slots.resources import Slot
from sweeper.pilot.choice import PilotTrial
from sweeper.pilot.copies import Played
from sweeper.spec.study import Study
from sweeper.store.packings import known_packings
from sweeper.store.queue import queue
from tests.sweeper.pilot.fake_gpu import GB, STEP_S, FakeGpu
from tests.sweeper.pilot.packing_setup import GAINS, Setup


@pytest.mark.parametrize(
    ("slow", "best", "played"),
    [
        (GAINS, 4, [1, 2, 4]),
        ({1: 1.0, 2: 1.25, 4: 3.0}, 2, [1, 2, 4]),  # 4 run 1.33 times as fast
        ({1: 1.0, 2: 1.25, 4: 2.45}, 2, [1, 2, 4]),  # 4 gain 2%, which may be chance
        ({1: 1.0, 2: 2.1, 4: 1.0}, 1, [1, 2]),  # 4 is not even tried
        ({1: 1.0, 2: 1.95, 4: 1.0}, 1, [1, 2]),
    ],
)
def test_the_number_with_the_highest_throughput_is_chosen(
    setup: Callable[..., Setup], slow: Mapping[int, float], best: int, played: list[int]
) -> None:
    made, gpu = setup(), FakeGpu(slow)
    slots = made.pack(gpu)
    assert slots is not None
    assert (len(slots), {slot.device_share for slot in slots}) == (best, {1 / best})
    assert {slot.environment.get("SWEEPER_TRIALS_PER_GPU") for slot in slots} == {None if best == 1 else str(best)}
    assert gpu.played == played
    assert made.known.number == best
    assert [stage.throughput for stage in made.known.stages] == [
        pytest.approx(1.0 if number == 1 else number / slow[number]) for number in played
    ]
    if best > 1:
        assert made.known.slowdown == pytest.approx(slow[best])
        assert f"each takes {slow[best]:.2f} times as long as on its own" in made.lines[-1]


def test_runs_are_lengthened_until_they_can_be_measured(setup: Callable[..., Setup]) -> None:
    made, gpu = setup(), FakeGpu(GAINS)
    made.pack(gpu, target_s=2000.0)
    assert gpu.played == [1, 1, 2, 4]
    # 100 to 200 steps at first, 2% of a trial; then about 2,000 s of steps, over which reports span 95% of the run.
    assert gpu.lengths == [200.0, *[pytest.approx(2000 / STEP_S / 0.95, abs=1)] * 3]


def test_memory_that_would_not_fit_is_never_tried(setup: Callable[..., Setup]) -> None:
    made, gpu = setup(), FakeGpu(GAINS, memory=20 * GB)
    slots = made.pack(gpu)
    assert slots is not None
    assert len(slots) == 2
    assert gpu.played == [1, 2]
    assert made.known.stages[-1].outcome == "does_not_fit"
    assert "4 do not fit into memory (would need 80 GB, and 79 GB are free)" in made.lines[-1]


def test_memory_needs_a_margin(setup: Callable[..., Setup]) -> None:
    assert len(setup().pack(FakeGpu(GAINS, memory=int(79 * GB * 0.9 / 2) + 1)) or ()) == 1


def test_trials_that_run_out_of_memory_side_by_side_run_alone(setup: Callable[..., Setup]) -> None:
    made = setup()
    gpu = FakeGpu(
        GAINS, memory=None, used=None, total=None, ends=lambda n, _: "out_of_memory" if n > 1 else "completed"
    )
    slots = made.pack(gpu)
    assert slots is not None
    assert [slot.name for slot in slots] == ["cuda-0"]
    assert (gpu.played, made.known.number) == ([1, 2], 1)
    assert "1 trial per GPU, chosen by a pilot: 2 run out of memory" in made.lines[-1]


def test_what_the_driver_sees_counts_where_programs_report_no_memory(setup: Callable[..., Setup]) -> None:
    made, gpu = setup(), FakeGpu(GAINS, memory=None, grows=lambda number: number * 35 * GB)
    assert len(made.pack(gpu) or ()) == 2
    assert [stage.memory_bytes for stage in made.known.stages] == [35 * GB, 70 * GB, 140 * GB]


def test_memory_that_turns_out_too_large_side_by_side_counts(setup: Callable[..., Setup]) -> None:
    made = setup()
    gpu = FakeGpu(GAINS, memory=None, grows=lambda number: 76 * GB if number == 2 else 30 * GB)
    assert len(made.pack(gpu) or ()) == 1
    assert "2 do not fit into memory (took 76 GB of 79 GB that were free)" in made.lines[-1]


def test_a_trial_that_fails_side_by_side_ends_the_search_and_says_so(setup: Callable[..., Setup]) -> None:
    made = setup()
    gpu = FakeGpu(GAINS, ends=lambda number, _: "crashed" if number == 4 else "completed")
    assert len(made.pack(gpu) or ()) == 2
    assert "4 could not be measured (a run ended as crashed: what it said last)" in made.lines[-1]


def test_a_pilot_whose_trials_all_fail_leaves_one_per_gpu_with_the_reason(setup: Callable[..., Setup]) -> None:
    made = setup()
    assert len(made.pack(FakeGpu(GAINS, ends=lambda *_: "crashed")) or ()) == 1
    assert made.known.reason == (
        "a pilot of one trial at a time did not succeed: a run ended as crashed: what it said last"
    )
    assert queue.counts(made.engine, made.study_id)["waiting"] == 40  # the study's own trials are not touched


@pytest.mark.parametrize("reason", ["crashed", "out_of_memory"])
def test_a_pilot_whose_trials_failed_is_repeated_by_the_next_launch(setup: Callable[..., Setup], reason: str) -> None:
    made = setup()
    made.pack(FakeGpu(GAINS, ends=lambda *_: reason))
    spent = made.known.device_seconds
    assert len(made.pack(FakeGpu(GAINS)) or ()) == 4  # somebody has fixed the program
    assert (made.known.number, made.known.reason) == (4, "")
    assert made.known.device_seconds > spent


def test_kinds_of_trials_that_fail_alone_are_left_out(setup: Callable[..., Setup]) -> None:
    made = setup(rows="[{lr: 0.1}, {lr: 0.2}]", seeds=20)
    gpu = FakeGpu(GAINS, ends=lambda _, trial: "diverged" if trial.config["lr"] == 0.2 else "completed")
    assert len(made.pack(gpu) or ()) == 4
    assert len(made.known.alone.rates) == 1


def test_programs_without_steps_are_compared_by_the_time_of_whole_trials(setup: Callable[..., Setup]) -> None:
    made = setup()
    assert len(made.pack(FakeGpu({1: 1.0, 2: 1.25, 4: 4.0}, reports=False)) or ()) == 2
    assert made.known.throughput == pytest.approx(1.6)
    assert made.known.alone.whole


def test_programs_without_steps_that_do_not_end_run_alone_with_the_reason(setup: Callable[..., Setup]) -> None:
    made = setup()
    assert len(made.pack(FakeGpu(GAINS, reports=False, ends=lambda *_: "timeout")) or ()) == 1
    assert "the program reports no steps, and none of its runs ended in time" in made.known.reason


@pytest.mark.parametrize(("gpus", "seeds", "reason"), [(2, 2, "2 trials on 2 GPUs"), (4, 3, "3 trials on 4 GPUs")])
def test_a_study_with_a_gpu_for_each_trial_needs_no_pilot(
    setup: Callable[..., Setup], gpus: int, seeds: int, reason: str
) -> None:
    made, gpu = setup([str(number) for number in range(gpus)], seeds=seeds), FakeGpu(GAINS)
    slots = made.pack(gpu)
    assert slots is not None
    assert [slot.device_share for slot in slots] == [1.0] * gpus
    assert (gpu.played, made.known.reason) == ([], reason)


@pytest.mark.parametrize(("num_slots", "slots"), [(2, "auto"), (None, "2")])
def test_slots_that_are_limited_to_one_per_gpu_need_no_pilot(
    setup: Callable[..., Setup], num_slots: int | None, slots: str
) -> None:
    made, gpu = setup(["0", "1"], slots=slots), FakeGpu(GAINS)
    assert [slot.device for slot in made.pack(gpu, num_slots) or ()] == ["cuda:0", "cuda:1"]
    assert (gpu.played, made.known.reason) == ([], "limited to 2 slots, one per GPU")


def test_few_trials_limit_how_many_share_a_gpu(setup: Callable[..., Setup]) -> None:
    made, gpu = setup(seeds=3), FakeGpu(GAINS)
    assert len(made.pack(gpu) or ()) == 2
    assert gpu.played == [1, 2]


def test_a_study_that_is_over_sooner_than_its_pilot_is_not_measured_further(setup: Callable[..., Setup]) -> None:
    made, gpu = setup(seeds=9, steps=20), FakeGpu(GAINS)
    assert len(made.pack(gpu) or ()) == 1
    assert gpu.played == [1]
    assert made.known.reason == "9 trials take about 90 s, too little for a pilot to pay off"
    assert any(line.startswith("the pilot took ") for line in made.lines)
    made.pack(gpu)
    assert gpu.played == [1]  # nor when it is resumed


def test_cards_of_different_kinds_are_measured_apart(setup: Callable[..., Setup]) -> None:
    made = setup(["0", "1", "2"])
    large, small = FakeGpu(GAINS, kind="H100"), FakeGpu({1: 1.0, 2: 3.0, 4: 9.0}, kind="T4")

    def read(gpus: Sequence[str]) -> dict[str, Card]:
        return {gpu: (small if gpu == "1" else large).read([gpu])[gpu] for gpu in gpus}

    def run(study: Study, kinds: Sequence[tuple[str, PilotTrial]], slots: tuple[Slot, ...], *rest: object) -> Played:
        gpu = small if {slot.device for slot in slots} == {"cuda:1"} else large
        found = gpu.run(study, kinds, slots, *rest)  # type: ignore[arg-type]
        assert found is not None
        return found

    slots = made.pack(large, read=read, run=run)
    assert slots is not None
    shares = {device: [slot.device_share for slot in slots if slot.device == device] for device in ("cuda:0", "cuda:1")}
    assert shares == {"cuda:0": [0.25] * 4, "cuda:1": [1.0]}
    assert len(slots) == 9
    assert {each.card: each.number for each in known_packings(made.store, "s")} == {"H100": 4, "T4": 1}
