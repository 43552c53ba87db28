"""A SLURM job as dask-jobqueue submits it, which keeps SLURM's message if it was refused."""

from dask_jobqueue.slurm import SLURMJob
from distributed.core import Status


class Job(SLURMJob):
    """A job that is submitted once.

    Attributes:
        refusal: sbatch's message, if it gave the job no number.
    """

    refusal = ""

    async def start(self) -> None:
        """Submit the job.

        Raises:
            RuntimeError: sbatch refused it.
            ValueError: sbatch printed no number.
            OSError: sbatch could not be started.
        """
        try:
            await super().start()  # type: ignore[no-untyped-call] # dask-jobqueue is untyped
        except (RuntimeError, ValueError, OSError) as error:
            self.refusal = _message(str(error))
            self.status = Status.failed  # or the cluster does not close
            raise


def _message(message: str) -> str:
    """Return in one line what sbatch wrote to standard error, without dask-jobqueue's text before it."""
    said = message.rpartition("stderr:\n")[2].strip() or message
    return "; ".join(line.strip() for line in said.splitlines() if line.strip()).rstrip(".")
