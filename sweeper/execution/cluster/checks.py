"""Check that the workers of a cluster can run a study's slots; at first with functions of Python's own library.

A worker without sweeper, or with another version, could not even take part in a check of ours.
"""

import importlib.metadata
import os
import platform
import socket
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from sweeper.errors import UsageError
from sweeper.execution.slots.machine import this_machine
from sweeper.extras import how_to_install, missing_modules
from sweeper.store.url import shown, sqlite_path

if TYPE_CHECKING:
    from dask.distributed import Client

Answer = TypeVar("Answer", str, bool)


def check_workers(client: "Client", where: str, store: str, *, extra: str | None = None) -> None:
    """Refuse workers that cannot run our slots, with all errors at once.

    Args:
        extra: the optional part of sweeper that the study needs; None for none.

    Raises:
        UsageError: there are none, their versions differ from ours, they lack this directory, or cannot reach the
            store.
    """
    hosts = _ask(client, socket.gethostname)
    if not hosts:
        raise UsageError(f"{where}: the scheduler has no workers. Start some, e.g. with: dask worker ADDRESS")
    versions = _differing(_ask(client, importlib.metadata.version, "sweeper"), _own_version(), hosts)
    pythons = _differing(_ask(client, platform.python_version), platform.python_version(), hosts)
    directory = os.getcwd()  # noqa: PTH109
    directories = _differing(_ask(client, os.path.isdir, directory), True, hosts)
    errors = [
        f"{where}: sweeper is {found} on {on}, but {_own_version()} here. Install the same version there."
        for found, on in versions.items()
    ]
    errors += [
        f"{where}: Python is {found} on {on}, but {platform.python_version()} here. Start the workers from the same "
        "environment."
        for found, on in pythons.items()
        if not _same_minor(found)
    ]
    errors += [
        f"{where}: the directory {directory} does not exist on {on}. Start from one that all machines share."
        for on in directories.values()
    ]
    if not versions:
        errors += _check_store(client, where, store, hosts)
        errors += [] if extra is None else _check_extra(client, where, extra, hosts)
    if errors:
        raise UsageError("\n".join(errors))


def _check_store(client: "Client", where: str, store: str, hosts: Mapping[str, str]) -> list[str]:
    if sqlite_path(store) is None:
        return []
    elsewhere = _differing(_ask(client, this_machine), this_machine(), hosts)
    return [refused_sqlite(store, where, ", ".join(elsewhere.values()))] if elsewhere else []


def _check_extra(client: "Client", where: str, extra: str, hosts: Mapping[str, str]) -> list[str]:
    missing = _differing(_ask(client, lacks, extra), False, hosts)
    remedy = how_to_install(extra, environment="ENVIRONMENT")
    return [
        f"{where}: the study needs sweeper[{extra}], which is not installed on {on}. {remedy}"
        for on in missing.values()
    ]


def lacks(extra: str) -> bool:
    """Whether an extra is not installed where this runs."""
    return bool(missing_modules(extra))


def refused_sqlite(store: str, where: str, on: str) -> str:
    """Return the error for a SQLite store with workers elsewhere."""
    return (
        f"store {shown(store)} is a file on this machine ({socket.gethostname()}), but {where} runs slots on {on}. "
        "Use PostgreSQL, which all of them can reach: --store postgresql://USER@HOST/DATABASE"
    )


def _ask(client: "Client", function: Callable[..., Answer], *arguments: object) -> dict[str, Answer | str]:
    """Return each worker's answer; an error counts as the answer ``none``."""
    answers = client.run(function, *arguments, on_error="return")
    return {worker: "none" if isinstance(answer, BaseException) else answer for worker, answer in answers.items()}


def _differing(
    answers: Mapping[str, Answer | str], own: Answer, hosts: Mapping[str, object]
) -> dict[Answer | str, str]:
    """Return the hosts, in one string, of each answer that differs from ours."""
    found: dict[Answer | str, set[str]] = defaultdict(set)
    for worker, answer in answers.items():
        if answer != own:
            found[answer].add(str(hosts.get(worker, worker)))
    return {answer: ", ".join(sorted(on)) for answer, on in found.items()}


def _same_minor(version: str) -> bool:
    return version.split(".")[:2] == platform.python_version().split(".")[:2]


def _own_version() -> str:
    try:
        return importlib.metadata.version("sweeper")
    except importlib.metadata.PackageNotFoundError:
        return "none"
