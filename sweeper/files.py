"""Write files atomically."""

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

NO_LINKS: Final = frozenset({errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.EMLINK})  # on this file system


def write_atomically(path: Path, content: bytes, *, private: bool = False) -> None:
    """Write a file under a temporary name, then rename it: readers see the old file or the new one.

    Args:
        private: whether only its owner may read it; else the umask of the process applies.

    Raises:
        OSError: the directory cannot be written to.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        if not private:  # as mkstemp makes it
            mask = os.umask(0)
            os.umask(mask)
            Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(temporary).unlink()
        raise


def write_new(path: Path, content: bytes) -> None:
    """Write a file that does not exist yet, atomically: unlike renaming, linking never replaces a file.

    Raises:
        FileExistsError: there is a file of this name.
        OSError: the directory cannot be written to.
    """
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as directory:
        draft = Path(directory) / path.name
        draft.write_bytes(content)
        try:
            os.link(draft, path)
        except OSError as error:
            if error.errno not in NO_LINKS:
                raise
            with path.open("xb") as file:  # as one can without links
                file.write(content)
