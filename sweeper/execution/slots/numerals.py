"""Numbers in a program's output: which words are numbers, and which matches are only a part of one.

A comma counts only where it groups thousands, as in 1,234.5: 3,14 is not a number.
"""

import math
import re
from typing import Final

PLAIN: Final = re.compile(
    r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE
)
# What C libraries print for values that are not finite, which Microsoft's older ones pad with zeros.
C_INFINITY: Final = re.compile(r"[-+]?1\.#inf\d*", re.ASCII | re.IGNORECASE)
C_NAN: Final = re.compile(r"[-+]?(?:1\.#(?:ind|[qs]nan)\d*|nan\(\w*\))", re.ASCII | re.IGNORECASE)
GROUPED: Final = re.compile(r"[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d*)?(?:[eE][-+]?\d+)?", re.ASCII)
COMMAS: Final = re.compile(r"[-+]?[\d.]*\d,[\d.,]*\d(?:[eE][-+]?\d+)?", re.ASCII)
IN_TEXT: Final = re.compile(r"[-+]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d+)?")
AFTER_COMMA: Final = re.compile(r",\d[\d.,]*")
BEFORE: Final = (  # what is right before the end of a number, and what that end looks like
    (re.compile(r"\d[\d.,]*,$"), re.compile(r"\d+|\d{3}\.\d*")),
    (re.compile(r"\d['\u2019\d]*['\u2019]$"), re.compile(r"\d{3}(?:\.\d*)?")),
)
BACKSPACES: Final = re.compile(r"(\x08+)")
BEFORE_MARKS: Final = (",", "'", "\u2019")
NO_BREAK: Final = "\u00a0\u2007\u2009\u202f"  # spaces that group thousands, as SI and many languages have it
SUPERSCRIPTS: Final = "\u207b\u2070\u00b9\u00b2\u00b3\u2074-\u2079"
RAISED: Final = rf"(?:\^|\*\*)\{{?[-+\u2212]?\d+\}}?|[{SUPERSCRIPTS}]+"
POWER: Final = rf"{RAISED}|[-\u2212]\d+"
# What continues a number, so that it was not the whole of one, by what the number itself looks like.
GOES_ON: Final = (
    (re.compile(r"\d+"), re.compile(r":\d[\d:.]*")),  # the time 4:30
    (re.compile(r"\d[\d.]*"), re.compile(r"['\u2019]\d[\d'\u2019.,]*|(?:_\d{3})+(?![\d_])")),  # 1'000
    (re.compile(r"\d+\.\d+"), re.compile(r"\.\d[\d.,]*")),  # 1.234.567
    (re.compile(r"0"), re.compile(r"[xX][0-9a-fA-F]+|[oObB][0-7]+")),
    (re.compile(r"[1-9]\d{0,2}"), re.compile(rf"(?:[{NO_BREAK}]\d{{3}})+(?!\d)(?:[.,]\d+)?")),
    (re.compile(r"[1-9]\d{0,2}"), re.compile(r"(?: \d{3})+[.,]\d+|(?: \d{3}){2,}(?!\d)")),  # but not 4 300 steps
    (re.compile(r"\d[\d.]*"), re.compile(r"[eE][-+]?\d+|[dD][-+]\d+| [eE][-+]\d+")),
    (re.compile(r"[1-9](?:\.\d*)?"), re.compile(r" [eE]\d+(?![\w.])")),  # 1 e5, but not 0.31 e5
    (re.compile(r"\d[\d.]*"), re.compile(RAISED)),  # 10^-3
    (re.compile(r"\d[\d,]*"), re.compile(r" ?[/\u2044] ?\d+")),  # 1/2, but not 0.9/0.8, which are two numbers
    (re.compile(r"1\."), re.compile(r"#\w+")),  # infinity, which C rounds to 1.#J
    (re.compile(r"\d[\d.]*"), re.compile(rf" ?[x*\u00d7\u00b7\u22c5] ?10(?:{POWER})")),
)
# The same quickly, for the many numbers that are whole.
MAY_GO_ON: Final = re.compile(
    rf"[,':.\u2019_xXoObBeEdD*/#^\u2044\u00d7\u00b7\u22c5{SUPERSCRIPTS}{NO_BREAK}]| [\deEx*/\u2044\u00d7\u00b7\u22c5]"
)
GROUPS: Final = re.compile(rf"[1-9]\d{{0,2}}(?:[,'\u2019_]\d{{3}})+|\d+(?:{RAISED})")
VALUE_LIKE: Final = re.compile(r"(?<!\w)[-+]?\.?\d|(?<![^\W_])(?:nan|inf)(?![^\W_])", re.IGNORECASE)
ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\^_])")  # ECMA-48


def number_in(word: str) -> float | None:
    """Return the number that a word is, perhaps at the end of a clause, e.g. ``3.5,``; None if it is none.

    >>> number_in("1,234.5"), number_in("9.2e-05,"), number_in("3,14"), number_in("tensor(4.0)"), number_in("-1.#INF")
    (1234.5, 9.2e-05, None, None, -inf)
    """
    for text in (word.strip(), word.strip().rstrip(",;:"), word.strip().rstrip(",;:.")):
        if PLAIN.fullmatch(text):
            return float(text)
        if GROUPED.fullmatch(text):
            return float(text.replace(",", ""))
        if C_INFINITY.fullmatch(text):
            return -math.inf if text[0] == "-" else math.inf
        if C_NAN.fullmatch(text):
            return math.nan
    return None


def is_ambiguous(word: str) -> bool:
    """Return whether a word has commas that do not group thousands, e.g. the decimal comma of ``3,14``."""
    return COMMAS.fullmatch(word.strip().rstrip(",;:")) is not None


def looks_like_value(word: str) -> bool:
    """Return whether a word that is no number has one in it, so that it is a value written in another way.

    >>> [looks_like_value(word) for word in ("tensor(4.0)", "95.3%", "nans[1]", "None", "function:", "l2")]
    [True, True, True, False, False, False]
    """
    return VALUE_LIKE.search(word) is not None


def whole_number(text: str, start: int, end: int, *, is_open: bool, commas: bool = True) -> str | None:
    """Return the number of which a match is only a part; None if it is not a part of one.

    Args:
        is_open: the pattern says nothing of what follows the match, so what continues it belongs to the number, such as
            ``:30`` after the 4 of a time.
        commas: whether a comma beside the match, and digits beyond it, belong to its number.

    >>> [whole_number(text, 5, 6, is_open=True) for text in ("loss 4: 30 s", "loss 4:30", "loss 1'000", "loss 1 e5")]
    [None, '4:30', "1'000", '1 e5']
    """
    for number in IN_TEXT.finditer(text):
        if number.start() <= start < number.end():
            before = text[number.start() : start].strip("+-")  # a sign may be a dash: loss-0.5
            if before or number.end() > end:
                return number.group()
            rest = _rest(text, start, end, commas=commas) if is_open else ""
            first = _beginning(text, start, end) if commas else ""
            return f"{first}{text[start:end]}{rest}" if first or rest else None
    return None


def _rest(text: str, start: int, end: int, *, commas: bool) -> str:
    """Return what after a number says that it is not whole; empty if nothing does."""
    if MAY_GO_ON.match(text, end) is None:
        return ""
    found = AFTER_COMMA.match(text, end) if commas else None
    digits = text[start:end].lstrip("+-")
    for number, after in GOES_ON if found is None else ():
        found = found or (after.match(text, end) if number.fullmatch(digits) else None)
    return "" if found is None else found.group()


def _beginning(text: str, start: int, end: int) -> str:
    """Return what before digits says that they are the end of a number, such as ``1,`` before 000."""
    for before, digits in BEFORE if text[max(start - 1, 0) : start] in BEFORE_MARKS else ():
        if digits.fullmatch(text, start, end) and (found := before.search(text, 0, start)) is not None:
            return found.group()
    return ""


def displayed(text: str) -> str:
    """Return what a terminal shows of a line: without escape sequences, and with what backspaces draw over.

    >>> displayed("loss 0.9\\b\\b\\b0.5"), displayed("99%\\b\\b\\b100%")
    ('loss 0.5', '100%')
    """
    text = without_escapes(text)
    if "\b" not in text:
        return text
    shown: list[str] = []
    place = 0
    for part in BACKSPACES.split(text):
        if part.startswith("\b"):
            place = max(0, place - len(part))
        else:
            shown[place : place + len(part)] = part
            place += len(part)
    return "".join(shown)


def without_escapes(text: str) -> str:
    """Return text without terminals' escape sequences, such as colors."""
    return ESCAPES.sub("", text) if "\x1b" in text else text
