"""Studies of the fake program on Dask clusters, in this process and in processes of their own."""

import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from sweeper.execution.cluster.options import ClusterOptions
from sweeper.execution.launch import Launched, launch
from tests.sweeper.execution.slots.conftest import no_process_left
from tests.sweeper.execution.slots.studies import COMMAND, plan_of, study_of
from tests.sweeper.execution.slots.test_launcher import steps_reported

__all__ = ["no_process_left"]

pytest.importorskip("distributed", reason="the extra is not installed (pip install 'sweeper[dask]')")
pytest.importorskip("dask_jobqueue", reason="the extra is not installed (pip install 'sweeper[dask]')")

Popen = subprocess.Popen[bytes]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Dask worker takes its time to end, on a busy machine above all."""
    monkeypatch.setattr("tests.sweeper.execution.slots.conftest.PATIENCE_S", 120.0)


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """The address of a scheduler with one worker of two threads, all of it in this process."""
    from distributed import LocalCluster

    from sweeper.execution.cluster.slurm import NO_DASHBOARD

    with LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        protocol="tcp://",
        host="127.0.0.1",
        dashboard_address=None,
        scheduler_kwargs=NO_DASHBOARD,
    ) as cluster:
        yield cluster.scheduler_address


def launched_on(
    options: ClusterOptions,
    url: str,
    configs: Sequence[Mapping[str, Any]],
    *,
    steps: int = 3,
    slots: int | None = None,
    on_tick: Callable[[], None] = lambda: None,
    **changes: Any,
) -> tuple[Launched, Any]:
    """Launch a study of the fake program on a cluster, to its end; how it ended, and the pool that ran it."""
    from sweeper.execution.cluster.connect import dask_pool

    plan = plan_of(configs, steps=steps)
    study: Any = study_of(plan, **changes)
    with dask_pool(options, study, store=url, num_slots=slots) as pool:
        ended = launch(
            study,
            plan,  # type: ignore[arg-type]
            store=url,
            num_slots=slots,
            extend=False,
            on_enrolled=lambda *_: None,
            on_tick=on_tick,
            pool=pool,
            slots=pool.slots,
        )
    return ended, pool


def start(folder: Path, url: str, configs: Sequence[Mapping[str, Any]], *, steps: int, options: Sequence[str]) -> Popen:
    """`sweeper launch --engine dask` in a session of its own, as a terminal would start it."""
    trial = {"program": {"command": COMMAND}, "config": {"which": 0, **configs[0]}}
    levels = list(range(len(configs)))
    study = {
        "study": "s",
        "metric": {"name": "loss", "direction": "minimize"},
        "trial": trial,
        "resources": {"device": "cpu"},
        "factors": {"which": {"path": "which", "levels": levels}},
        "phases": [{"name": "screen", "design": "grid", "budget": {"steps": steps}}],
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(study))
    command = [sys.executable, "-m", "sweeper", "launch", str(folder / "study.yaml"), "--store", url]
    return subprocess.Popen([*command, "--engine", "dask", *options], start_new_session=True, stderr=subprocess.PIPE)


def wait_for_steps(process: Popen, url: str, number: int, timeout_s: float = 240.0) -> None:
    """Until trials have reported more than so many steps."""
    deadline = time.monotonic() + timeout_s
    while steps_reported(url) <= number:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        assert time.monotonic() < deadline, "no trial got so far"
        time.sleep(0.02)
