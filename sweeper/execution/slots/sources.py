"""What a promoted trial resumes from: the checkpoint of the trial whose configuration it continues.

If it is missing, the trial does not begin from scratch instead: it would not be comparable with those that resumed.
"""

import errno
import socket
from dataclasses import dataclass
from pathlib import Path


class SourceMissing(FileNotFoundError):  # noqa: N818 - what it is about
    """What a promoted trial is to resume from is not here.

    Attributes:
        remedy: what somebody has to do about it.
        is_elsewhere: it was written on another host, which may have it.
    """

    def __init__(self, path: Path, what: str, remedy: str, *, is_elsewhere: bool) -> None:
        super().__init__(errno.ENOENT, what, str(path))
        self.remedy = remedy
        self.is_elsewhere = is_elsewhere


@dataclass(frozen=True, slots=True)
class Source:
    """Where the trial ran that a promoted one continues.

    Attributes:
        checkpoints: the files that the program may resume from, any of them; none if they are not known.
    """

    run_dir: Path
    host: str
    checkpoints: tuple[str, ...] = ()

    def check_copy(self, run_dir: Path) -> None:
        """Check that a promoted trial's own directory still has something to resume from.

        Raises:
            SourceMissing: it has not.
        """
        if not self._is_in(run_dir):
            what = "the checkpoint to resume from is gone"
            remedy = f"Delete {run_dir}, so that it is copied again"
            raise SourceMissing(run_dir / self.checkpoints[0], what, remedy, is_elsewhere=False)

    def _is_in(self, run_dir: Path) -> bool:
        return not self.checkpoints or any((run_dir / name).is_file() for name in self.checkpoints)

    def check(self) -> None:
        """Check that there is something to resume from.

        Raises:
            SourceMissing: there is not.
        """
        resumable = [self.run_dir / name for name in self.checkpoints]
        if self.run_dir.is_dir() and self._is_in(self.run_dir):
            return
        place = resumable[0] if resumable else self.run_dir
        if self.host == socket.gethostname():
            raise SourceMissing(place, "the checkpoint to resume from is gone", "Restore it", is_elsewhere=False)
        what = f"the checkpoint to resume from is not on this machine; it was written on {self.host}"
        remedy = f"Share the run directories with {self.host}, or run a worker there"
        raise SourceMissing(place, what, remedy, is_elsewhere=True)
