"""Jobs of SLURM. There is none here: what a job says is compared, and programs of SLURM's names run it here."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import dask.config
import pytest

from sweeper.errors import UsageError
from sweeper.execution.cluster import slurm
from sweeper.execution.cluster.connect import SETTINGS, dask_pool
from sweeper.execution.cluster.options import ClusterOptions
from sweeper.spec.study import Study
from tests.sweeper.execution.cluster.conftest import launched_on
from tests.sweeper.execution.slots.studies import check_each_completed_once, plan_of, study_of

SBATCH = """#!/bin/sh
# Runs the job at once, in the background, in a session of its own, as SLURM does on a node.
test "$1" = --test-only && exit
cp "$1" {folder}/job-$$.sh
setsid sh {folder}/job-$$.sh > {folder}/job-$$.out 2>&1 < /dev/null &
echo $! > {folder}/$!.job
echo "Submitted batch job $!"
"""
SCANCEL = """#!/bin/sh
mv {folder}/$1.job {folder}/$1.cancelled
kill -TERM -- "-$1"
"""
SINFO = """#!/bin/sh
echo {host}
"""


@pytest.fixture
def slurm_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Programs of SLURM's names, for a SLURM that has this machine alone; the folder where jobs leave their traces."""
    folder = tmp_path / "slurm"
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL), ("sinfo", SINFO)):
        (folder / name).write_text(text.format(folder=folder, host=socket.gethostname()))
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    with dask.config.set({**SETTINGS, "jobqueue.slurm.memory": "1GB", "jobqueue.slurm.interface": "lo"}):
        yield folder


def study_with(**resources: Any) -> Study:
    study = study_of(plan_of([{"value": 0.5}]))
    return replace(study, resources=replace(study.resources, **resources))


def test_a_job_is_what_the_configuration_says_and_the_study_asks_for(slurm_here: Path) -> None:
    changes = {"queue": "gpu", "walltime": "04:00:00", "job-extra-directives": ["--nice=10"]}
    with dask.config.set({f"jobqueue.slurm.{key}": value for key, value in changes.items()}):
        options = slurm.job_options(study_with(device="cuda", gpus_per_trial=0.5, threads_per_trial=4))
        with slurm.cluster_of(options) as cluster:
            script = cluster.job_script().splitlines()
    assert [line.removeprefix("#SBATCH ") for line in script if line.startswith("#SBATCH")] == [
        "-J sweeper-s",
        "-p gpu",
        "-n 1",
        "--cpus-per-task=8",
        "--mem=954M",
        "-t 04:00:00",
        "--nice=10",
        "--gres=gpu:1",
    ]
    assert f"{sys.executable} -P -m distributed.cli.dask_worker tcp://127.0.0.1:" in script[-1]
    assert "--nthreads 8" in script[-1]


def test_schedulers_of_one_machine_do_not_want_the_same_port(slurm_here: Path) -> None:
    options = slurm.job_options(study_with())
    with slurm.cluster_of(options) as first, slurm.cluster_of(options) as second:
        ports = {cluster.scheduler.http_server.port for cluster in (first, second)}
        assert first.scheduler.http_server.address == "127.0.0.1"
    assert len(ports) == 2


def test_an_interpreter_that_is_configured_is_kept(slurm_here: Path) -> None:
    with dask.config.set({"jobqueue.slurm.python": "/opt/bin/python"}):
        options = slurm.job_options(study_with())
        assert not slurm.runs_this_interpreter()
        with slurm.cluster_of(options) as cluster:
            assert "/opt/bin/python -m distributed.cli.dask_worker" in cluster.job_script()


def test_a_dashboard_that_is_configured_is_kept(slurm_here: Path) -> None:
    with dask.config.set({"jobqueue.slurm.scheduler-options": {"dashboard_address": ":8790"}}):
        assert slurm.job_options(study_with())["scheduler_options"] == {"dashboard_address": ":8790"}


def test_memory_must_be_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    with dask.config.set({"jobqueue.slurm.memory": None}), pytest.raises(UsageError, match=r"jobqueue\.slurm\.memory"):
        slurm.job_options(study_with())


@pytest.mark.parametrize(
    ("directives", "resources", "slots"),
    [
        (["--gres=gpu:a100:2"], {"device": "auto"}, 2),
        (["--gres=gpu:2,tmp:5"], {"device": "auto", "gpus_per_trial": 0.5}, 4),
        (["--gpus-per-task=2"], {"device": "auto", "gpus_per_trial": 2.0}, 1),
        (["-G 1"], {"device": "auto"}, 1),
        (["--gres=gpu"], {"device": "auto"}, 1),
        (["--gres=gpu:2"], {"device": "cpu", "threads_per_trial": 4}, 2),
        (["--exclusive"], {"device": "auto", "threads_per_trial": 3}, 2),
    ],
)
def test_a_job_carries_slots_by_its_gpus_or_its_threads(
    directives: list[str], resources: dict[str, Any], slots: int
) -> None:
    settings = {"cores": 8, "processes": 1, "memory": "8GB", "job-extra-directives": directives}
    with dask.config.set({f"jobqueue.slurm.{key}": value for key, value in settings.items()}):
        study = study_with(**resources)
        assert slurm.slots_of_a_job(study.resources, slurm.job_options(study)) == slots


def test_without_sbatch_there_is_nothing_to_submit_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(UsageError, match="--dask-slurm: sbatch was not found on this machine"):
        slurm.cluster_of({})


def test_a_job_that_slurm_refuses_is_told_with_slurm_s_words(slurm_here: Path, url: str) -> None:
    (slurm_here / "sbatch").write_text("#!/bin/sh\necho 'sbatch: error: invalid partition specified: x' >&2\nexit 1\n")
    pool = dask_pool(ClusterOptions(slurm_jobs=1), study_with(), store=url, num_slots=None)
    with pytest.raises(UsageError, match="SLURM refuses the job: sbatch: error: invalid partition") as told, pool:
        pass
    assert "set queue, account, walltime or memory of jobqueue.slurm in Dask's configuration" in str(told.value)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (
            "echo 'sbatch: error: invalid partition: x' >&2; echo 'sbatch: error: No.' >&2; exit 1",
            "sbatch: error: invalid partition: x; sbatch: error: No",
        ),
        ("exit 3", "Command exited with non-zero exit code.; Exit code: 3"),
        ("echo Not now", "Could not parse job id from submission command output."),
    ],
)
def test_a_job_keeps_what_sbatch_said(said: str, words: str, slurm_here: Path) -> None:
    (slurm_here / "sbatch").write_text(f"#!/bin/sh\n{said}\n")
    with slurm.cluster_of(slurm.job_options(study_with())) as cluster:
        job = cluster._dummy_job
        with pytest.raises((RuntimeError, ValueError)):
            asyncio.run(job.start())
    assert job.job_id is None
    assert job.refusal.startswith(words)


@pytest.mark.usefixtures("sqlite_only")
def test_a_file_as_the_store_is_refused_where_slurm_has_other_machines(slurm_here: Path, url: str) -> None:
    (slurm_here / "sinfo").write_text("#!/bin/sh\necho node1\necho node2\n")
    pool = dask_pool(ClusterOptions(slurm_jobs=1), study_with(), store=url, num_slots=None)
    with pytest.raises(UsageError, match=r"is a file on this machine .* --store postgresql://"), pool:
        pass


@pytest.mark.usefixtures("no_process_left")
def test_jobs_run_a_study_and_are_cancelled_at_its_end(slurm_here: Path, url: str) -> None:
    ended, pool = launched_on(ClusterOptions(slurm_jobs=1), url, [{"value": 0.5}] * 2)
    assert (ended.exit_code, ended.completed, ended.left) == (0, 2, 0)
    assert pool.where == "Dask, 1 SLURM job"
    check_each_completed_once(url, 2, 3)
    assert len(list(slurm_here.glob("*.cancelled"))) == 1
    assert not list(slurm_here.glob("*.job"))


def test_an_interrupt_does_not_wait_for_jobs_that_wait_in_slurm_s_queue(slurm_here: Path, url: str) -> None:
    (slurm_here / "sbatch").write_text("#!/bin/sh\necho Submitted batch job 7\n")
    (slurm_here / "scancel").write_text(f"#!/bin/sh\necho $1 >> {slurm_here}/cancelled\n")
    interrupts = iter([signal.SIGINT])

    def interrupt_once() -> None:
        for number in interrupts:
            os.kill(os.getpid(), number)

    ended, pool = launched_on(ClusterOptions(slurm_jobs=2), url, [{"value": 0.5}], on_tick=interrupt_once)
    assert (ended.exit_code, ended.left) == (130, 1)
    assert pool.where == "Dask, 2 SLURM jobs"
    assert set((slurm_here / "cancelled").read_text().split()) == {"7"}
