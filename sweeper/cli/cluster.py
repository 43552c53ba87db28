"""`--engine dask` and the options that name a Dask cluster."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sweeper.cli.options import WholeNumber
from sweeper.execution.cluster.options import ClusterOptions, check_engine
from sweeper.spec.study import Study

if TYPE_CHECKING:  # Dask is an extra
    from sweeper.execution.cluster.pool import DaskPool

Command = Callable[..., None]


def engine_options(command: Command) -> Command:
    """`--engine`, and the options of its cluster; a command gets the latter as `dask_…`."""
    options = (
        click.option(
            "--engine",
            type=click.Choice(["joblib", "dask"]),
            default="joblib",
            show_default=True,
            help="What starts the slots: this process, or a Dask cluster; one on this machine if none is named.",
        ),
        click.option("--dask-address", metavar="URL", help="The cluster's scheduler, e.g. tcp://node1:8786."),
        click.option(
            "--dask-scheduler-file", type=click.Path(path_type=Path), metavar="FILE", help="The same, by its file."
        ),
        click.option(
            "--dask-slurm",
            type=WholeNumber(min=1),
            metavar="JOBS",
            help="Submit so many jobs to SLURM, as `jobqueue.slurm` in Dask's configuration says.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def cluster_of(
    engine: str, *, dask_address: str | None, dask_scheduler_file: Path | None, dask_slurm: int | None
) -> Any:
    """The cluster that the command line asks for; None for no cluster.

    Raises:
        UsageError: the options do not go together, or Dask is not installed.
    """

    options = ClusterOptions(address=dask_address, scheduler_file=dask_scheduler_file, slurm_jobs=dask_slurm)
    check_engine(engine, options)
    return options if engine == "dask" else None


def pool_of(
    study: Study, cluster: ClusterOptions | None, *, store: str, slots: int | None
) -> "AbstractContextManager[DaskPool | None]":
    """The cluster, started and checked; nothing without one.

    Raises:
        UsageError: it cannot be reached, or is not fit for the study.
    """
    if cluster is None:
        return nullcontext()
    from sweeper.execution.cluster.connect import dask_pool  # noqa: PLC0415 - the only way to an import of Dask

    return dask_pool(cluster, study.document, store=store, slots=slots)
