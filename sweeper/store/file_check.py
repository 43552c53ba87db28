"""Check that a SQLite store still exists: a process can write to a deleted file that it has open, unnoticed."""

from pathlib import Path

from sweeper.store.url import replaced, sqlite_path


class StoreFileCheck:
    """Remembers which file a store is."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._path = sqlite_path(url)
        self._identity = None if self._path is None else _identity(self._path)

    def check(self) -> None:
        """Check that the file is still the same.

        Raises:
            StoreError: it was deleted or replaced.
        """
        if self._path is None:
            return
        now = _identity(self._path)
        if now is not None and now == self._identity:
            return
        what = "the file was deleted" if now is None else "the file was replaced by another one"
        raise replaced(self._url, what)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
