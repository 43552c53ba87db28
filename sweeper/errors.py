"""The errors that users see.

SweeperError (1)
├── UsageError (2)             the command or the study file is wrong; nothing was written
│   ├── MistakesError          every mistake in one file, each with its position
│   └── MissingExtraError      an optional part is not installed
├── StoreError (2)             the store cannot be opened, read or written
│   ├── AbsentStoreError       there is no store yet
│   └── StoreUnavailable       it does not answer now, and may well do so later
└── Interrupted (130)          the user did not want to wait any longer
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar


class SweeperError(Exception):
    """An error that is shown to the user as a message, without a traceback."""

    exit_code: ClassVar[int] = 1


class UsageError(SweeperError):
    """The command line or a file that it names is wrong; nothing was run or written."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a user's file.

    Attributes:
        file: the file's path as the user gave it.
        line: counted from 1.
        column: counted from 1.
        path: the dotted path of the key, e.g. ``factors.depth.levels``; empty for the file as a whole.
        message: the value, what is wrong with it and what to do.
    """

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        position = f"{self.file}:{self.line}:{self.column}: "
        return position + (f"{self.path}: {self.message}" if self.path else self.message)


class MistakesError(UsageError):
    """All mistakes in one file, in their order in it."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(sorted(mistakes))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


class MissingExtraError(UsageError):
    """The command needs an optional part that is not installed."""


class StoreError(SweeperError):
    """The store cannot be opened, read or written; the message names it and says what to do."""

    exit_code = 2


class AbsentStoreError(StoreError):
    """There is no store yet; a launch would create it."""


class StoreUnavailable(StoreError):  # noqa: N818 - what is the case, as in OutputLost
    """The store does not answer now: its server is restarted, cut off or busy. The same call may succeed later."""


class Interrupted(SweeperError):  # noqa: N818 - not an error
    """The run was interrupted, and the store did not answer in the time that the user was willing to wait."""

    exit_code = 130
