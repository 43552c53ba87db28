"""What ends a run before its time, and the exit code of each. Torch-free.

TrainerError
├── UsageError (2)      the configuration, the folder or the corpus is not as it must be
├── Diverged (3)        the loss or its gradient is no longer finite
├── OutOfMemory (4)     the device has no memory left
└── Stopped (128 + n)   signal n asked the run to stop; its checkpoint is written
"""

from typing import ClassVar


class TrainerError(Exception):
    """A run ends with a message to its user; no traceback."""

    exit_code: ClassVar[int] = 1


class UsageError(TrainerError):
    """A mistake that the user can mend."""

    exit_code: ClassVar[int] = 2


class Diverged(TrainerError):  # noqa: N818 - an outcome of a run, not a mistake
    """The loss, its gradient or the validation loss is not finite."""

    exit_code: ClassVar[int] = 3


class OutOfMemory(TrainerError):  # noqa: N818 - an outcome of a run, not a mistake
    """The device has no memory left for the next step."""

    exit_code: ClassVar[int] = 4


class Stopped(TrainerError):  # noqa: N818 - an outcome of a run, not a mistake
    """A signal asked the run to stop."""

    def __init__(self, signal_number: int) -> None:
        self.signal_number = signal_number
        super().__init__(f"stopped by signal {signal_number}; run the same command with --resume to go on")
