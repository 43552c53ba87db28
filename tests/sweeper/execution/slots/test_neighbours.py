"""Several launchers on one machine know of each other, and say where they take more than it has."""

from dataclasses import replace
from pathlib import Path

import pytest

from sweeper.execution.slots import neighbours as neighbours_module
from sweeper.execution.slots.neighbours import (
    Neighbour,
    announced,
    crowding,
    crowding_now,
    neighbour_of,
    neighbours,
)
from sweeper.execution.slots.resources import Slot


def on_gpus(*names: str, share: float = 1.0) -> list[Slot]:
    return [
        Slot(name=f"cuda-{name}", device=f"cuda:{name}", device_share=share, environment={"CUDA_VISIBLE_DEVICES": name})
        for name in names
    ]


def on_cores(number: int, threads: int = 1) -> list[Slot]:
    return [Slot(name=f"cpu-{place}", device="cpu", threads=threads) for place in range(number)]


def told(mine: list[Slot], theirs: list[Slot], cores: int = 4) -> str | None:
    return crowding(neighbour_of("mine", mine), [neighbour_of("theirs", theirs)], cores)


def test_an_announcement_lasts_as_long_as_its_slots(tmp_path: Path) -> None:
    me = neighbour_of("s", [*on_gpus("0,1", share=2.0), *on_cores(2, threads=3)])
    assert me.gpus == {"0": 1.0, "1": 1.0}
    assert me.threads == 6
    with announced(me, tmp_path / "slots"):
        assert neighbours(tmp_path / "slots") == [me]
    assert neighbours(tmp_path / "slots") == []


def test_a_process_is_one_neighbour_and_none_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours_module, "_directory", lambda: tmp_path)
    mine, theirs = neighbour_of("s", on_gpus("0")), replace(neighbour_of("other", on_gpus("0")), pid=1)
    with announced(mine), announced(replace(mine, slots=2)):
        assert [each.pid for each in neighbours()] == [mine.pid]
        assert crowding_now("s", on_gpus("0")) is None
        with announced(theirs):
            assert "with another launch on this machine" in (crowding_now("s", on_gpus("0")) or "")
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_process_left_is_removed(tmp_path: Path) -> None:
    (tmp_path / "7-1.json").write_text("{}")
    assert neighbours(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_written_nothing_is_announced(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with announced(Neighbour(1, "s", 1, {}, 1), tmp_path / "file"):
        assert neighbours(tmp_path / "file") == []


def test_a_gpu_that_two_launchers_take_is_told() -> None:
    says = told(on_gpus("0", "1"), on_gpus("1", "2"))
    assert says is not None
    assert "with another launch on this machine, GPU 1 is shared" in says
    assert "`sweeper doctor` lists launches" in says


def test_shares_that_fit_one_gpu_are_nobody_s_business() -> None:
    assert told(on_gpus("0", share=0.5), on_gpus("0", share=0.5)) is None
    assert told(on_gpus("0", share=1 / 3), on_gpus("0", "0", share=1 / 3)) is None
    assert told(on_gpus("0", share=0.5), on_gpus("0", "0", share=0.5)) is not None
    assert told(on_gpus("0"), on_gpus("1")) is None


def test_more_threads_than_cores_are_told_once_they_are_of_two_launchers() -> None:
    says = told(on_cores(2, threads=2), on_cores(1))
    assert says is not None
    assert "with another launch, 5 threads on 4 cores" in says
    assert "theirs" not in says
    many = [neighbour_of(f"study-{place}", on_cores(1)) for place in range(10)]
    short = crowding(neighbour_of("mine", on_cores(1)), many, 4)
    assert short is not None
    assert "with 10 other launches, 11 threads on 4 cores" in short
    assert len(short) < 160
    assert told(on_cores(2), on_cores(2)) is None
    assert crowding(neighbour_of("mine", on_cores(9)), [], 4) is None
