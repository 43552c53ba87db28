"""A job of SLURM as dask-jobqueue submits it, which keeps what SLURM said where it was refused."""

from dask_jobqueue.slurm import SLURMJob
from distributed.core import Status


class Job(SLURMJob):
    """A job that is submitted once.

    Attributes:
        refusal: sbatch's words, where it gave the job no number.
    """

    refusal = ""

    async def start(self) -> None:
        """Submit the job.

        Raises:
            RuntimeError: sbatch refused it.
            ValueError: sbatch said no number.
            OSError: sbatch could not be started.
        """
        try:
            await super().start()  # type: ignore[no-untyped-call] # as dask-jobqueue has it
        except (RuntimeError, ValueError, OSError) as error:
            self.refusal = _words(str(error))
            self.status = Status.failed  # or the cluster does not close
            raise


def _words(message: str) -> str:
    """In one line what sbatch wrote on standard error; dask-jobqueue puts the command and its output before it."""
    said = message.rpartition("stderr:\n")[2].strip() or message
    return "; ".join(line.strip() for line in said.splitlines() if line.strip()).rstrip(".")
