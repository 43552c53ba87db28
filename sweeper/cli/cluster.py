"""`--engine dask` and the options that name a Dask cluster."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sweeper.cli.options import WholeNumber
from sweeper.execution.cluster.options import ClusterOptions, check_engine
from sweeper.spec.study import Study

if TYPE_CHECKING:
    from sweeper.execution.cluster.pool import DaskPool

Command = Callable[..., None]


def engine_options(command: Command) -> Command:
    """Add `--engine` and the options of its cluster; a command gets the latter as `dask_…`."""
    options = (
        click.option(
            "--engine",
            type=click.Choice(["joblib", "dask"]),
            default="joblib",
            show_default=True,
            help="What starts the slots: this process, or a Dask cluster (on this machine unless one is named).",
        ),
        click.option("--dask-address", metavar="URL", help="Address of a Dask scheduler, e.g. tcp://node1:8786."),
        click.option(
            "--dask-scheduler-file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Scheduler file of a Dask scheduler.",
        ),
        click.option(
            "--dask-slurm",
            type=WholeNumber(min=1),
            metavar="JOBS",
            help="Number of SLURM jobs to submit, configured by `jobqueue.slurm` in Dask's configuration.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def cluster_of(
    engine: str, *, dask_address: str | None, dask_scheduler_file: Path | None, dask_slurm: int | None
) -> ClusterOptions | None:
    """Return the cluster that the command line names; None for no cluster.

    Raises:
        UsageError: the options contradict each other, or Dask is not installed.
    """
    options = ClusterOptions(address=dask_address, scheduler_file=dask_scheduler_file, slurm_jobs=dask_slurm)
    check_engine(engine, options)
    return options if engine == "dask" else None


def pool_of(
    study: Study, cluster: ClusterOptions | None, *, store: str, slots: int | None
) -> "AbstractContextManager[DaskPool | None]":
    """Connect to the cluster or start it, and check it; None without a cluster.

    Raises:
        UsageError: it cannot be reached, or does not suit the study.
    """
    if cluster is None:
        return nullcontext()
    from sweeper.execution.cluster.connect import dask_pool  # noqa: PLC0415 - Dask is an optional extra

    return dask_pool(cluster, study, store=store, num_slots=slots)
