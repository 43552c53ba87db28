"""Corpora from a folder: those that everyone knows are checked against the published files."""

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trainer.corpora.text import PARTS, Text, lines_of
from trainer.errors import UsageError

# MD5 of the files that everyone trains on. WikiText-2's training file is known by its fingerprint in the result only.
CHECKSUMS: Final[Mapping[str, Mapping[str, str]]] = {
    "ptb": {
        "train": "f26c4b92c5fdc7b3f8c7cdcb991d8420",
        "valid": "aa0affc06ff7c36e977d7cd49e3839bf",
        "test": "8b80168b89c18661a38ef683c0dc3721",
    },
    "wikitext-2": {
        "valid": "d756d22ab2310e7e60c094bea5c5a8eb",
        "test": "781c9418ab9414bd09e4aad825aae752",
    },
}
# The names under which a part is known; the first is ours, the others are the archives'.
NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "ptb": ("{part}.txt", "ptb.{part}.txt"),
    "wikitext-2": ("{part}.txt", "wiki.{part}.tokens"),
    "wikitext-103": ("{part}.txt", "wiki.{part}.tokens"),
    "folder": ("{part}.txt",),
}
HEADING: Final = re.compile(r" = [^=]+ = ")  # of a WikiText article; its sections have more signs
VARIABLE: Final = "SWEEPER_DATA"


def load_folder(corpus: str, folder: str | None) -> Text:
    """Read a corpus.

    Args:
        corpus: a corpus that is read from files.
        folder: where it is; None looks in the usual places.

    Raises:
        UsageError: there is no such folder or file, or a file is not the published one.
    """
    if corpus == "wikitext-2-replica":
        return _replica(find_folder("wikitext-2", folder))
    place = find_folder(corpus, folder)
    if corpus == "folder" and not any((place / NAMES[corpus][0].format(part=part)).exists() for part in PARTS):
        return _any_text(place)
    return Text(corpus, **{part: _read(place, corpus, part) for part in PARTS})


def _replica(folder: Path) -> Text:
    """WikiText-2 without its training file: trains on the validation file, halves the test file at an article."""
    train = _read(folder, "wikitext-2", "valid")
    lines = _read(folder, "wikitext-2", "test").splitlines(keepends=True)
    middle = next(place for place in range(len(lines) // 2, len(lines)) if HEADING.fullmatch(lines[place].rstrip("\n")))
    return Text("wikitext-2-replica", train, valid="".join(lines[:middle]), test="".join(lines[middle:]))


def _any_text(folder: Path) -> Text:
    """All .txt and .md files below a folder; of each, the last lines but those before them train.

    A twentieth of a file's lines validates, the last twentieth tests.

    Raises:
        UsageError: there is no text.
    """
    parts: dict[str, list[str]] = {part: [] for part in PARTS}
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".txt", ".md") and path.is_file()):
        lines = lines_of(_content(path)[0])
        first, second = (len(lines) * share // 20 for share in (18, 19))
        for part, some in zip(PARTS, (lines[:first], lines[first:second], lines[second:]), strict=True):
            parts[part] += some
    if not all(parts.values()):
        raise UsageError(
            f"{folder}: has too little text: {sum(map(len, parts.values()))} lines in .txt and .md files. Give it "
            "train.txt, valid.txt and test.txt, or at least 20 lines in one file."
        )
    return Text("folder", **{part: "".join(f"{line}\n" for line in lines) for part, lines in parts.items()})


def find_folder(corpus: str, folder: str | None) -> Path:
    """The folder given, or the first usual one that exists.

    Raises:
        UsageError: there is none.
    """
    if folder is not None:
        if not Path(folder).is_dir():
            raise UsageError(f"data.folder: '{folder}' is not a folder. Name the one that holds {_expected(corpus)}.")
        return Path(folder)
    base = os.environ.get(VARIABLE)
    places = [Path(base) / corpus] if base else []
    places += [Path("data") / corpus, Path("../shared/data") / corpus]
    for place in places:
        if place.is_dir():
            return place
    looked = ", ".join(str(place) for place in places)
    raise UsageError(
        f"data.corpus: '{corpus}' was not found in {looked}. "
        f"Set data.folder, or ${VARIABLE} to the folder above, where {_expected(corpus)} are, or fetch it: "
        f"python -m trainer.corpora.fetch {corpus} --folder data."
    )


def _read(folder: Path, corpus: str, part: str) -> str:
    candidates = [folder / name.format(part=part) for name in NAMES[corpus]]
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if path is None:
        names = " nor ".join(candidate.name for candidate in candidates)
        raise UsageError(f"{folder}: has {'neither ' if len(candidates) > 1 else 'no '}{names}.")
    text, found = _content(path)
    expected = CHECKSUMS.get(corpus, {}).get(part)
    if expected is not None and found != expected:
        raise UsageError(
            f"{path}: its MD5 is {found}, but that of the published {corpus} is {expected}. "
            "Results would not be comparable: fetch the original file."
        )
    return text


def _content(path: Path) -> tuple[str, str]:
    """A file's text, its lines ended by newlines, and the MD5 of its bytes."""
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}.") from error
    return text, hashlib.md5(content, usedforsecurity=False).hexdigest()


def _expected(corpus: str) -> str:
    return ", ".join(NAMES[corpus][0].format(part=part) for part in PARTS)
