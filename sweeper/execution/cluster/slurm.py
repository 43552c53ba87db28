"""SLURM jobs as Dask workers, through dask-jobqueue.

Users configure jobs as always with dask-jobqueue: in `jobqueue.slurm` of Dask's configuration, which is not changed.
What is not configured follows from the study.
"""

import itertools
import math
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import dask.config

from sweeper.errors import UsageError
from sweeper.execution.slots.resources import trials_on
from sweeper.spec.study import Resources, Study
from sweeper.subprocesses import INTERPRETER

if TYPE_CHECKING:
    from dask_jobqueue.slurm import SLURMCluster

Options = dict[str, Any]  # dask-jobqueue's

SECTION: Final = "jobqueue.slurm"
GPU_DIRECTIVE: Final = re.compile(r"gpu", re.IGNORECASE)
GPU_NUMBER: Final = re.compile(r"gpus?[^,\s]*?[:=](\d+)(?:,|\s|$)|^-G\s*(\d+)", re.IGNORECASE)
# A scheduler has an HTTP server anyway: on any free port, and only for this machine.
NO_DASHBOARD: Final = {"dashboard": False, "dashboard_address": "127.0.0.1:0"}
ANSWER_S: Final = 10.0  # of squeue, while the launcher waits
UNKNOWN_JOB: Final = "Invalid job id"  # squeue's error for a job that SLURM no longer knows
WHERE_REFUSED: Final = (
    "If the partition, the account, the time or the memory is not allowed, set queue, account, walltime or memory of "
    f"{SECTION} in Dask's configuration, job-extra-directives for anything else; if there are too many jobs, use fewer."
)


def job_options(study: Study) -> Options:
    """Return dask-jobqueue's options beyond the user's configuration, for the jobs of a study.

    Raises:
        UsageError: the configuration lacks what nobody else can know.
    """
    resources = study.resources
    if _configured("memory") is None:
        raise UsageError(
            f"--dask-slurm: the memory of a job is not configured. Set {SECTION}.memory, e.g. in "
            f"{dask.config.PATH}/jobqueue.yaml: `jobqueue: {{slurm: {{memory: 24GB}}}}`, or "
            "export DASK_JOBQUEUE__SLURM__MEMORY=24GB"
        )
    options: Options = {}
    given = _configured("scheduler-options") or {}
    options["scheduler_options"] = {**({} if "dashboard_address" in given else NO_DASHBOARD), **given}
    if runs_this_interpreter():
        options["python"] = " ".join(INTERPRETER)
    options["processes"] = int(_configured("processes") or 1)
    if _configured("cores") is None:
        shared = trials_on(1, resources.gpus) if resources.device == "cuda" else 1
        options["cores"] = resources.threads_per_trial * shared
    if _configured("name") in (None, "dask-worker"):
        options["job_name"] = f"sweeper-{study.name}"
    directives = _directives()
    if resources.device == "cuda" and not any(GPU_DIRECTIVE.search(line) for line in directives):
        options["job_extra_directives"] = [*directives, f"--gres=gpu:{math.ceil(resources.gpus)}"]
    return options


def runs_this_interpreter() -> bool:
    """Return whether jobs run under the interpreter that sweeper runs under: no other is configured."""
    return _configured("python") is None


def slots_of_a_job(resources: Resources, options: Options) -> int:
    """Return how many slots a job is expected to have: by its GPUs if it requests some, else by its threads."""
    cores = int(options.get("cores") or _configured("cores"))
    gpus = _num_gpus(options.get("job_extra_directives") or _directives())
    if gpus and resources.device != "cpu":
        return max(1, min(trials_on(gpus, resources.gpus), cores))
    processes = int(options["processes"])
    return processes * max(1, cores // processes // resources.threads_per_trial)


def cluster_of(options: Options) -> "SLURMCluster":
    """Return the cluster, without any jobs yet; its scheduler runs in this process.

    Raises:
        UsageError: SLURM's commands are missing, or the configuration is wrong.
    """
    if shutil.which("sbatch") is None:
        raise UsageError(
            "--dask-slurm: sbatch was not found on this machine. Launch from a machine that can submit SLURM jobs, or "
            "start Dask workers by other means and give their scheduler with --dask-address."
        )
    from dask_jobqueue.slurm import SLURMCluster  # noqa: PLC0415 - imports distributed, which must see our settings

    from sweeper.execution.cluster.slurm_job import Job  # noqa: PLC0415

    try:
        return SLURMCluster(**{**options, "job_cls": Job})
    except (ValueError, TypeError, OSError, RuntimeError) as error:
        raise UsageError(f"--dask-slurm: {SECTION} in Dask's configuration: {error}") from error


def check_job(cluster: "SLURMCluster") -> None:
    """Ask SLURM whether it would accept such a job.

    Raises:
        UsageError: it would not, with its message and the job.
    """
    script = cluster.job_script()  # type: ignore[no-untyped-call] # dask-jobqueue is untyped
    with tempfile.NamedTemporaryFile("w", suffix=".sh", encoding="utf-8") as file:
        file.write(script)
        file.flush()
        command = [shutil.which("sbatch") or "sbatch", "--test-only", file.name]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
    if answer.returncode != 0:
        raise UsageError(
            f"--dask-slurm: SLURM refuses the job: {answer.stderr.strip()}\n{WHERE_REFUSED}\nThe job is:\n{script}"
        )


def in_queue(jobs: Sequence[str], header: str) -> frozenset[str] | None:
    """Return the jobs that wait or run; None if SLURM does not answer.

    Args:
        header: the directives of such jobs, which may name another SLURM cluster than this one.
    """
    program = shutil.which("squeue")
    if program is None:
        return None
    clusters = [f"--clusters={names}" for names in _values(header, "-M", "--clusters")]
    command = [program, "--noheader", "--format=%A", f"--jobs={','.join(jobs)}", *clusters]
    try:
        answer = subprocess.run(command, capture_output=True, text=True, timeout=ANSWER_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode != 0 and UNKNOWN_JOB not in answer.stderr:
        return None
    return frozenset(answer.stdout.split())


def log_of(job: str, header: str) -> Path:
    """Return the file with a job's errors, according to its directives; SLURM's default is in the launch directory."""
    files = _values(header, "-e", "--error") or _values(header, "-o", "--output") or ["slurm-%j.out"]
    name = (_values(header, "-J", "--job-name") or ["sbatch"])[-1]
    return Path.cwd() / re.sub("%[jJA]", job, files[-1]).replace("%x", name)


def close(cluster: "SLURMCluster") -> None:
    """Cancel the remaining jobs, and end the scheduler."""
    with suppress(AssertionError):  # SpecCluster's, about jobs that SLURM did not take
        cluster.close()


def runs_only_here() -> bool:
    """Return whether SLURM has only this machine, as on a workstation."""
    program = shutil.which("sinfo")
    if program is None:
        return False
    try:
        answer = subprocess.run(
            [program, "--noheader", "--Node", "--format=%n"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    nodes = {line.strip() for line in answer.stdout.splitlines() if line.strip()}
    host = socket.gethostname()
    return answer.returncode == 0 and nodes in ({host}, {host.partition(".")[0]})


def _configured(key: str) -> Any:
    return dask.config.get(f"{SECTION}.{key}", None)


def _directives() -> list[str]:
    return [str(line) for line in _configured("job-extra-directives") or ()]


def _values(header: str, *names: str) -> list[str]:
    """Return the values of an option in a job's directives: `-e FILE`, `--error FILE`, `--error=FILE`."""
    words = [word for line in header.splitlines() for word in line.removeprefix("#SBATCH").split()]
    words = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    return [value for name, value in itertools.pairwise(words) if name in names]


def _num_gpus(directives: Sequence[str]) -> int:
    """Return the number of GPUs that a job requests: --gres=gpu:a100:2, --gpus=2, --gpus-per-task=1, -G 2."""
    for line in directives:
        if GPU_DIRECTIVE.search(line) or line.startswith("-G"):
            found = GPU_NUMBER.search(line)
            return int(next(filter(None, found.groups()))) if found else 1
    return 0
