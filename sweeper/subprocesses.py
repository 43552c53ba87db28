"""How Python processes of ours are started, so that files in the working directory never stand in for modules.

What we start ourselves runs through `run_module`. Processes that joblib, Dask and multiprocessing start get
PYTHONSAFEPATH from the environment; programs of the user's must not inherit it, for their scripts import what lies
beside them.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

SAFE_PATH: Final = "PYTHONSAFEPATH"
BY_SWEEPER: Final = "sweeper"  # the variable's value where we set it; Python takes any
RUN_MODULE: Final = Path(__file__).with_name("run_module.py")
INTERPRETER: Final = (sys.executable, "-P")  # -P: the working directory is not searched for modules


def module_command(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours, e.g. ``trainer``, in a process of its own."""
    return [*INTERPRETER, str(RUN_MODULE), module, *arguments]


def code_command(code: str, *arguments: str) -> list[str]:
    """Return the command that runs some lines of Python that import no module of ours."""
    return [*INTERPRETER, "-c", code, *arguments]


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


def users_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment for a program of the user's: all of it but what `safe_path` has set."""
    return {name: value for name, value in environment.items() if (name, value) != (SAFE_PATH, BY_SWEEPER)}
