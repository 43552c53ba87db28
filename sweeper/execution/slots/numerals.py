"""Numbers in a program's output: which words are numbers, and which matches are only a part of one.

A comma counts only where it groups thousands, as in 1,234.5: 3,14 is not a number.
"""

import re
from typing import Final

PLAIN: Final = re.compile(
    r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE
)
GROUPED: Final = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?(?:[eE][-+]?\d+)?", re.ASCII)
COMMAS: Final = re.compile(r"[-+]?[\d.]*\d,[\d.,]*\d(?:[eE][-+]?\d+)?", re.ASCII)
IN_TEXT: Final = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
AFTER: Final = re.compile(r",\d[\d.,]*")
ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")  # ECMA-48


def number_in(word: str) -> float | None:
    """Return the number that a word is, perhaps at the end of a clause, e.g. ``3.5,``; None if it is none.

    >>> number_in("1,234.5"), number_in("9.2e-05,"), number_in("3,14"), number_in("tensor(4.0)")
    (1234.5, 9.2e-05, None, None)
    """
    for text in (word.strip(), word.strip().rstrip(",;:"), word.strip().rstrip(",;:.")):
        if PLAIN.fullmatch(text):
            return float(text)
        if GROUPED.fullmatch(text):
            return float(text.replace(",", ""))
    return None


def is_ambiguous(word: str) -> bool:
    """Return whether a word has commas that do not group thousands, e.g. the decimal comma of ``3,14``."""
    return COMMAS.fullmatch(word.strip().rstrip(",;:")) is not None


def whole_number(text: str, start: int, end: int, *, commas: bool) -> str | None:
    """Return the number of which a match is only a part; None if it is not a part of one.

    Args:
        commas: whether a comma and a digit right after the match belong to its number.
    """
    for number in IN_TEXT.finditer(text):
        if number.start() <= start < number.end():
            before = text[number.start() : start].strip("+-")  # a sign may be a dash: loss-0.5
            if before or number.end() > end:
                return number.group()
            after = AFTER.match(text, end) if commas else None
            return text[start:end] + after.group() if after is not None else None
    return None


def without_escapes(text: str) -> str:
    """Return text without terminals' escape sequences, such as colors."""
    return ESCAPES.sub("", text) if "\x1b" in text else text
