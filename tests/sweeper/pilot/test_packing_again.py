"""What a pilot has chosen lasts: for later launches, after a crash, and beside other programs on the GPU."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from sqlalchemy import Engine

from sweeper.errors import SweeperError
from sweeper.execution.launch import launch
from sweeper.execution.slots.cards import Card
from sweeper.execution.slots.neighbours import neighbours
from sweeper.execution.worker import work
from sweeper.pilot import packing
from sweeper.store.packings import known_packings
from tests.sweeper.pilot.fake_gpu import GB, FakeGpu
from tests.sweeper.pilot.packing_setup import GAINS, Setup


def test_a_resumed_launch_reuses_the_choice(setup: Callable[..., Setup]) -> None:
    made = setup()
    first, gpu = made.pack(FakeGpu(GAINS)), FakeGpu({1: 1.0, 2: 9.0, 4: 9.0})
    assert made.pack(gpu) == first
    assert gpu.played == []


@pytest.mark.parametrize("stop", ["stops_at", "killed_at"])
def test_a_launch_that_is_stopped_within_its_pilot_measures_only_what_is_missing(
    setup: Callable[..., Setup], stop: str
) -> None:
    made, gpu = setup(), FakeGpu(GAINS, **{stop: 4})  # type: ignore[arg-type]
    if stop == "stops_at":
        assert made.pack(gpu) is None
    else:
        with pytest.raises(KeyboardInterrupt):
            made.pack(gpu)
    assert gpu.played == [1, 2, 4]
    assert made.known.number is None
    assert "has not ended" in made.known.text
    again = FakeGpu(GAINS)
    assert len(made.pack(again) or ()) == 4
    assert again.played == [4]


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (SweeperError("the slots were killed 5 times in a row\nmore"), "the slots were killed 5 times in a row"),
        (OSError(28, "No space left on device", "/runs"), "/runs: No space left on device"),
    ],
)
def test_a_pilot_that_breaks_off_does_not_keep_the_study_from_running(
    setup: Callable[..., Setup], error: Exception, why: str
) -> None:
    made, gpu = setup(), FakeGpu(GAINS, breaks=(4, error))
    assert len(made.pack(gpu) or ()) == 2
    assert made.lines[-2] == (f"H100: the pilot stopped: {why}. 2 trials per GPU for now; the next launch continues it")
    assert made.known.number is None
    again = FakeGpu(GAINS)
    assert len(made.pack(again) or ()) == 4
    assert again.played == [4]


def test_a_pilot_that_breaks_off_at_once_leaves_one_per_gpu(setup: Callable[..., Setup]) -> None:
    made = setup()
    assert len(made.pack(FakeGpu(GAINS, breaks=(1, SweeperError("no")))) or ()) == 1
    assert known_packings(made.store, "s") == ()
    assert made.lines[-1] == "H100: 1 trial per GPU"


def test_what_a_killed_pilot_has_left_is_removed(setup: Callable[..., Setup], tmp_path: Path) -> None:
    left = tmp_path / "runs" / ".packing-left"
    left.mkdir(parents=True)
    (left / "lock").touch()
    setup().pack(FakeGpu(GAINS))
    assert list((tmp_path / "runs").iterdir()) == []


def test_another_workload_or_way_of_sharing_is_measured_again(
    setup: Callable[..., Setup], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, gpu = setup(), FakeGpu(GAINS)
    made.pack(gpu)
    monkeypatch.setattr(packing, "shares_by_mps", lambda: True)
    made.pack(gpu)
    assert gpu.played == [1, 2, 4] * 2
    assert "4 trials per GPU (under MPS)" in made.lines[-1]
    assert len(known_packings(made.store, "s")) == 2


def test_memory_that_another_program_takes_meanwhile_lowers_the_number(setup: Callable[..., Setup]) -> None:
    made = setup()
    assert len(made.pack(FakeGpu(GAINS, memory=15 * GB)) or ()) == 4
    assert len(made.pack(FakeGpu(GAINS, memory=15 * GB, used=40 * GB)) or ()) == 2
    assert "4 trials per GPU would need 60 GB, and 40 GB are free now" in made.lines[-1]
    assert made.known.number == 4


def test_a_gpu_that_another_launch_uses_is_not_measured(
    setup: Callable[..., Setup], monkeypatch: pytest.MonkeyPatch
) -> None:
    made, gpu = setup(), FakeGpu(GAINS)
    with monkeypatch.context() as patch:
        patch.setattr(packing, "crowding_now", lambda study, slots: "with another launch, GPU 0 is shared")
        assert len(made.pack(gpu) or ()) == 1
    assert "not measured now: with another launch, GPU 0 is shared" in made.lines[-1]
    assert known_packings(made.store, "s") == ()
    assert len(made.pack(gpu) or ()) == 4


def test_a_pilot_is_announced_to_other_launches_between_its_runs_too(setup: Callable[..., Setup]) -> None:
    made, gpu, seen = setup(), FakeGpu(GAINS), list[list[str]]()

    def read(gpus: Sequence[str]) -> dict[str, Card]:
        seen.append([each.study for each in neighbours() if each.gpus == {"0": 1.0}])
        return gpu.read(gpus)

    made.pack(gpu, read=read)
    assert seen[0] == []  # not yet
    assert len(seen) > len(gpu.played)
    assert all(found == ["s"] for found in seen[1:])
    assert neighbours() == []


def test_without_a_gpu_trials_run_on_the_cpu_and_the_launch_says_so(setup: Callable[..., Setup]) -> None:
    made = setup([])
    slots = made.pack(FakeGpu(GAINS))
    assert slots is not None
    assert slots[0].device == "cpu"
    assert made.lines == [
        "resources.gpus_per_trial: auto: this machine has no GPU, so there is none to share; trials run on the CPU"
    ]


def test_a_launch_whose_pilot_is_interrupted_ends_as_interrupted(setup: Callable[..., Setup]) -> None:
    made = setup()
    seen: list[int] = []

    def pack(engine: Engine, study_id: int) -> None:
        seen.append(study_id)

    def never(*_: object) -> None:
        raise AssertionError

    ended = launch(
        made.study,
        made.plan,
        store=made.store,
        num_slots=None,
        extend=False,
        on_enrolled=never,
        on_tick=never,
        pack=pack,
    )
    assert (ended.exit_code, ended.completed, ended.left) == (130, 0, 40)
    worked = work(
        made.store,
        study="s",
        num_slots=None,
        on_study=never,
        on_tick=never,
        pack=lambda engine, row: pack(engine, row.id),
    )
    assert (worked.exit_code, worked.studies) == (130, ("s",))
    assert seen == [made.study_id] * 2
