"""The optional parts of sweeper: what each is for, and what to say where one is not installed."""

import shlex
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

from sweeper.errors import MissingExtraError


@dataclass(frozen=True, slots=True)
class Extra:
    """An optional part.

    Attributes:
        modules: the modules without which nothing of it works.
        purpose: what it is for, in a few words.
    """

    modules: tuple[str, ...]
    purpose: str


EXTRAS: Final[Mapping[str, Extra]] = {
    "trainer": Extra(("torch",), "the built-in trainer"),
    "importance": Extra(("sklearn",), "the importance of factors in reports of searches"),
    "parquet": Extra(("pyarrow",), "Parquet files"),
    "dashboard": Extra(("optuna_dashboard",), "sweeper dashboard"),
    "dask": Extra(("distributed", "dask_jobqueue"), "--engine dask"),
    "postgresql": Extra(("psycopg",), "stores on PostgreSQL"),
}


def missing_modules(extra: str) -> list[str]:
    """Return the modules of an extra that cannot be found here."""
    return [name for name in EXTRAS[extra].modules if find_spec(name) is None]


def require(extra: str, needed_by: str) -> None:
    """Check that an extra is installed.

    Args:
        needed_by: the option, file or key that needs it: the beginning of the message.

    Raises:
        MissingExtraError: it is not installed.
    """
    if missing := missing_modules(extra):
        raise MissingExtraError(f"{needed_by} needs {absence(extra, missing)}")


def absence(extra: str, missing: list[str]) -> str:
    """Return what is missing, where, and how to install it: the end of a message."""
    verb = "is" if len(missing) == 1 else "are"
    return f"{' and '.join(missing)}, which {verb} not installed in {sys.prefix}. {how_to_install(extra)}"


def how_to_install(extra: str, environment: str = sys.prefix) -> str:
    """Return how to add an extra to an installed sweeper, whichever tool has installed it, and from wherever.

    `uv tool install` would replace it by the project of that name on the package index.
    """
    name = f"'sweeper[{extra}]'"
    return f"Install the extra: pip install {name}, or uv pip install --python {shlex.quote(environment)} {name}"
