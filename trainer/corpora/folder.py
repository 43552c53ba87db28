"""Read corpora from directories, and check well-known ones against the published files."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trainer.config.texts import PARTS, VARIABLE, absent_names, expected_files, part_file, usual_directories
from trainer.corpora.text import Text, lines_of
from trainer.errors import UsageError

# MD5 of the published files.
CHECKSUMS: Final[Mapping[str, Mapping[str, str]]] = {
    "ptb": {
        "train": "f26c4b92c5fdc7b3f8c7cdcb991d8420",
        "valid": "aa0affc06ff7c36e977d7cd49e3839bf",
        "test": "8b80168b89c18661a38ef683c0dc3721",
    },
    "wikitext-2": {
        "train": "34a77ebe59551b3a3b3d8c0a2797c976",
        "valid": "d756d22ab2310e7e60c094bea5c5a8eb",
        "test": "781c9418ab9414bd09e4aad825aae752",
    },
}

HEADING: Final = re.compile(r" = [^=]+ = ")  # the heading of a WikiText article; sections have more equals signs


def load_folder(corpus: str, folder: str | None) -> Text:
    """Read a corpus.

    Args:
        corpus: the name of a corpus that is read from files.
        folder: its directory; None searches the usual directories.

    Raises:
        UsageError: a directory or file is missing, or a file is not the published one.
    """
    if corpus == "wikitext-2-replica":
        return _replica(find_folder("wikitext-2", folder))
    directory = find_folder(corpus, folder)
    if corpus == "folder" and not any(part_file(directory, corpus, part) for part in PARTS):
        return _any_text(directory)
    return Text(corpus, **{part: _read(directory, corpus, part) for part in PARTS})


def _replica(folder: Path) -> Text:
    """Read WikiText-2 without its training file: train on the validation file, halve the test file at an article."""
    train = _read(folder, "wikitext-2", "valid")
    lines = _read(folder, "wikitext-2", "test").splitlines(keepends=True)
    middle = next(index for index in range(len(lines) // 2, len(lines)) if HEADING.fullmatch(lines[index].rstrip("\n")))
    return Text("wikitext-2-replica", train, valid="".join(lines[:middle]), test="".join(lines[middle:]))


def _any_text(folder: Path) -> Text:
    """Read all .txt and .md files below a directory.

    Of each file, the last twentieth of the lines is test text, the twentieth before it validation text, and the rest
    training text.

    Raises:
        UsageError: there is too little text.
    """
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".txt", ".md") and path.is_file()):
        lines = lines_of(_content(path)[0])
        first, second = (len(lines) * share // 20 for share in (18, 19))
        for part, some in zip(PARTS, (lines[:first], lines[first:second], lines[second:]), strict=True):
            parts[part] += some
    if not all(parts.values()):
        raise UsageError(
            f"{folder}: has too little text: {sum(map(len, parts.values()))} lines in .txt and .md files. Provide "
            "train.txt, valid.txt and test.txt, or at least 20 lines in one file."
        )
    return Text("folder", **{part: "".join(f"{line}\n" for line in lines) for part, lines in parts.items()})


def find_folder(corpus: str, folder: str | None) -> Path:
    """Return the given directory, or the first usual one that exists.

    Raises:
        UsageError: there is none.
    """
    if folder is not None:
        if not Path(folder).is_dir():
            raise UsageError(
                f"data.folder: '{folder}' is not a directory. Use the directory that holds {expected_files(corpus)}."
            )
        return Path(folder)
    candidates = usual_directories(corpus, os.environ.get(VARIABLE))
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    searched = ", ".join(str(candidate) for candidate in candidates)
    raise UsageError(
        f"data.corpus: '{corpus}' was not found in {searched}. Set data.folder to the directory that holds "
        f"{expected_files(corpus)}, or ${VARIABLE} to its parent, or download the corpus: "
        f"python -m trainer.corpora.fetch {corpus} --folder data."
    )


def _read(folder: Path, corpus: str, part: str) -> str:
    path = part_file(folder, corpus, part)
    if path is None:
        raise UsageError(f"{folder}: has {absent_names(corpus, part)}. Add the file, or use another data.folder.")
    text, found = _content(path)
    if not text:
        raise UsageError(f"{path}: is empty. Fill it, or use another data.folder.")
    expected = CHECKSUMS.get(corpus, {}).get(part)
    if expected is not None and found != expected:
        raise UsageError(
            f"{path}: its MD5 is {found}, but that of the published {corpus} is {expected}. "
            "Results would not be comparable; download the original file."
        )
    return text


def _content(path: Path) -> tuple[str, str]:
    """Return a file's text, with newlines as line ends, and the MD5 of its bytes."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}.") from error
    return text, hashlib.md5(content, usedforsecurity=False).hexdigest()
