"""A text in its three parts, as words."""

import hashlib
from dataclasses import dataclass
from typing import Final

END_OF_LINE: Final = "<eos>"
UNKNOWN: Final = "<unk>"
PARTS: Final = ("train", "valid", "test")


@dataclass(frozen=True, slots=True)
class Text:
    """Lines of blank-separated words.

    Attributes:
        name: the corpus's.
        train, valid, test: one string each.
    """

    name: str
    train: str
    valid: str
    test: str

    def fingerprint(self) -> str:
        """SHA-256 over the three parts, each after its name and length."""
        digest = hashlib.sha256()
        for part in PARTS:
            content = getattr(self, part).encode()
            digest.update(f"{part} {len(content)}\n".encode())
            digest.update(content)
        return digest.hexdigest()


def words_of(text: str) -> list[str]:
    """The words of a text, with `<eos>` at the end of each line, blank lines too."""
    words: list[str] = []
    for line in text.splitlines():
        words += line.split()
        words.append(END_OF_LINE)
    return words
