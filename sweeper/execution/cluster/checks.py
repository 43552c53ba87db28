"""Whether the workers of a cluster can run a study's slots. Asks with functions of Python's own library at first.

A worker that has no sweeper, or another one, could not even take part in a check of ours.
"""

import importlib.metadata
import os
import platform
import socket
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

from sweeper.errors import UsageError
from sweeper.execution.slots.machine import this_machine
from sweeper.extras import how_to_install, missing_modules
from sweeper.store.url import shown, sqlite_path


def check_workers(client: Any, where: str, store: str, *, extra: str | None = None) -> None:
    """Refuse workers that cannot run our slots, all mistakes at once.

    Args:
        extra: the optional part of sweeper that the study needs; None for none.

    Raises:
        UsageError: there are none, their versions differ from ours, they lack this folder, or cannot reach the store.
    """
    hosts = _ask(client, socket.gethostname)
    if not hosts:
        raise UsageError(f"{where}: the scheduler has no workers. Start some, e.g. with: dask worker ADDRESS")
    versions = _differing(_ask(client, importlib.metadata.version, "sweeper"), _own_version(), hosts)
    pythons = _differing(_ask(client, platform.python_version), platform.python_version(), hosts)
    folder = os.getcwd()  # noqa: PTH109
    folders = _differing(_ask(client, os.path.isdir, folder), True, hosts)
    mistakes = [
        f"{where}: sweeper is {found} on {on}, but {_own_version()} here. Install the same version there."
        for found, on in versions.items()
    ]
    mistakes += [
        f"{where}: Python is {found} on {on}, but {platform.python_version()} here. Start the workers from the same "
        "environment."
        for found, on in pythons.items()
        if not _same_minor(found)
    ]
    mistakes += [
        f"{where}: the folder {folder} is not there on {on}. Start from a folder that all machines share."
        for on in folders.values()
    ]
    if not versions:
        mistakes += _check_store(client, where, store, hosts)
        mistakes += [] if extra is None else _check_extra(client, where, extra, hosts)
    if mistakes:
        raise UsageError("\n".join(mistakes))


def _check_store(client: Any, where: str, store: str, hosts: Mapping[str, str]) -> list[str]:
    if sqlite_path(store) is None:
        return []
    elsewhere = _differing(_ask(client, this_machine), this_machine(), hosts)
    return [refused_sqlite(store, where, ", ".join(elsewhere.values()))] if elsewhere else []


def _check_extra(client: Any, where: str, extra: str, hosts: Mapping[str, str]) -> list[str]:
    missing = _differing(_ask(client, lacks, extra), False, hosts)
    return [
        f"{where}: the study needs sweeper[{extra}], which is not installed on {on}. {how_to_install(extra)}"
        for on in missing.values()
    ]


def lacks(extra: str) -> bool:
    """Whether an extra is not installed where this runs."""
    return bool(missing_modules(extra))


def refused_sqlite(store: str, where: str, on: str) -> str:
    """What to say of a SQLite store for workers elsewhere."""
    return (
        f"store {shown(store)} is a file of this machine ({socket.gethostname()}), but {where} runs slots on {on}. "
        "Use a store on PostgreSQL, which all of them reach: --store postgresql://USER@HOST/DATABASE"
    )


def _ask(client: Any, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
    """What each worker answers; an error counts as the answer ``none``."""
    answers = client.run(function, *arguments, on_error="return")
    return {worker: "none" if isinstance(answer, BaseException) else answer for worker, answer in answers.items()}


def _differing(answers: Mapping[str, Any], own: Any, hosts: Mapping[str, str]) -> dict[Any, str]:
    """The hosts, in one word, of each answer that is not as here."""
    found: dict[Any, set[str]] = defaultdict(set)
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
