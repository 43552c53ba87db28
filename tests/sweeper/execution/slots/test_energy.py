"""Energy over an attempt, from fake counters: a fake /sys/class/powercap and a fake library of the driver."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sweeper.execution.slots import energy
from sweeper.execution.slots.energy import Meter, gpu_counters, meter_for, packages
from sweeper.execution.slots.nvml import Nvml
from sweeper.execution.slots.resources import Slot
from sweeper.store.records import Energy


@dataclass
class Clock:
    now: float = 0.0

    def __call__(self) -> float:
        return self.now


def zone(folder: Path, name: str, label: str, microjoules: int, largest: int = 262_143_328_850) -> Path:
    path = folder / name
    path.mkdir(parents=True)
    (path / "name").write_text(f"{label}\n")
    (path / "energy_uj").write_text(f"{microjoules}\n")
    (path / "max_energy_range_uj").write_text(f"{largest}\n")
    return path


def test_packages_count_and_their_parts_do_not(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    zone(tmp_path, "intel-rapl:0:0", "core", 1)
    zone(tmp_path, "intel-rapl:1", "package-1", 7_000_000)
    zone(tmp_path, "intel-rapl:2", "psys", 1)
    zone(tmp_path, "intel-rapl-mmio:0", "package-0", 1)
    found = packages(tmp_path)
    assert [package.read() for package in found] == [5.0, 7.0]
    assert [package.wraps_at for package in found] == [262143.32885] * 2


@pytest.mark.parametrize("content", [None, "", "many\n"])
def test_what_cannot_be_read_is_unknown_and_not_guessed(tmp_path: Path, content: str | None) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 5_000_000)
    other = zone(tmp_path, "intel-rapl:1", "package-1", 7_000_000) / "energy_uj"
    other.unlink()
    if content is not None:
        other.write_text(content)
    assert packages(tmp_path) == ()
    assert packages(tmp_path / "nothing") == ()
    assert Meter(packages(tmp_path)).joules is None


def test_a_meter_adds_up_differences_over_all_packages(tmp_path: Path) -> None:
    paths = [zone(tmp_path, f"intel-rapl:{place}", f"package-{place}", 0) / "energy_uj" for place in range(2)]
    clock = Clock()
    meter = Meter(packages(tmp_path), clock)
    for step in (1, 2, 3):
        clock.now += 10
        for place, path in enumerate(paths):
            path.write_text(str(step * (place + 1) * 1_000_000))
        meter.sample()
    assert meter.joules == 3.0 + 6.0


def test_a_counter_that_wraps_around_goes_on(tmp_path: Path) -> None:
    path = zone(tmp_path, "intel-rapl:0", "package-0", 90_000_000, largest=100_000_000) / "energy_uj"
    clock = Clock()
    meter = Meter(packages(tmp_path), clock)
    for microjoules, joules in ((95_000_000, 5.0), (3_000_000, 13.0), (99_000_000, 109.0), (1, 110.000001)):
        clock.now += 0.05
        path.write_text(str(microjoules))
        meter.sample()
        assert meter.joules == pytest.approx(joules)


def test_after_a_silence_in_which_it_may_have_wrapped_twice_nothing_is_known(tmp_path: Path) -> None:
    zone(tmp_path, "intel-rapl:0", "package-0", 0)
    clock = Clock()
    meter = Meter(packages(tmp_path), clock)
    clock.now += 170
    meter.sample()
    assert meter.joules == 0.0
    clock.now += 175
    meter.sample()
    assert meter.joules is None


def test_a_counter_that_becomes_unreadable_makes_the_energy_unknown(tmp_path: Path) -> None:
    path = zone(tmp_path, "intel-rapl:0", "package-0", 0) / "energy_uj"
    meter = Meter(packages(tmp_path))
    path.unlink()
    meter.sample()
    assert meter.joules is None
    path.write_text("5")
    meter.sample()
    assert meter.joules is None


@dataclass
class FakeLibrary:
    """NVML as the driver's library has it: handles are numbers of GPUs, and codes other than 0 are errors."""

    millijoules: dict[int, int] = field(default_factory=lambda: {0: 1_000, 1: 50_000})
    uuids: dict[bytes, int] = field(default_factory=lambda: {b"GPU-abc": 1})
    code: int = 0

    def nvmlDeviceGetHandleByIndex_v2(self, index: Any, handle: Any) -> int:
        return self._found(index.value, handle)

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes, handle: Any) -> int:
        return self._found(self.uuids.get(uuid, -1), handle)

    def _found(self, index: int, handle: Any) -> int:
        handle._obj.value = index + 1  # a handle of 0 is None
        return 0 if index in self.millijoules else 6

    def nvmlDeviceGetTotalEnergyConsumption(self, handle: ctypes.c_void_p, millijoules: Any) -> int:
        assert handle.value is not None
        millijoules._obj.value = self.millijoules[handle.value - 1]
        return self.code


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeLibrary]:
    found = FakeLibrary()
    monkeypatch.setattr(energy, "nvml", lambda: Nvml(found))  # type: ignore[arg-type]
    yield found


@pytest.mark.parametrize(("device", "joules"), [("cuda:0", 2.0), ("cuda:GPU-abc", 3.0), ("cuda:0,1", 5.0)])
def test_gpus_are_metered_by_index_and_by_uuid(library: FakeLibrary, device: str, joules: float) -> None:
    meter = Meter(gpu_counters(device))
    library.millijoules = {0: 3_000, 1: 53_000}
    meter.sample()
    assert meter.joules == joules


@pytest.mark.parametrize("device", ["cpu", "cuda:7", "cuda:GPU-none", "cuda:MIG-1", "cuda:0,7", "cuda:0,MIG-1"])
def test_a_device_without_a_counter_of_its_own_is_not_metered(library: FakeLibrary, device: str) -> None:
    assert gpu_counters(device) == ()


def test_gpus_that_count_no_energy_and_drivers_that_are_loaded_anew_are_unknown(library: FakeLibrary) -> None:
    meter = Meter(gpu_counters("cuda:0"))
    library.millijoules[0] = 10
    meter.sample()
    assert meter.joules is None
    library.code = 3  # not supported
    assert gpu_counters("cuda:0") == ()


def test_without_the_driver_nothing_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sweeper.execution.slots.nvml.LIBRARY", "libno-such-driver.so.1")
    energy.nvml.cache_clear()
    assert gpu_counters("cuda:0") == ()
    energy.nvml.cache_clear()


def test_a_slot_of_several_nodes_is_not_metered(library: FakeLibrary) -> None:
    meter = meter_for(Slot(name="nodes-0", device="cuda:0", prefix=("srun",)))
    meter.sample()
    assert meter.energy == Energy()
