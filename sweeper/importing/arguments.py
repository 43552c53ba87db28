"""What a user says of a source, as messages name it: options of `sweeper import`, or arguments of `sweeper.read`."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from shlex import quote
from typing import Final

LISTS: Final = ("factors", "strata")
_IN_PYTHON: Final = ContextVar("in_python", default=False)


@contextmanager
def named_as_arguments() -> Iterator[None]:
    """Let messages name arguments of a function instead of options of a command."""
    token = _IN_PYTHON.set(True)
    try:
        yield
    finally:
        _IN_PYTHON.reset(token)


def is_option() -> bool:
    """Return whether the user says things by options of a command."""
    return not _IN_PYTHON.get()


def option(name: str) -> str:
    """Return an option as the place of a mistake: ``--metric``, or ``metric`` in Python."""
    return name if _IN_PYTHON.get() else f"--{name}"


def by(name: str, value: str = "") -> str:
    """Return an option as a remedy: ``--only runs``, or ``only='runs'`` in Python.

    Args:
        value: what to give; empty if the user knows.
    """
    if _IN_PYTHON.get():
        if value and name in LISTS:
            return f"{name}={value.split(',')!r}"
        return f"{name}={value!r}" if value else f"{name}=[...]" if name in LISTS else f"{name}='...'"
    return f"--{name} {quote(value)}" if value else f"--{name}"
