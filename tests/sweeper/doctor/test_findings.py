"""The doctor's findings and their remedies."""

import os
import sqlite3
import sys
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine

from sweeper.doctor import devices, versions
from sweeper.doctor.corpora import check_data, corpus_findings
from sweeper.doctor.devices import check_gpus, gpu_finding, torch_finding
from sweeper.doctor.disks import check_disk, network_kind, space_finding
from sweeper.doctor.findings import GIB, MIB, Finding, is_healthy, size_text
from sweeper.doctor.stores import check_clock, check_store
from sweeper.doctor.versions import check_versions, compare, compare_extras
from sweeper.extras import EXTRAS
from sweeper.store.queue import queue
from tests.sweeper.store.builders import enrolled, levels, phase
from trainer.config import hardware


def installed(versions: dict[str, str]) -> object:
    def find(name: str) -> str:
        if name not in versions:
            raise PackageNotFoundError(name)
        return versions[name]

    return find


def test_missing_and_old_packages_are_reported_with_the_command_that_fixes_them() -> None:
    found = compare(["numpy>=2.4", "optuna>=5,<6", "click>=8", "dask; extra == 'dask'"],
                    installed({"numpy": "1.26", "click": "8.5"}))  # type: ignore[arg-type]  # fmt: skip
    assert [(each.state, each.says, each.remedy) for each in found] == [
        (
            "wrong",
            "numpy 1.26 is installed, but >=2.4 is needed",
            "pip install 'numpy>=2.4', or uv pip install 'numpy>=2.4'",
        ),
        ("wrong", "optuna is not installed", "pip install 'optuna<6,>=5', or uv pip install 'optuna<6,>=5'"),
    ]


def test_extras_are_listed_with_their_versions_and_nothing_about_them_is_wrong() -> None:
    wanted = ["numpy>=2", *(f"{name}; extra == '{extra}'" for name, extra in (
        ("torch>=2", "trainer"), ("tokenizers", "trainer"), ("pyarrow>=20", "parquet"),
        ("psycopg", "postgresql"), ("optuna-dashboard", "dashboard"), ("dask", "dask"), ("scikit-learn", "importance"),
    ))]  # fmt: skip
    versions = {"numpy": "2.4", "torch": "2.13.0", "pyarrow": "14.0", "psycopg": "3.3", "dask": "2026.8"}
    found = compare_extras(wanted, installed(versions))  # type: ignore[arg-type]
    assert [(each.state, each.says) for each in found] == [
        ("note", "trainer: tokenizers is not installed"),
        ("note", "parquet: pyarrow 14.0 is installed, but >=20 is needed"),
        ("ok", "dask: dask 2026.8"),
        ("ok", "postgresql: psycopg 3.3"),
        (
            "note",
            f"not installed: importance ({EXTRAS['importance'].purpose}), dashboard (sweeper dashboard)",
        ),
    ]
    assert "pip install 'sweeper[trainer]'" in found[0].remedy
    assert found[0].remedy.endswith(f", or uv pip install --python {sys.prefix} 'sweeper[trainer]'")
    assert found[-1].remedy.startswith("If you need one: Install the extra: pip install 'sweeper[importance]'")


def test_the_packages_of_this_environment_satisfy_the_requirements() -> None:
    assert is_healthy(check_versions())


def test_a_checkout_that_is_not_installed_is_noted_with_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "requires", installed({}))
    python, found = check_versions()
    assert python.state == "ok"
    assert (found.state, found.remedy) == ("note", "pip install ., or uv pip install .")


def test_a_python_that_is_too_old_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions.sys, "version_info", (3, 10, 4, "final", 0))
    found = check_versions()[0]
    assert (found.state, found.says) == ("wrong", "Python 3.10.4 is too old")


def test_a_gpu_that_others_use_is_noted() -> None:
    assert gpu_finding("0, NVIDIA H100, 81559, 4").state == "ok"
    busy = gpu_finding("1, NVIDIA H100, 81559, 40000")
    assert busy.state == "note"
    assert "39.1 GiB of it used" in busy.says
    assert gpu_finding("0, NVIDIA GB10, [N/A], [N/A]").state == "ok"


@pytest.mark.parametrize(
    ("seen", "version", "state", "words"),
    [
        ("2", "2.13.0", "ok", ""),
        ("0", "2.13.0+cpu", "wrong", "make setup TORCH=cuda"),
        (None, "2.13.0", "wrong", "driver"),
        ("1", "2.13.0", "wrong", "driver"),
    ],
)
def test_pytorch_must_see_the_gpus(seen: str | None, version: str, state: str, words: str) -> None:
    found = torch_finding(2, seen, version)
    assert found.state == state
    assert words in found.remedy


NVIDIA_SMI = """#!/bin/sh
case "$1" in
  -L) printf 'GPU 0: NVIDIA H100 (UUID: GPU-a)\\nGPU 1: NVIDIA H100 (UUID: GPU-b)\\n' ;;
  *) printf '0, NVIDIA H100, 81559, 4\\n1, NVIDIA H100, 81559, 40000\\n2, NVIDIA H100, 81559, 4\\n' ;;
esac
"""


def test_gpus_are_those_that_nvidia_smi_lists_and_pytorch_must_see_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text(NVIDIA_SMI)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "PROBE", "print(1)")  # importing PyTorch takes seconds
    found = check_gpus()
    assert [each.state for each in found] == ["ok", "note", "wrong"]
    assert "GPU 1: NVIDIA H100" in found[1].says
    assert "sees 1 of 2 GPUs" in found[2].says


def test_without_nvidia_smi_s_answer_there_is_no_gpu(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "nvidia-smi"
    program.write_text("#!/bin/sh\necho 'Failed to initialize NVML'\nexit 9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (found,) = check_gpus()
    assert found.says.startswith("no GPU; trials run on ")


@pytest.mark.parametrize(
    ("flag", "end"),
    [(None, ""), ("amx_bf16", ", whose amx_bf16 makes the trainer's `precision: mixed` the faster one")],
)
def test_a_cpu_that_multiplies_in_bf16_is_said_to(monkeypatch: pytest.MonkeyPatch, flag: str | None, end: str) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.setattr(hardware, "bf16_flag", lambda: flag)
    monkeypatch.setattr(devices, "available_cores", lambda: 4)
    assert check_gpus()[0].says == f"CUDA_VISIBLE_DEVICES hides all GPUs; trials run on 4 CPU cores{end}"


def test_hidden_gpus_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert check_gpus()[0].says.startswith("CUDA_VISIBLE_DEVICES hides all GPUs")


@pytest.mark.parametrize(
    ("free", "files", "state"),
    [(GIB // 2, 10**6, "wrong"), (20 * GIB, 12, "wrong"), (5 * GIB, None, "note"), (20 * GIB, 10**6, "ok")],
)  # fmt: skip
def test_a_full_disk_is_wrong(free: int, files: int | None, state: str) -> None:
    assert space_finding(Path("/runs"), free, files).state == state


def test_each_disk_is_reported_once_also_for_directories_that_do_not_exist_yet(tmp_path: Path) -> None:
    found = check_disk([tmp_path, tmp_path / "later" / "runs"])
    assert len(found) == 1
    assert list(tmp_path.iterdir()) == []


def test_network_file_systems_are_recognized(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    mount = SimpleNamespace(mountpoint=str(tmp_path.resolve()), fstype="nfs4")
    monkeypatch.setattr("psutil.disk_partitions", lambda all: [mount])
    assert network_kind(tmp_path / "later") == "nfs4"
    mount.fstype = "ext4"
    assert network_kind(tmp_path) is None


def test_a_store_that_does_not_exist_yet_is_ok(tmp_path: Path) -> None:
    found = check_store(f"sqlite:///{tmp_path}/none.db")
    assert [each.state for each in found] == ["ok"]
    assert list(tmp_path.iterdir()) == []


def test_a_store_in_a_missing_directory_is_wrong_and_has_a_remedy(tmp_path: Path) -> None:
    (found,) = check_store(f"sqlite:///{tmp_path}/no/store.db")
    assert found.state == "wrong"
    assert f"{tmp_path}/no does not exist" in found.says
    assert found.remedy


def test_a_password_in_a_store_s_url_is_hidden() -> None:
    (found,) = check_store("mysql://me:secret@host/db")
    assert found.state == "wrong"
    assert "secret" not in str(found)


def test_a_damaged_store_is_found(url: str, engine: Engine) -> None:
    if not url.startswith("sqlite"):
        pytest.skip("only a file can be damaged")
    enrolled(engine, phase("screen", levels(40)))
    engine.dispose()
    path = Path(url.removeprefix("sqlite:///"))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 4096 * 4096
    content[middle : middle + 40 * 4096] = os.urandom(40 * 4096)
    path.write_bytes(content)
    assert not is_healthy(check_store(url))


def test_the_number_of_studies_in_the_store_is_reported(url: str, engine: Engine) -> None:
    enrolled(engine, phase("screen", levels(2)))
    assert [each.state for each in check_store(url)] == ["ok"]
    assert check_store(url)[0].says.endswith(": 1 study")


def test_a_clock_behind_the_store_s_is_wrong(url: str, engine: Engine) -> None:
    study_id = enrolled(engine, phase("screen", levels(2))).study_id
    now = time.time()
    queue.register_runner(engine, study_id, host="there", pid=1, pid_started_at=0.0, slots=1, now=now)
    assert is_healthy(check_clock(url, lambda: now))
    if url.startswith("sqlite"):  # otherwise the server's own clock is compared
        (found,) = check_clock(url, lambda: now - 600)
        assert "600 s" in found.says
        assert not is_healthy([found])


def test_without_a_store_a_plausible_clock_is_ok(tmp_path: Path) -> None:
    (found,) = check_clock(f"sqlite:///{tmp_path}/none.db")
    assert found.says == "plausible; there is no store to compare it with"
    assert is_healthy([found])


def test_a_store_on_a_network_file_system_is_wrong(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("sweeper.doctor.stores.network_kind", lambda folder: "nfs4")
    found, none_yet = check_store(f"sqlite:///{tmp_path}/store.db")
    assert (found.state, none_yet.state) == ("wrong", "ok")
    assert "network file system (nfs4), where SQLite's locks are not safe" in found.says
    assert "PostgreSQL" in found.remedy


def test_a_clock_of_another_century_is_wrong(tmp_path: Path) -> None:
    (found,) = check_clock(f"sqlite:///{tmp_path}/none.db", lambda: 12.0)
    assert found.says == "the date is 1970-01-01"


def test_corpora_that_are_missing_are_notes_and_altered_ones_are_wrong() -> None:
    found = {each.says: each for each in corpus_findings({"ptb": ["data/ptb", "its MD5 is 0"]})}
    assert found["its MD5 is 0"].state == "wrong"
    assert found["its MD5 is 0"].remedy == "Move data/ptb elsewhere, then: sweeper data fetch ptb"
    assert found["wikitext-2 is not installed"].state == "note"
    assert found["pydocs is built in"].state == "ok"


def test_the_trainer_checks_its_corpora(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "ptb").mkdir()
    for part in ("train", "valid", "test"):
        (tmp_path / "ptb" / f"{part}.txt").write_text("not the treebank\n")
    monkeypatch.setenv("SWEEPER_DATA", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    found = [each for each in check_data() if each.state == "wrong"]
    assert len(found) == 1
    assert "MD5" in found[0].says


def test_sizes_are_in_mib_and_gib() -> None:
    assert [size_text(3 * GIB), size_text(7 * MIB)] == ["3.0 GiB", "7 MiB"]
    assert not is_healthy([Finding("disk", "wrong", "full")])
