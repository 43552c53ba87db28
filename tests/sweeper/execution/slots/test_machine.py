"""Two places are one machine only where a process id means the same process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sweeper.execution.slots.machine import BOOT_FILE, identity, this_machine


def files(folder: Path, boot: str | None, namespace: str | None, installed: str | None) -> tuple[Path, Path, Path]:
    paths = folder / "boot_id", folder / f"pid-{namespace}", folder / "machine-id"
    for path, content in zip(paths, (boot, namespace, installed), strict=True):
        if content is not None:
            path.parent.mkdir(exist_ok=True)
            path.write_text(f"{content}\n")
    return paths


def identity_in(folder: Path, host: str, *contents: str | None) -> str:
    boot, namespace, installed = files(folder, *contents)
    return identity(host, boot, namespace, (installed,))


def test_containers_of_one_name_are_told_apart_by_their_namespace_and_their_boot(tmp_path: Path) -> None:
    one = identity_in(tmp_path, "trainer-0", "aaaa", "1", "image")
    assert one == identity_in(tmp_path, "trainer-0", "aaaa", "1", "image")
    assert one != identity_in(tmp_path, "trainer-0", "aaaa", "2", "image")
    assert one != identity_in(tmp_path, "trainer-0", "bbbb", "1", "image")
    assert one != identity_in(tmp_path, "trainer-1", "aaaa", "1", "image")


def test_without_proc_the_host_and_its_installation_have_to_do(tmp_path: Path) -> None:
    assert identity_in(tmp_path / "mac", "here", None, None, "installed-once") == "here/installed-once"
    assert identity_in(tmp_path / "bare", "here", None, None, None) == "here"


def test_long_names_fit_the_store(tmp_path: Path) -> None:
    assert len(identity_in(tmp_path, "h" * 300, None, None, None)) == 200


def test_the_children_of_a_process_are_on_its_machine() -> None:
    script = "from sweeper.execution.slots.machine import this_machine; print(this_machine())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == this_machine()


@pytest.mark.skipif(not BOOT_FILE.exists() or os.geteuid() != 0, reason="needs Linux, and root to make a namespace")
def test_a_process_in_a_namespace_of_its_own_is_on_another_machine() -> None:
    script = "from sweeper.execution.slots.machine import this_machine; print(this_machine())"
    command = ["unshare", "--pid", "--fork", "--mount-proc", sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no namespace can be made here: {done.stderr.strip()}")
    assert done.stdout.strip() != this_machine()
