"""Everything that a user of sweeper can be told has gone wrong.

The tree::

    SweeperError                exit code 1
    ├── UsageError              exit code 2: the command or the study file is wrong; nothing was written
    │   ├── MistakesError       every mistake of one file at once, each with its place
    │   └── MissingExtraError   an optional part is not installed
    ├── StoreError              exit code 2: the store cannot be opened, read or written
    │   └── AbsentStoreError    there is none yet
    ├── BudgetExhausted         exit code 3: the study's budget is spent
    └── Interrupted             exit code 130: stopped by the user; the store is whole
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class SweeperError(Exception):
    """An error that is shown to the user as its message alone, never as a traceback."""

    exit_code: ClassVar[int] = 1


class UsageError(SweeperError):
    """The command line or a file that it names is wrong; nothing was run or written."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a user's file.

    Attributes:
        file: the file's path as the user gave it.
        line: 1-based line.
        column: 1-based column.
        path: the dotted path of the key, e.g. ``factors.depth.levels``; empty for the file as a whole.
        message: the value, what is wrong with it and what to do.
    """

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: "
        return place + (f"{self.path}: {self.message}" if self.path else self.message)


class MistakesError(UsageError):
    """All mistakes of one file, in the order of their places."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class MissingExtraError(UsageError):
    """What was asked for needs an optional part that is not installed."""


class StoreError(SweeperError):
    """The store cannot be opened, read or written; the message says which and what to do."""

    exit_code = 2


class AbsentStoreError(StoreError):
    """There is no store where one was looked for; a launch would make it."""


class BudgetExhausted(SweeperError):  # noqa: N818 - an outcome of a run rather than an error of the program
    """The study's budget is spent; raising it and launching again goes on."""

    exit_code = 3


class Interrupted(SweeperError):  # noqa: N818 - an outcome of a run rather than an error of the program
    """The user stopped the run; the store is whole and the same command goes on."""

    exit_code = 130
