"""Whether a SQLite store is still there: a process that has a deleted file open can write into it unnoticed."""

from pathlib import Path

from sweeper.errors import StoreError
from sweeper.store.url import shown, sqlite_path


class StoreFileCheck:
    """Remembers which file a store is."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._path = sqlite_path(url)
        self._identity = None if self._path is None else _identity(self._path)

    def check(self) -> None:
        """Look whether the file is the same.

        Raises:
            StoreError: it was deleted or replaced.
        """
        if self._path is None:
            return
        now = _identity(self._path)
        if now is not None and now == self._identity:
            return
        what = "was deleted" if now is None else "was replaced by another file"
        raise StoreError(
            f"store {shown(self._url)}: it {what} while the run was going on, which has stopped. "
            "Put the store back, or launch again: a new store takes over what the run directories hold"
        )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
