"""Copies of run directories: made under another name and renamed, so that nobody sees a part of one."""

import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweeper.execution.slots.directory_lock import is_free
from sweeper.execution.slots.metrics import METRICS_FILE, OUTPUT_FILE

CHUNK: Final = 1 << 23  # bytes that are copied before the lease is looked after
READ_LAST: Final = (OUTPUT_FILE, METRICS_FILE)  # they must hold all that the checkpoint has in it
TRIES: Final = 3  # at a file that changes meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """What to copy.

    Attributes:
        skips: says by its name whether a file at the top does not belong to the copy.
        beat: called often, to keep the lease.
    """

    source: Path
    skips: Callable[[str], bool]
    beat: Callable[[], None]

    def into(self, draft: Path, target: Path) -> None:
        """Copy into a draft of a target. The source may still be written to: a file is read until it stands still.

        Raises:
            OSError: a file cannot be read or written.
        """
        names = sorted(name for name in os.listdir(self.source) if not self.skips(name))  # noqa: PTH208
        names.sort(key=lambda name: READ_LAST.index(name) if name in READ_LAST else -1)
        for name in names:
            self._copy(self.source / name, draft / name, target)

    def _copy(self, path: Path, draft: Path, target: Path) -> None:
        with suppress(FileNotFoundError):  # it was renamed or deleted meanwhile
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                draft.symlink_to(self._link(path, target))
            elif stat.S_ISDIR(mode):
                draft.mkdir(exist_ok=True)
                for each in sorted(path.iterdir()):
                    self._copy(each, draft / each.name, target)
                shutil.copystat(path, draft)
            elif stat.S_ISREG(mode):  # a socket or a pipe of a process means nothing without it
                self._copy_file(path, draft)

    def _link(self, path: Path, target: Path) -> str:
        """Return where a link of the copy points: into the copy, if it pointed into the source."""
        link = os.readlink(path)  # noqa: PTH115 - as it is written
        inside = Path(link).is_absolute() and Path(link).is_relative_to(self.source)
        return str(target / Path(link).relative_to(self.source)) if inside else link

    def _copy_file(self, path: Path, draft: Path) -> None:
        for _ in range(TRIES):
            with path.open("rb") as source, draft.open("wb") as copy:
                before = os.fstat(source.fileno())
                while data := source.read(CHUNK):
                    copy.write(data)
                    self.beat()
                after = os.fstat(source.fileno())
            if (before.st_mtime_ns, before.st_size) == (after.st_mtime_ns, after.st_size):
                break
        shutil.copystat(path, draft)


@contextmanager
def draft_of(directory: Path, *, sweeps: bool = True) -> Iterator[Path]:
    """Yield an empty directory that is to be renamed; afterwards it is gone, and so are those that dead slots left.

    Args:
        sweeps: whether slots may have died here; looking for what they left takes longer the more trials there are.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    for left in directory.parent.glob(f".{directory.name}.draft-*") if sweeps else ():
        if is_free(left):
            shutil.rmtree(left, ignore_errors=True)
    draft = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}.draft-"))
    try:
        yield draft
    finally:
        shutil.rmtree(draft, ignore_errors=True)
