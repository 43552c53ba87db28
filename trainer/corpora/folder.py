"""Penn Treebank and WikiText-2 from a folder, checked against the published files."""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trainer.corpora.text import PARTS, Text
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
}
VARIABLE: Final = "SWEEPER_DATA"


def load_folder(corpus: str, folder: str | None) -> Text:
    """Read a corpus.

    Args:
        corpus: ``ptb`` or ``wikitext-2``.
        folder: where it is; None looks in the usual places.

    Raises:
        UsageError: there is no such folder or file, or a file is not the published one.
    """
    place = find_folder(corpus, folder)
    return Text(corpus, **{part: _read(place, corpus, part) for part in PARTS})


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
        f"Set data.folder, or ${VARIABLE} to the folder above, where {_expected(corpus)} are."
    )


def _read(folder: Path, corpus: str, part: str) -> str:
    candidates = [folder / name.format(part=part) for name in NAMES[corpus]]
    path = next((candidate for candidate in candidates if candidate.is_file()), None)
    if path is None:
        raise UsageError(f"{folder}: has neither {' nor '.join(candidate.name for candidate in candidates)}.")
    try:
        content = path.read_bytes()
        text = content.decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}.") from error
    expected, found = CHECKSUMS[corpus].get(part), hashlib.md5(content, usedforsecurity=False).hexdigest()
    if expected is not None and found != expected:
        raise UsageError(
            f"{path}: its MD5 is {found}, but that of the published {corpus} is {expected}. "
            "Results would not be comparable: fetch the original file."
        )
    return text


def _expected(corpus: str) -> str:
    return ", ".join(NAMES[corpus][0].format(part=part) for part in PARTS)
