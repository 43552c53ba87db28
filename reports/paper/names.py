"""Names of LaTeX macros: letters alone, the same for the same thing whatever else a study has, and no two alike."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Final

DIGITS: Final = ("Zero", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")
BETWEEN: Final = re.compile(r"(?<=\d)\.(?=\d)")
MINUS: Final = re.compile(r"(?<![\w.])-(?=[\d.])")
PARTS: Final = re.compile(r"[A-Za-z]+|\d")
LONGEST: Final = 48  # letters of a part
OWN: Final = 6  # letters that tell names apart


def part_of(text: str) -> str:
    """Return text as a part of a name: words with capitals, digits spelled.

    What cannot be distinguished from other text by that, such as Chinese or what is cut off, adds letters of its own.

    >>> part_of("input-dropout-helps"), part_of("dropout = 0.1"), part_of("lr = -2")
    ('InputDropoutHelps', 'DropoutZeroPointOne', 'LrMinusTwo')
    """
    plain = unicodedata.normalize("NFKD", text)
    bare = "".join(each for each in plain if not unicodedata.combining(each))
    spelled = MINUS.sub(" minus ", BETWEEN.sub(" point ", bare))
    words = (DIGITS[int(each)] if each.isdigit() else each[:1].upper() + each[1:] for each in PARTS.findall(spelled))
    found = "".join(words)
    is_whole = found and len(found) <= LONGEST and bare.isascii()
    return found if is_whole else f"{found[: LONGEST - OWN]}{own_letters(text)}"


def own_letters(text: str) -> str:
    """Return some letters that hardly any other text has."""
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    letters = []
    for _ in range(OWN):
        number, place = divmod(number, 26)
        letters.append(chr(ord("a") + place))
    return "".join(letters).capitalize()


def told_apart(names: Sequence[str], keys: Sequence[str]) -> tuple[str, ...]:
    """Return names, those that several keys share with letters of their own, so that no order matters."""
    times = Counter(names)
    return tuple(
        name if times[name] == 1 else f"{name}{own_letters(key)}" for name, key in zip(names, keys, strict=True)
    )
