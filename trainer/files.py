"""Write files atomically, and keep a log that can be truncated on resume."""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from trainer.errors import Unreadable


def write_atomically(path: Path, write: Callable[[IO[bytes]], object], *, keep: Path | None = None) -> None:
    """Write a file under a temporary name, sync it to disk, then rename it: readers see the old file or the new one.

    Args:
        keep: where the old file stays, if there is one.

    Raises:
        OSError: the disk is full, or the directory is gone or cannot be written to.
    """
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            _written(write, file)
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            _keep(path, keep)
        Path(temporary).replace(path)
        _sync_folder(path.parent)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _written(write: Callable[[IO[bytes]], object], file: IO[bytes]) -> None:
    try:
        write(file)
    except RuntimeError as error:
        if isinstance(error.__context__, OSError):  # PyTorch's zip writer covers the file's own error with one of its
            raise error.__context__ from None
        raise


def write_json(path: Path, document: Mapping[str, Any]) -> None:
    """Write a JSON file atomically."""
    content = json.dumps(document, indent=1, allow_nan=False).encode() + b"\n"
    write_atomically(path, lambda file: file.write(content))


def remove_leftovers(folder: Path, names: tuple[str, ...]) -> None:
    """Remove the temporary files of a killed process."""
    for name in names:
        for path in folder.glob(f".{name}.*"):
            path.unlink(missing_ok=True)


class LineLog:
    """A file of JSON lines that only grows, except when a resumed run removes lines newer than its checkpoint."""

    def __init__(self, path: Path, length: int) -> None:
        """Truncate the file to `length` bytes and open it for appending.

        Raises:
            Unreadable: the file is shorter than that.
        """
        self._file = path.open("ab")
        if self._file.tell() < length:
            found = self._file.tell()
            self._file.close()
            raise Unreadable(f"{path}: has {found} bytes, but the checkpoint beside it expects at least {length}")
        self._file.truncate(length)
        self._file.seek(length)

    def append(self, line: Mapping[str, Any]) -> None:
        """Write a line and flush it."""
        self._file.write(json.dumps(line, allow_nan=False).encode() + b"\n")
        self._file.flush()

    @property
    def length(self) -> int:
        """The length of the file in bytes."""
        return self._file.tell()

    def sync(self) -> None:
        """Sync all lines to disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _keep(path: Path, keep: Path) -> None:
    """Give a file a second name, and leave it its first one if the file system can."""
    link = path.with_name(f".{path.name}.link")
    link.unlink(missing_ok=True)
    try:
        link.hardlink_to(path)
    except OSError:  # no hard links here: for a moment, only the second name exists
        path.replace(keep)
    else:
        link.replace(keep)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
