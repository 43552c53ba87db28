"""Jobs of SLURM that it refused, or that ended before their worker has joined: submitted again, given up in the end.

Dask replaces a job whose worker has left. For a worker that never came it waits for ever, and the study with it.
"""

import logging
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sweeper.errors import SweeperError
from sweeper.execution.cluster.slurm import SECTION, WHERE_REFUSED, in_queue, log_of
from sweeper.quantities import counted

MOST_AGAIN: Final = 3  # times in a row that a job is submitted again, before its place is given up
SHOWN: Final = 5  # jobs that a message names
REMEDY: Final = (
    "If a program or a module is missing there, or the scheduler was not reached, set python, job-script-prologue or "
    f"interface of {SECTION} in Dask's configuration."
)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Jobs:
    """So many jobs of a cluster; under each of Dask's names one after the other, each with a number of SLURM's.

    A job is lost when two looks in a row find neither it in SLURM's queue nor its worker on the scheduler. Between
    them Dask removes a job whose worker has only just left. One that SLURM refused has no number.
    """

    cluster: Any
    number: int
    _joined: set[str] = field(default_factory=set)  # jobs that were seen with a worker
    _taken: set[str] = field(default_factory=set)  # jobs that SLURM did not refuse
    _missed: frozenset[str] = frozenset()  # jobs that the last look did not find
    _again: Counter[str] = field(default_factory=Counter)  # submissions in a row without a worker, by name
    _refused: Counter[str] = field(default_factory=Counter)  # those in a row that SLURM refused, by name
    _given_up: dict[str, str | None] = field(default_factory=dict)  # by name the last job; None: it was refused
    _told: set[str] = field(default_factory=set)  # refusals, in SLURM's words

    def keep(self) -> None:
        """Submit another job for each that has ended or was refused, without waiting for SLURM.

        Raises:
            SweeperError: all were given up, and no worker is left.
        """
        self._try_refused()
        given_up = self._try_lost()
        if len(self._given_up) >= self.number and not self._workers():
            raise SweeperError(
                f"--dask-slurm: {self._why()}, and no worker is left. Nothing is lost: the same command goes on."
            )
        if given_up:
            left = self.number - len(self._given_up)
            log.warning("%s So did those before; %d of %d jobs are left.", self._say(given_up), left, self.number)
        self.cluster.scale(jobs=self.number)

    def _try_refused(self) -> None:
        """Have Dask submit again what SLURM refused, and say once why it did.

        Where SLURM has taken another job meanwhile, it may take those that were given up.
        """
        jobs = dict(self.cluster.workers)
        taken = {job.job_id for job in jobs.values() if job.job_id is not None}
        if taken - self._taken:
            self._taken |= taken
            self._refused.clear()
            self._given_up = {name: job for name, job in self._given_up.items() if job is not None}
        refused = {name: job for name, job in jobs.items() if job.job_id is None and name not in self._given_up}
        for name in refused:
            self._refused[name] += 1
            if self._refused[name] > MOST_AGAIN:
                self._given_up[name] = None
            else:
                del self.cluster.workers[name]  # so that Dask submits it
        self._tell({job.refusal for job in refused.values()}, f"{len(refused)} of {counted(self.number, 'job')}")

    def _try_lost(self) -> list[str]:
        """Have Dask submit again what was lost, and say so; those that were given up just now."""
        again, given_up = [], []
        for name, job in self._lost().items():
            if job not in self._joined:
                self._again[name] += 1
                if self._again[name] > MOST_AGAIN:
                    self._given_up[name] = job
                    given_up.append(job)
                    continue
                again.append(job)
            del self.cluster.workers[name]
        if again:
            log.warning("%s It is submitted again, %d times in a row at most.", self._say(again), MOST_AGAIN)
        return given_up

    def _lost(self) -> dict[str, str]:
        """The jobs that have ended and have no worker, by name."""
        workers = self._workers()
        jobs = {name: job.job_id for name, job in list(self.cluster.workers.items()) if job.job_id is not None}
        for name in jobs.keys() & workers:
            self._joined.add(jobs[name])
            self._again.pop(name, None)
            self._given_up.pop(name, None)
        absent = {name: job for name, job in jobs.items() if name not in workers and name not in self._given_up}
        queued = in_queue(list(absent.values()), self.cluster.job_header) if absent else frozenset()
        if queued is None:
            return {}
        before, self._missed = self._missed, frozenset(absent.values()) - queued
        return {name: job for name, job in absent.items() if job in self._missed & before}

    def _workers(self) -> set[str]:
        """The names of jobs with a worker on the scheduler. One of several workers has its number after the name."""
        names = [str(worker["name"]) for worker in list(self.cluster.scheduler_info["workers"].values())]
        return {*names, *(name.rpartition("-")[0] for name in names)}

    def _tell(self, refusals: set[str], which: str) -> None:
        """Say refusals that were not said yet."""
        if new := refusals - self._told:
            self._told |= new
            log.warning("%s sbatch is tried again, %d times in a row at most.", _refusal(which, new), MOST_AGAIN)

    def _why(self) -> str:
        """Why all jobs were given up."""
        lost = [job for job in self._given_up.values() if job is not None]
        refused = [name for name, job in self._given_up.items() if job is None]
        parts = [f"{self._say(lost)} So did those before"] if lost else []
        if refused:
            words = {self.cluster.workers[name].refusal for name in refused}
            parts.append(f"{_refusal(counted(len(refused), 'job'), words)} So it did before")
        return ". ".join(parts)

    def _say(self, jobs: Sequence[str]) -> str:
        which = f"job {jobs[0]} of SLURM" if len(jobs) == 1 else f"each of SLURM's jobs {', '.join(jobs[:SHOWN])}"
        which += f" and {len(jobs) - SHOWN} more" if len(jobs) > SHOWN else ""
        file = log_of(jobs[0], self.cluster.job_header)
        return f"{which} ended before its worker joined the scheduler; see {file}. {REMEDY}"


def _refusal(which: str, words: Iterable[str]) -> str:
    return f"SLURM refused {which}: {'; '.join(sorted(words))}. {WHERE_REFUSED}"
