"""Three ways to a Dask cluster: one of our own on this machine, an existing scheduler, or SLURM jobs."""

import logging
import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from multiprocessing import resource_tracker
from types import ModuleType
from typing import TYPE_CHECKING, Final

import dask.config

from sweeper.errors import UsageError
from sweeper.execution.cluster import slurm
from sweeper.execution.cluster.checks import check_workers, refused_sqlite
from sweeper.execution.cluster.lost_jobs import Jobs
from sweeper.execution.cluster.on_worker import offer
from sweeper.execution.cluster.options import ClusterOptions
from sweeper.execution.cluster.worker_slots import Needs
from sweeper.execution.slots.machine import this_machine
from sweeper.execution.slots.resources import Slot
from sweeper.execution.slots.running import check_program, number_of_slots, slots_for
from sweeper.quantities import counted
from sweeper.spec.study import Study
from sweeper.store.url import sqlite_path
from sweeper.subprocesses import one_blas_thread, safe_path

if TYPE_CHECKING:
    from sweeper.execution.cluster.pool import DaskPool

CONNECT_S: Final = 15.0
SETTINGS: Final = {
    "distributed.scheduler.allowed-failures": 1_000_000,  # a slot may lose any number of workers
    "distributed.scheduler.worker-saturation": 1.0,  # no slot waits at a worker without a free thread
    "distributed.deploy.lost-worker-timeout": "5s",
    "logging.distributed": "critical",  # a worker that is lost and replaced is not worth a message
}
FROM_TERMINAL: Final = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


@contextmanager
def dask_pool(options: ClusterOptions, study: Study, *, store: str, num_slots: int | None) -> Iterator["DaskPool"]:
    """Yield a pool of slots for a study; the cluster ends with the block if it is ours.

    Args:
        num_slots: number of slots; None for the study's own number.

    Raises:
        UsageError: the cluster cannot be reached, or does not suit the study; nothing was written.
    """
    resources = study.resources
    if resources.nodes_per_trial > 1:
        raise UsageError(
            f"--engine dask: resources.nodes_per_trial: {resources.nodes_per_trial}: a Dask worker is on one node. "
            "Launch without --engine dask, in a SLURM job of several nodes"
        )
    needs = Needs(
        run=uuid.uuid4().hex,
        device=resources.device,
        gpus_per_trial=resources.gpus,
        threads_per_trial=resources.threads_per_trial,
        sqlite_machine=None if sqlite_path(store) is None else this_machine(),
    )
    number = number_of_slots(resources, num_slots)
    with dask.config.set(SETTINGS), safe_path(), one_blas_thread(), ExitStack() as stack:
        if options.slurm_jobs is not None:
            pool = _on_slurm(stack, options.slurm_jobs, study, needs, store=store, number=number)
        elif options.address is not None or options.scheduler_file is not None:
            pool = _on_address(stack, options, study, needs, store=store, number=number)
        else:
            pool = _on_this_machine(stack, study, needs, number)
        stack.callback(pool.end)
        yield pool


def _on_this_machine(stack: ExitStack, study: Study, needs: Needs, number: int | None) -> "DaskPool":
    """Start one worker process per slot: one that is killed takes a single slot with it."""
    slots = slots_for(study, number)
    distributed, pool = _modules()
    with _signals_for_launcher_only():
        cluster = stack.enter_context(
            distributed.LocalCluster(
                n_workers=len(slots),
                threads_per_worker=1,
                host="127.0.0.1",
                dashboard_address=None,
                scheduler_kwargs=slurm.NO_DASHBOARD,
                memory_limit=0,  # a worker keeps nothing in memory, and trials are separate processes
                silence_logs=logging.CRITICAL,
            )
        )
        client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
    client.run(offer, needs)
    return pool(
        client=client,
        needs=needs,
        where=f"Dask, {counted(len(slots), 'worker')} on this machine",
        slots=slots,
        shares_machine=True,
    )


def _on_address(
    stack: ExitStack,
    options: ClusterOptions,
    study: Study,
    needs: Needs,
    *,
    store: str,
    number: int | None,
) -> "DaskPool":
    """Use the workers of an existing scheduler, as they are."""
    where = f"{options.named()[0]} {options.address or options.scheduler_file}"
    file = options.scheduler_file
    if file is not None and not file.is_file():
        raise UsageError(f"{where}: no such file. `dask scheduler --scheduler-file {file}` writes it.")
    distributed, pool = _modules()
    try:
        client = distributed.Client(
            address=options.address,
            scheduler_file=None if file is None else str(file),
            timeout=CONNECT_S,
            set_as_default=False,
        )
    except (OSError, TimeoutError, ValueError, TypeError, RuntimeError) as error:
        raise UsageError(
            f"{where}: no Dask scheduler responds ({error}). Use the tcp://HOST:PORT that `dask scheduler` prints."
        ) from error
    stack.enter_context(client)
    check_workers(client, where, store, extra="trainer" if study.trial.is_trainer else None)
    offers = client.run(offer, needs, on_error="return")
    found: list[Slot] = []
    refusals = []
    machines = set()
    for answer in offers.values():
        if isinstance(answer, BaseException):
            refusals.append(str(answer))
        else:
            machines.add(answer[0])
            found += answer[1]
    if not found:
        raise UsageError(f"{where}: no worker has room for a slot. {refusals[0] if refusals else ''}".rstrip())
    size = f"{counted(len(offers), 'worker')} on {counted(len(machines), 'machine')}"
    return pool(
        client=client,
        needs=needs,
        where=f"Dask {options.address or file}, {size}",
        slots=tuple(found[:number]),
    )


def _on_slurm(
    stack: ExitStack, num_jobs: int, study: Study, needs: Needs, *, store: str, number: int | None
) -> "DaskPool":
    """Submit jobs that are Dask workers, again if they end before the study does."""
    if needs.sqlite_machine is not None and not slurm.runs_only_here():
        raise UsageError(refused_sqlite(store, "--dask-slurm", "SLURM's machines"))
    if slurm.runs_this_interpreter():
        check_program(study)
    options = slurm.job_options(study)
    distributed, pool = _modules()
    with _signals_for_launcher_only():
        cluster = slurm.cluster_of(options)
        stack.callback(slurm.close, cluster)
        slurm.check_job(cluster)
        client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
        jobs = Jobs(cluster, num_jobs)
        jobs.maintain()
    total = number if number is not None else num_jobs * slurm.slots_of_a_job(study.resources, options)
    return pool(
        client=client,
        needs=needs,
        where=f"Dask, {counted(num_jobs, 'SLURM job')}",
        slots=tuple(Slot(name=f"slurm-{index}", device="SLURM") for index in range(total)),
        keep_workers=jobs.maintain,
    )


def _modules() -> tuple[ModuleType, type["DaskPool"]]:
    """Import Dask's distributed part and our pool, once the settings apply."""
    import distributed  # noqa: PLC0415

    from sweeper.execution.cluster.pool import DaskPool  # noqa: PLC0415

    for name in ("distributed", "tornado.application", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return distributed, DaskPool


@contextmanager
def _signals_for_launcher_only() -> Iterator[None]:
    """Block the terminal's signals in threads and processes that start in the block."""
    resource_tracker.ensure_running()  # or multiprocessing starts it later, and unblocks the signals afterwards
    before = signal.pthread_sigmask(signal.SIG_BLOCK, FROM_TERMINAL)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
