r"""Macros of studies in the lines of a paper: what defines them by hand, and names that ``\csname`` makes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

NAME: Final = r"sw[A-Z][A-Za-z]*"
MACRO: Final = re.compile(rf"\\({NAME})")
# Commands that give a macro a meaning. `\long`, `\global` and `\protected` only come before them.
_DEFINER: Final = (
    r"\\(?:(?:new|renew|provide|DeclareRobust)[cC]ommand(?:x|\*)*|(?:new|renew|provide)robustcmd\*?"
    r"|(?:New|Renew|Provide|Declare)(?:Expandable)?DocumentCommand|DeclareMathOperator\*?"
    r"|[gex]?def|(?:future)?let|(?:math)?chardef|undef|(?:patch|pret|appt)o?cmd|[gex]?(?:app|pre)to)(?![A-Za-z])"
)
DEFINING: Final = re.compile(rf"{_DEFINER}\s*\{{?\s*\\({NAME})(?![A-Za-z])")
# The rest of a definition up to its value: the end of its name, a sign, and its arguments.
_ARGUMENTS: Final = re.compile(r"\s*\}?\s*(?:\[[^\]]*\]\s*)*")
_BY_NAME: Final = re.compile(
    rf"\\(?:@name[gex]?def|cs(?:[gex]?def|undef|let(?:cs)?|[gex]?(?:app|pre)to))\s*\{{\s*({NAME})\s*\}}"
)
_USED_BY_NAME: Final = re.compile(rf"\\(?:csuse|@nameuse|UseName)\s*\{{\s*({NAME})\s*\}}")
_MADE: Final = re.compile(rf"(?:\\expandafter\s*)*\\csname\s*({NAME})\s*\\endcsname")
_LEFT: Final = re.compile(r"\\csname\s*(.*?)\s*\\endcsname|\\(?:csuse|@nameuse|UseName)\s*\{([^{}]*)\}")
_UNENDED: Final = re.compile(rf"(?:{_DEFINER}\s*\{{?|\\csname(?:(?!\\endcsname).)*)\s*$")


@dataclass(frozen=True, slots=True)
class Defined:
    """A definition by hand; `value` is None if it is not one group of text."""

    name: str
    value: str | None


def resolved(text: str) -> str:
    r"""Return a line with names that ``\csname`` and its like make written as macros."""
    text = re.sub(r"\\expandafter\s*(?=\\[a-z]*(?:def|let|command\*?)\s*\\csname)", "", text)
    text = _BY_NAME.sub(r"\\def\\\1 ", text)
    return _MADE.sub(r"\\\1 ", _USED_BY_NAME.sub(r"\\\1 ", text))


def is_continued(text: str) -> bool:
    """Return whether a line ends before the name that it defines or makes."""
    return _UNENDED.search(text) is not None


def definitions(text: str) -> Iterator[Defined]:
    """Yield the macros that a resolved line defines."""
    for found in DEFINING.finditer(text):
        rest = text[found.end() :]
        rest = rest[_ARGUMENTS.match(rest).end() :]  # type: ignore[union-attr]  # it matches the empty text
        if "DocumentCommand" in found[0]:
            rest = rest.removeprefix("{}").lstrip()
        has_text = "let" not in found[0] and "chardef" not in found[0]
        yield Defined(found[1], _group(rest) if has_text else None)


def makes_names(text: str) -> bool:
    """Return whether a resolved line still makes names."""
    return _LEFT.search(text) is not None


def unresolved(text: str, prefix: str) -> Iterator[str]:
    """Yield the names in a resolved line that are made of parts, and may be macros with this prefix."""
    for found in _LEFT.finditer(text):
        parts = (found[1] or found[2] or "").strip()
        literal = re.match(r"[A-Za-z]*", parts)
        begins = literal[0] if literal is not None else ""
        is_whole = begins == parts
        may_be = begins.startswith(prefix) or (begins.startswith("sw") and prefix.startswith(begins)) or prefix in parts
        if not is_whole and may_be:
            yield found[0]


def _group(text: str) -> str | None:
    """Return what is in the braces that a text begins with; None if it begins with none, or they do not close."""
    depth = 0
    for place, sign in enumerate(text):
        if place and text[place - 1] == "\\":
            continue
        depth += (sign == "{") - (sign == "}")
        if depth == 0:
            return text[1:place] if place else None
    return None
