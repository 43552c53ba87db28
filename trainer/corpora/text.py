"""Split texts into lines and words."""

import hashlib
from dataclasses import dataclass
from typing import Final

from trainer.config.texts import PARTS

END_OF_LINE: Final = "<eos>"
UNKNOWN: Final = "<unk>"


@dataclass(frozen=True, slots=True)
class Text:
    """A corpus as three strings of lines, which consist of words separated by blanks.

    Attributes:
        name: name of the corpus.
        train, valid, test: its parts.
    """

    name: str
    train: str
    valid: str
    test: str

    def fingerprint(self) -> str:
        """Return the SHA-256 of the three parts, each preceded by its name and length."""
        digest = hashlib.sha256()
        for part in PARTS:
            content = getattr(self, part).encode()
            digest.update(f"{part} {len(content)}\n".encode())
            digest.update(content)
        return digest.hexdigest()


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, split only at newlines (Python's `splitlines` knows other separators)."""
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]


def words_of(text: str) -> list[str]:
    """Return the words of a text, with `<eos>` at the end of every line, including blank ones."""
    words: list[str] = []
    known: dict[str, str] = {}  # one object per distinct word, to save memory on a hundred million words
    for line in lines_of(text):
        words += [known.setdefault(word, word) for word in line.split()]
        words.append(END_OF_LINE)
    return words


def first_words(text: str, count: int | None) -> str:
    """Return the first `count` words of a text, where line ends count; a truncated line has no line end."""
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
