"""SLURM jobs that SLURM refused, or that ended before their worker joined: submitted again, and given up in the end.

Dask replaces a job whose worker has left. For a worker that never came it waits forever, and so does the study.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from sweeper.errors import SweeperError
from sweeper.execution.cluster.slurm import SECTION, WHERE_REFUSED, in_queue, log_of
from sweeper.quantities import counted

if TYPE_CHECKING:
    from dask_jobqueue.slurm import SLURMCluster

MOST_RETRIES: Final = 3  # times in a row that a job is submitted again before it is given up
SHOWN: Final = 5  # jobs that a message names
REMEDY: Final = (
    "If a program or a module is missing there, or the scheduler cannot be reached, set python, job-script-prologue or "
    f"interface of {SECTION} in Dask's configuration."
)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Jobs:
    """The jobs of a cluster; each of Dask's names stands for one job after the other, each with its SLURM number.

    A job is lost if two checks in a row find neither the job in SLURM's queue nor its worker on the scheduler. Between
    them Dask removes a job whose worker has only just left. A job that SLURM refused has no number.
    """

    cluster: "SLURMCluster"
    number: int
    _joined: set[str] = field(default_factory=set)  # jobs that have had a worker
    _accepted: set[str] = field(default_factory=set)  # jobs that SLURM did not refuse
    _missed: frozenset[str] = frozenset()  # jobs that the last check did not find
    _retries: Counter[str] = field(default_factory=Counter)  # submissions in a row without a worker, by name
    _refused: Counter[str] = field(default_factory=Counter)  # those in a row that SLURM refused, by name
    _given_up: dict[str, str | None] = field(default_factory=dict)  # by name the last job; None if it was refused
    _logged: set[str] = field(default_factory=set)  # SLURM's messages

    def maintain(self) -> None:
        """Submit another job for each that has ended or was refused, without waiting for SLURM.

        Raises:
            SweeperError: all were given up, and no worker is left.
        """
        self._try_refused()
        given_up = self._try_lost()
        if len(self._given_up) >= self.number and not self._workers():
            raise SweeperError(
                f"--dask-slurm: {self._why()} No worker is left. Nothing is lost: the same command resumes."
            )
        if given_up:
            left = self.number - len(self._given_up)
            log.warning("%s %d of %d jobs are left.", self._loss(given_up, final=True), left, self.number)
        self.cluster.scale(jobs=self.number)  # type: ignore[no-untyped-call] # dask-jobqueue is untyped

    def _try_refused(self) -> None:
        """Have Dask submit again what SLURM refused, and log the reason once.

        If SLURM has accepted another job in the meantime, it may accept those that were given up.
        """
        jobs = dict(self.cluster.workers)
        accepted = {job.job_id for job in jobs.values() if job.job_id is not None}
        if accepted - self._accepted:
            self._accepted |= accepted
            self._refused.clear()
            self._given_up = {name: job for name, job in self._given_up.items() if job is not None}
        refused = {name: job for name, job in jobs.items() if job.job_id is None and name not in self._given_up}
        for name in refused:
            self._refused[name] += 1
            if self._refused[name] > MOST_RETRIES:
                self._given_up[name] = None
            else:
                del self.cluster.workers[name]  # so that Dask submits it
        if refused:
            which = f"{len(refused)} of {counted(self.number, 'job')}"
            self._log_refusals({job.refusal for job in refused.values()}, which)

    def _try_lost(self) -> list[str]:
        """Have Dask submit lost jobs again, and log it; return those that were given up just now."""
        again, given_up = [], []
        for name, job in self._lost().items():
            if job not in self._joined:
                self._retries[name] += 1
                if self._retries[name] > MOST_RETRIES:
                    self._given_up[name] = job
                    given_up.append(job)
                    continue
                again.append(job)
            del self.cluster.workers[name]
        if again:
            log.warning("%s It is submitted again, at most %d times in a row.", self._loss(again), MOST_RETRIES)
        return given_up

    def _lost(self) -> dict[str, str]:
        """Return the jobs that have ended and have no worker, by name."""
        workers = self._workers()
        jobs = {name: job.job_id for name, job in list(self.cluster.workers.items()) if job.job_id is not None}
        for name in jobs.keys() & workers:
            self._joined.add(jobs[name])
            self._retries.pop(name, None)
            self._given_up.pop(name, None)
        absent = {name: job for name, job in jobs.items() if name not in workers and name not in self._given_up}
        queued = in_queue(list(absent.values()), self.cluster.job_header) if absent else frozenset()
        if queued is None:
            return {}
        before, self._missed = self._missed, frozenset(absent.values()) - queued
        return {name: job for name, job in absent.items() if job in self._missed & before}

    def _workers(self) -> set[str]:
        """Return the names of jobs with a worker. One of several workers has its number after the job's name."""
        names = [str(worker["name"]) for worker in list(self.cluster.scheduler_info["workers"].values())]
        return {*names, *(name.rpartition("-")[0] for name in names)}

    def _log_refusals(self, refusals: set[str], which: str) -> None:
        """Log refusals that were not logged yet."""
        if new := refusals - self._logged:
            self._logged |= new
            log.warning("%s It is submitted again, at most %d times in a row.", _refusal(which, new), MOST_RETRIES)

    def _why(self) -> str:
        """Return why all jobs were given up."""
        lost = [job for job in self._given_up.values() if job is not None]
        refused = [name for name, job in self._given_up.items() if job is None]
        parts = [self._loss(lost, final=True)] if lost else []
        if refused:
            messages = {self.cluster.workers[name].refusal for name in refused}
            parts.append(_refusal(f"{counted(len(refused), 'job')} {MOST_RETRIES + 1} times in a row", messages))
        return " ".join(parts)

    def _loss(self, jobs: Sequence[str], *, final: bool = False) -> str:
        which = f"SLURM job {jobs[0]}" if len(jobs) == 1 else f"each of the SLURM jobs {', '.join(jobs[:SHOWN])}"
        which += f" and {len(jobs) - SHOWN} more" if len(jobs) > SHOWN else ""
        file = log_of(jobs[0], self.cluster.job_header)
        before = f", as did its {MOST_RETRIES} predecessors" if final else ""
        return f"{which} ended before its worker joined the scheduler{before}; see {file}. {REMEDY}"


def _refusal(which: str, messages: Iterable[str]) -> str:
    return f"SLURM refused {which}: {'; '.join(sorted(messages))}. {WHERE_REFUSED}"
