"""The checksums of a paper's files as they were written: what is replaced or edited later is found by them.

``sha256sum --check checksums.sha256`` reads them too.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

CHECKSUMS: Final = "checksums.sha256"
TEXTS: Final = (".tex",)  # whose line ends a version control system may change
ENTRY: Final = re.compile(r"^(?P<sum>[0-9a-f]{64})  (?P<name>\S.*)$")

Recorded = Mapping[Path, str]  # by file its checksum


def checksums(files: Mapping[str, bytes], provenance: str) -> bytes:
    """Return the file of checksums: a comment that names the study, then a line a file.

    Args:
        provenance: the comment, in LaTeX.
    """
    lines = [f"{_sum(name, content)}  {name}" for name, content in files.items()]
    return "\n".join([provenance.replace("%", "#", 1), *lines, ""]).encode()


def recorded_in(directories: Iterable[Path], study: str) -> Recorded:
    """Return the checksums of a study's files, by their resolved paths, that the records of some directories have.

    Args:
        study: the beginning of the record's comment that names it, in LaTeX.
    """
    found: dict[Path, str] = {}
    for directory in dict.fromkeys(each.resolve() for each in directories):
        try:
            lines = (directory / CHECKSUMS).read_text(encoding="utf-8").splitlines()
        except (OSError, ValueError):
            continue
        if lines and lines[0].startswith(study.replace("%", "#", 1)):
            entries = (match for line in lines[1:] if (match := ENTRY.match(line)) is not None)
            found |= {(directory / match["name"]).resolve(): match["sum"] for match in entries}
    return found


def is_as_written(path: Path, content: bytes, recorded: Recorded) -> bool | None:
    """Return whether a file is as it was written; None if that is not recorded."""
    known = recorded.get(path.resolve())
    return None if known is None else known == _sum(path.name, content)


def written_as(path: Path, content: bytes, recorded: Recorded) -> str | None:
    """Return the name of another recorded file that has this content; None if none has."""
    known = _sum(path.name, content)
    return next((each.name for each, found in recorded.items() if found == known and each != path.resolve()), None)


def _sum(name: str, content: bytes) -> str:
    plain = content.replace(b"\r\n", b"\n") if name.endswith(TEXTS) else content
    return hashlib.sha256(plain).hexdigest()
