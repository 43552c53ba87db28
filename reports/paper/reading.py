"""Reads a paper in LaTeX as far as numbers need it: its files in the order of their inputs, without comments."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sweeper.errors import UsageError

COMMENT: Final = re.compile(r"(?<!\\)((?:\\\\)*)%.*")
INPUT: Final = re.compile(r"\\(?:input|include|subfile)(?![A-Za-z])\s*(?:\{\s*([^{}]+?)\s*\}|([^\s{}\\]+))")
UNREAD: Final = (
    "verbatim", "verbatim*", "Verbatim", "lstlisting", "minted", "comment", "filecontents", "filecontents*",
)  # fmt: skip
BEGIN: Final = re.compile(rf"\\begin\{{({'|'.join(map(re.escape, UNREAD))})\}}")
VERB: Final = re.compile(r"\\verb\*?([^A-Za-z\s*])(.*?)\1")
MOST_FILES: Final = 1000


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a paper: its file, its number from 1, its text without its comment, and all of it."""

    path: Path
    number: int
    text: str
    raw: str = ""

    @property
    def place(self) -> str:
        """Where it is, e.g. ``paper.tex:12``."""
        return f"{self.path}:{self.number}"


@dataclass(frozen=True, slots=True)
class Included:
    """A file that a line takes in; `text` is all of it, None if it cannot be read."""

    by: Line
    path: Path
    text: str | None


def read_paper(path: Path) -> Iterator[Line | Included]:
    """Yield the lines of a paper, and before those of each file that it takes in, the file.

    Raises:
        UsageError: the paper cannot be read.
    """
    try:
        text = _text(path)
    except OSError as error:
        raise UsageError(
            f"{path}: cannot be read: {error.strerror}. Name the main file of a paper in LaTeX."
        ) from error
    yield from _lines(path, text, path.parent, {path.resolve()})


def _text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", "replace")


def _lines(path: Path, text: str, root: Path, above: set[Path]) -> Iterator[Line | Included]:
    unread = ""
    for number, raw in enumerate(text.splitlines(), 1):
        if unread:
            unread = "" if rf"\end{{{unread}}}" in raw else unread
            continue
        line = Line(path, number, VERB.sub("", COMMENT.sub(r"\1", raw)), raw)
        begins = BEGIN.search(line.text)
        if begins is not None:
            unread = "" if rf"\end{{{begins[1]}}}" in line.text[begins.end() :] else begins[1]
            line = Line(path, number, line.text[: begins.start()])
        yield line
        for found in INPUT.finditer(line.text):
            yield from _included(line, found[1] or found[2], root, above)
        if r"\endinput" in line.text or r"\end{document}" in line.text:
            return


def _included(by: Line, name: str, root: Path, above: set[Path]) -> Iterator[Line | Included]:
    if "\\" in name or "#" in name:  # named by a macro
        return
    names = (name, f"{name}.tex")
    found = [place / each for place in (root, by.path.parent) for each in names if (place / each).is_file()]
    if not found:
        yield Included(by, root / name, None)
        return
    path = found[0]
    if path.resolve() in above or len(above) > MOST_FILES:
        return
    try:
        text = _text(path)
    except OSError:
        yield Included(by, path, None)
        return
    yield Included(by, path, text)
    yield from _lines(path, text, root, {*above, path.resolve()})
