"""Jobs of SLURM that it refuses, or that die before their worker joins: submitted again, and in the end given up."""

import math
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sweeper.errors import SweeperError
from sweeper.execution.cluster import lost_jobs, slurm
from sweeper.execution.cluster.lost_jobs import MOST_RETRIES, Jobs
from sweeper.execution.cluster.options import ClusterOptions
from tests.sweeper.execution.cluster.conftest import launched_on
from tests.sweeper.execution.cluster.test_slurm import SBATCH, slurm_here
from tests.sweeper.execution.slots.studies import check_each_completed_once, trials_of

__all__ = ["slurm_here"]

HEADER = "#SBATCH -J sweeper-s\n#SBATCH -n 1"
# A job that dies is a job all the same for SLURM.
BROKEN_SBATCH = """#!/bin/sh
test "$1" = --test-only && exit
echo >> {folder}/broken
echo "Submitted batch job 1000$(wc -l < {folder}/broken)"
"""
REFUSAL = "sbatch: error: Batch job submission failed: Invalid account or account/partition combination specified"
REFUSING_SBATCH = f"""#!/bin/sh
test "$1" = --test-only && exit
echo >> {{folder}}/refused
echo "{REFUSAL}" >&2
exit 1
"""
SQUEUE = """#!/bin/sh
for word; do case "$word" in --jobs=*) jobs=$(echo "${{word#--jobs=}}" | tr , ' '); esac; done
for job in $jobs; do grep -qs '^State:.*[RSD] (' /proc/$job/status && echo "$job"; done
true
"""


class Cluster:
    """As much of dask-jobqueue's cluster as is needed: jobs by name, and a new number for each that SLURM takes."""

    def __init__(self, *, room: float = math.inf, refusal: str = REFUSAL) -> None:
        self.job_header = HEADER
        self.workers: dict[str, Any] = {}
        self.scheduler_info: dict[str, Any] = {"workers": {}}
        self.submitted = 0
        self.room = room  # jobs that SLURM takes at a time
        self.refusal = refusal
        self.refused = 0

    def scale(self, jobs: int) -> None:
        for place in range(jobs):
            if f"c-{place}" in self.workers:
                continue
            if sum(job.job_id is not None for job in self.workers.values()) >= self.room:
                self.refused += 1
                self.workers[f"c-{place}"] = SimpleNamespace(job_id=None, refusal=self.refusal)
            else:
                self.submitted += 1
                self.workers[f"c-{place}"] = SimpleNamespace(job_id=str(self.submitted), refusal="")

    def join(self, *names: str) -> None:
        self.scheduler_info["workers"] = {f"tcp://{name}": {"name": name} for name in names}


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """What SLURM has in its queue."""
    queued: set[str] = set()
    monkeypatch.setattr(lost_jobs, "in_queue", lambda jobs, header: frozenset(jobs) & queued)
    return queued


def looks(jobs: Jobs, number: int) -> None:
    for _ in range(number):
        jobs.maintain()


def test_a_job_that_waits_or_runs_is_no_lost_one(queue: set[str]) -> None:
    queue |= {"1", "2"}
    looks(Jobs(cluster := Cluster(), 2), 10)
    assert cluster.submitted == 2


def test_a_lost_job_is_submitted_again_and_its_log_is_named(queue: set[str], caplog: pytest.LogCaptureFixture) -> None:
    queue |= {"2", "3"}
    jobs = Jobs(cluster := Cluster(), 2)
    looks(jobs, 2)
    assert cluster.submitted == 2  # the first look may have come too early
    looks(jobs, 5)
    assert {name: job.job_id for name, job in cluster.workers.items()} == {"c-0": "3", "c-1": "2"}
    (message,) = caplog.messages
    assert message == (
        f"SLURM job 1 ended before its worker joined the scheduler; see {Path.cwd()}/slurm-1.out. If a program or a "
        "module is missing there, or the scheduler cannot be reached, set python, job-script-prologue or interface of "
        "jobqueue.slurm in Dask's configuration. It is submitted again, at most 3 times in a row."
    )


def test_jobs_that_are_lost_again_and_again_end_the_launch(queue: set[str], caplog: pytest.LogCaptureFixture) -> None:
    jobs = Jobs(cluster := Cluster(), 8)
    with pytest.raises(SweeperError, match="No worker is left") as told:
        looks(jobs, 100)
    assert cluster.submitted == 8 * (1 + MOST_RETRIES)
    assert told.value.exit_code == 1
    assert str(told.value).startswith(
        "--dask-slurm: each of the SLURM jobs 25, 26, 27, 28, 29 and 3 more ended before its worker joined the "
        "scheduler, as did its 3 predecessors;"
    )
    assert str(told.value).endswith("Nothing is lost: the same command resumes.")
    assert len(caplog.messages) == MOST_RETRIES


def test_while_a_worker_is_left_the_study_goes_on(queue: set[str], caplog: pytest.LogCaptureFixture) -> None:
    queue |= {"2"}
    jobs = Jobs(cluster := Cluster(), 2)
    cluster.join("c-1")
    looks(jobs, 100)
    assert cluster.submitted == 2 + MOST_RETRIES
    assert caplog.messages[-1].endswith("1 of 2 jobs are left.")
    queue.clear()
    cluster.join()
    del cluster.workers["c-1"]  # Dask's part, when a worker has left
    with pytest.raises(SweeperError, match="No worker is left"):
        looks(jobs, 100)


def test_the_count_begins_anew_once_a_worker_has_joined(queue: set[str]) -> None:
    jobs = Jobs(cluster := Cluster(), 1)
    for _ in range(2 * MOST_RETRIES):
        looks(jobs, 3)
        cluster.join("c-0")
        looks(jobs, 3)
        cluster.join()
        del cluster.workers["c-0"]
    assert cluster.submitted > 2 * MOST_RETRIES


def test_a_job_of_several_workers_that_reached_its_time_limit_is_replaced_without_a_word(
    queue: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    jobs = Jobs(cluster := Cluster(), 1)
    cluster.join("c-0-0", "c-0-1")
    looks(jobs, 3)
    cluster.join()
    looks(jobs, 2)
    assert cluster.submitted == 2
    assert not caplog.messages


def test_nothing_is_lost_while_slurm_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lost_jobs, "in_queue", lambda jobs, header: None)
    looks(Jobs(cluster := Cluster(), 1), 10)
    assert cluster.submitted == 1


def test_what_slurm_refuses_again_and_again_ends_the_launch(queue: set[str], caplog: pytest.LogCaptureFixture) -> None:
    jobs = Jobs(cluster := Cluster(room=0), 2)
    with pytest.raises(SweeperError) as told:
        looks(jobs, 100)
    remedy = (
        "If the partition, the account, the time or the memory is not allowed, set queue, account, walltime or memory "
        "of jobqueue.slurm in Dask's configuration, job-extra-directives for anything else; if there are too many "
        "jobs, use fewer."
    )
    assert caplog.messages == [
        f"SLURM refused 2 of 2 jobs: {REFUSAL}. {remedy} It is submitted again, at most 3 times in a row."
    ]
    assert str(told.value) == (
        f"--dask-slurm: SLURM refused 2 jobs 4 times in a row: {REFUSAL}. {remedy} No worker is left. "
        "Nothing is lost: the same command resumes."
    )
    assert (cluster.submitted, cluster.refused) == (0, 2 * (1 + MOST_RETRIES))
    assert told.value.exit_code == 1


def test_while_slurm_takes_some_jobs_the_study_goes_on_with_those(
    queue: set[str], caplog: pytest.LogCaptureFixture
) -> None:
    jobs = Jobs(cluster := Cluster(room=1), 3)
    queue |= {"1"}  # waits, and has no worker yet
    looks(jobs, 50)
    cluster.join("c-0")
    looks(jobs, 50)
    assert (cluster.submitted, cluster.refused) == (1, 2 * (1 + MOST_RETRIES))
    assert len(caplog.messages) == 1
    cluster.room = 0
    cluster.join()
    del cluster.workers["c-0"]  # Dask's part, when a worker has left
    with pytest.raises(SweeperError, match="SLURM refused 3 jobs"):
        looks(jobs, 100)


def test_what_was_refused_is_tried_again_once_slurm_takes_another_job(queue: set[str]) -> None:
    jobs = Jobs(cluster := Cluster(room=1), 2)
    cluster.join("c-0")
    looks(jobs, 50)
    before = cluster.refused
    cluster.room = 2
    looks(jobs, 50)
    assert (cluster.submitted, cluster.refused) == (1, before)
    del cluster.workers["c-0"]  # at its time limit
    looks(jobs, 3)
    assert (cluster.submitted, cluster.refused) == (3, before)


def test_each_reason_of_refusals_is_said_once(queue: set[str], caplog: pytest.LogCaptureFixture) -> None:
    jobs = Jobs(cluster := Cluster(room=0, refusal="Unable to contact slurm controller"), 1)
    looks(jobs, 3)
    cluster.refusal = REFUSAL
    with pytest.raises(SweeperError, match="Invalid account"):
        looks(jobs, 100)
    first, second = caplog.messages
    assert "Unable to contact" in first
    assert "Invalid account" in second


def test_jobs_that_are_lost_and_jobs_that_are_refused_end_the_launch_together(queue: set[str]) -> None:
    jobs = Jobs(cluster := Cluster(room=1), 2)
    with pytest.raises(
        SweeperError, match=r"SLURM job 4 ended .*SLURM refused 1 job 4 times in a row: .* No worker is left\."
    ):
        looks(jobs, 100)
    assert cluster.submitted == 1 + MOST_RETRIES


@pytest.mark.parametrize(
    ("squeue", "found"),
    [
        ("echo 7", {"7"}),
        ("true", set()),
        ("echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1", set()),
        ("echo 'slurm_load_jobs error: Unable to contact slurm controller' >&2; exit 1", None),
        ('test "$*" = "--noheader --format=%A --jobs=7,8 --clusters=big" && echo CLUSTER: big && echo 8', {"8"}),
    ],
)
def test_slurm_s_queue_is_asked_for_jobs(squeue: str, found: set[str] | None, slurm_here: Path) -> None:
    (slurm_here / "squeue").write_text(f"#!/bin/sh\n{squeue}\n")
    (slurm_here / "squeue").chmod(0o755)
    answer = slurm.in_queue(["7", "8"], f"{HEADER}\n#SBATCH -M big")
    assert (None if answer is None else answer & {"7", "8"}) == found


def test_without_squeue_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert slurm.in_queue(["7"], HEADER) is None


@pytest.mark.parametrize(
    ("directives", "file"),
    [
        ((), "slurm-7.out"),
        (("-e logs/%x-%J.err", "-o logs/%x-%J.out"), "logs/sweeper-s-7.err"),
        (("-o logs/%x-%J.out", "--output=/elsewhere/%j"), "/elsewhere/7"),
        (("--error all.log",), "all.log"),
    ],
)
def test_a_job_s_log_is_where_its_directives_say(directives: Sequence[str], file: str) -> None:
    header = "\n".join([HEADER, *(f"#SBATCH {line}" for line in directives)])
    assert slurm.log_of("7", header) == Path.cwd() / file


@pytest.fixture
def dying(slurm_here: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A SLURM whose jobs die at once, looked at often."""
    monkeypatch.setattr("sweeper.execution.cluster.pool.KEEP_EVERY_S", 0.05)
    for name, text in (("sbatch", BROKEN_SBATCH), ("squeue", SQUEUE)):
        (slurm_here / name).write_text(text.format(folder=slurm_here))
        (slurm_here / name).chmod(0o755)
    return slurm_here


@pytest.mark.usefixtures("no_process_left")
def test_a_launch_whose_jobs_all_die_ends_and_the_same_goes_on_later(dying: Path, url: str) -> None:
    with pytest.raises(SweeperError, match=r"SLURM job 10004 ended .* No worker is left"):
        launched_on(ClusterOptions(slurm_jobs=1), url, [{"value": 0.5}] * 2)
    assert len((dying / "broken").read_text().splitlines()) == 1 + MOST_RETRIES
    assert [(trial.state, trial.attempts) for trial in trials_of(url)] == [("waiting", 0)] * 2
    (dying / "sbatch").write_text(SBATCH.format(folder=dying))
    ended, _ = launched_on(ClusterOptions(slurm_jobs=1), url, [{"value": 0.5}] * 2)
    assert (ended.exit_code, ended.completed) == (0, 2)
    check_each_completed_once(url, 2, 3)


@pytest.mark.usefixtures("no_process_left")
def test_a_launch_whose_jobs_are_all_refused_ends_and_the_same_goes_on_later(dying: Path, url: str) -> None:
    (dying / "sbatch").write_text(REFUSING_SBATCH.format(folder=dying))
    with pytest.raises(SweeperError, match=r"SLURM refused 2 jobs 4 times .*Invalid account.* No worker is left"):
        launched_on(ClusterOptions(slurm_jobs=2), url, [{"value": 0.5}] * 2)
    assert len((dying / "refused").read_text().splitlines()) == 2 * (1 + MOST_RETRIES)
    assert [(trial.state, trial.attempts) for trial in trials_of(url)] == [("waiting", 0)] * 2
    (dying / "sbatch").write_text(SBATCH.format(folder=dying))
    ended, _ = launched_on(ClusterOptions(slurm_jobs=2), url, [{"value": 0.5}] * 2)
    assert (ended.exit_code, ended.completed) == (0, 2)
    check_each_completed_once(url, 2, 3)


@pytest.mark.usefixtures("no_process_left")
def test_a_study_survives_a_job_that_died(dying: Path, url: str) -> None:
    healthy = dying / "healthy"
    healthy.write_text(SBATCH.format(folder=dying))
    broken = (dying / "sbatch").read_text()
    (dying / "sbatch").write_text(
        broken.replace("exit\n", f"exit\ntest -e {dying}/broken && exec sh {healthy} $1\n", 1)
    )
    ended, _ = launched_on(ClusterOptions(slurm_jobs=1), url, [{"value": 0.5}] * 2)
    assert (ended.exit_code, ended.completed) == (0, 2)
    check_each_completed_once(url, 2, 3)
    assert len((dying / "broken").read_text().splitlines()) == 1
