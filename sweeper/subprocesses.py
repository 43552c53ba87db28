"""How Python processes of ours are started, so that files in the working directory never stand in for modules.

And what other programs print.

What we start ourselves runs through `run_module`. Processes that joblib, Dask and multiprocessing start get
PYTHONSAFEPATH from the environment; programs of the user's must not inherit it, for their scripts import what lies
beside them.

They also get OPENBLAS_NUM_THREADS: numpy, which joblib imports, starts a thread per core when it is loaded, and where
no more may start, OpenBLAS prints an error and interrupts the process. Slots compute next to nothing, so one thread is
enough; trials get the user's own number, or that of their slot.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SAFE_PATH: Final = "PYTHONSAFEPATH"
BY_SWEEPER: Final = "sweeper"  # the variable's value where we set it; Python takes any
BLAS_THREADS: Final = "OPENBLAS_NUM_THREADS"
ONE_BY_SWEEPER: Final = "+1"  # OpenBLAS reads it as 1, and nobody else writes it like that
USERS_THREADS: Final = "SWEEPER_USERS_OPENBLAS_NUM_THREADS"  # the variable's value before we set it
RUN_MODULE: Final = Path(__file__).with_name("run_module.py")
ANSWER_S: Final = 10.0
INTERPRETER: Final = (sys.executable, "-P")  # -P: the working directory is not searched for modules


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours, e.g. ``trainer``, in a process of its own."""
    return [*INTERPRETER, str(RUN_MODULE), module, *arguments]


def code_command(code: str, *arguments: str) -> list[str]:
    """Return the command that runs some lines of Python that import no module of ours."""
    return [*INTERPRETER, "-c", code, *arguments]


def printed(command: Sequence[str], *, timeout_s: float = ANSWER_S) -> str | None:
    """Return what a program prints, stripped; None where it is missing, fails or does not answer in time."""
    program = shutil.which(command[0])
    if program is None:
        return None
    try:
        answer = subprocess.run(
            [program, *command[1:]], capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() if answer.returncode == 0 else None


@contextmanager
def safe_path() -> Iterator[None]:
    """Keep the working directory out of the module path of every Python process that is started within the block."""
    before = os.environ.get(SAFE_PATH)
    os.environ[SAFE_PATH] = before or BY_SWEEPER
    try:
        yield
    finally:
        if before is None:
            os.environ.pop(SAFE_PATH, None)
        else:
            os.environ[SAFE_PATH] = before


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Have OpenBLAS start no threads in any process that is started within the block."""
    before = os.environ.get(BLAS_THREADS)
    if before == ONE_BY_SWEEPER:
        yield
        return
    os.environ[BLAS_THREADS] = ONE_BY_SWEEPER
    if before is not None:
        os.environ[USERS_THREADS] = before
    try:
        yield
    finally:
        os.environ.pop(USERS_THREADS, None)
        if before is None:
            os.environ.pop(BLAS_THREADS, None)
        else:
            os.environ[BLAS_THREADS] = before


def users_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a program of the user's, without what `safe_path` and `one_blas_thread` have set."""
    ours = {(SAFE_PATH, BY_SWEEPER), (BLAS_THREADS, ONE_BY_SWEEPER)}
    found = {name: value for name, value in environment.items() if (name, value) not in ours and name != USERS_THREADS}
    if BLAS_THREADS not in found and USERS_THREADS in environment:
        found[BLAS_THREADS] = environment[USERS_THREADS]
    return found
