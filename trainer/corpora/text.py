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


def lines_of(text: str) -> list[str]:
    """The lines of a text; only a newline ends one, whatever else Python's `splitlines` knows."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def words_of(text: str) -> list[str]:
    """The words of a text, with `<eos>` at the end of each line, blank lines too."""
    words: list[str] = []
    known: dict[str, str] = {}  # one object a word: a hundred million words are then their references alone
    for line in lines_of(text):
        words += [known.setdefault(word, word) for word in line.split()]
        words.append(END_OF_LINE)
    return words


def first_words(text: str, count: int | None) -> str:
    """The start of a text with so many words, ends of line counted; a line that is cut stays without its end."""
    if count is None:
        return text
    kept: list[str] = []
    for line in text.split("\n"):
        words = line.split()
        if count <= len(words):
            kept.append(" ".join(words[:count]))
            break
        kept.append(line)
        count -= len(words) + 1
    return "\n".join(kept)
