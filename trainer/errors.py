"""Errors that end a run early, with their exit codes. This module does not load PyTorch.

TrainerError (1)
├── Unwritable (1)      a file of the run cannot be read or written now, e.g. since the disk is full
├── UsageError (2)      the configuration, the run directory or the corpus is invalid
│   └── Unreadable      a file of the run directory is damaged
├── Diverged (3)        the loss or its gradient is no longer finite
├── OutOfMemory (4)     the device has no memory left
└── Stopped (128 + n)   signal n asked the run to stop; its checkpoint is written
"""

import shlex
import sys
from typing import ClassVar, Final

INSTALL: Final = (
    "Install what the trainer needs: pip install 'sweeper[trainer]', or "
    f"uv pip install --python {shlex.quote(sys.prefix)} 'sweeper[trainer]'"
)


class TrainerError(Exception):
    """An error that is shown to the user as a message, without a traceback."""

    exit_code: ClassVar[int] = 1


class Unwritable(TrainerError):  # noqa: N818 - what a directory is
    """A file of the run directory cannot be read or written at the moment."""


class UsageError(TrainerError):
    """An error that the user can fix."""

    exit_code: ClassVar[int] = 2


class Unreadable(UsageError):  # noqa: N818 - what a file is
    """A checkpoint, or a file that belongs to it, is damaged: a run may resume from an older one.

    Attributes:
        fault: what is wrong with which file.
    """

    def __init__(self, fault: str) -> None:
        self.fault = fault
        super().__init__(f"{fault}. Restore it, or run again with --resume to do without it.")


class Diverged(TrainerError):  # noqa: N818 - an outcome of a run, not a user's error
    """The loss, its gradient or the validation loss is not finite."""

    exit_code: ClassVar[int] = 3


class OutOfMemory(TrainerError):  # noqa: N818 - an outcome of a run, not a user's error
    """The device has no memory left for the next step."""

    exit_code: ClassVar[int] = 4


class Stopped(TrainerError):  # noqa: N818 - an outcome of a run, not a user's error
    """A signal asked the run to stop."""

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(f"stopped by signal {signal_number}; run the same command with --resume to continue")
