"""What a metric's pattern matched: on how many lines, with examples, and whether it took another metric's lines too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sweeper.execution.slots.numerals import looks_like_value
from sweeper.quantities import counted

MOST_EXAMPLES: Final = 3
SHOWN: Final = 80  # characters of a line
NAME_BEFORE: Final = re.compile(r"[^\W\d]\w*[\w.-]*$")  # what of a longer name stands before a match
DIGITS: Final = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Example:
    """A line on which a pattern matched, and what its group has."""

    line: str
    word: str


@dataclass(slots=True)
class PatternUse:
    """The lines that one pattern matched.

    Attributes:
        lines: how many.
        examples: by what of a longer name stood before the match, e.g. ``binary_`` of ``binary_logloss``, the first
            line.
        not_numbers: on how many lines the group has no number.
        not_number: the first of them.
        unread: on how many of those it has a number in another form, such as ``tensor(4.0)``.
        first_unread: the first of them.
    """

    lines: int = 0
    examples: dict[str, Example] = field(default_factory=dict)
    not_numbers: int = 0
    not_number: Example | None = None
    unread: int = 0
    first_unread: Example | None = None

    def add(self, match: re.Match[str], text: str, word: str, *, is_number: bool = True) -> None:
        """Add a match."""
        self.lines += 1
        if not is_number:
            self.not_numbers += 1
            example = Example(text.strip()[:SHOWN], word[:SHOWN])
            self.not_number = self.not_number or example
            if looks_like_value(word):
                self.unread += 1
                self.first_unread = self.first_unread or example
        if len(self.examples) < MOST_EXAMPLES:
            self.examples.setdefault(_name_before(match, text), Example(text.strip()[:SHOWN], word[:SHOWN]))

    def numberless(self, name: str, pattern: str) -> str:
        """Return that the group has no number on some lines; empty if it always has one."""
        if self.not_number is None:
            return ""
        found = f"found {self.not_numbers} times, but " if self.not_numbers > 1 else ""
        word, line = self.not_number.word[:40], self.not_number.line
        where = "" if word == line else f" (in {line!r})"
        return f"{name}: {found}{word!r} is not a number{where}; keep only the number in the group of {pattern!r}"

    def mixed(self, name: str, pattern: str) -> str:
        """Return how many values could not be read of a metric of which others could; empty if there is none."""
        if self.first_unread is None:
            return ""
        word, line = self.first_unread.word[:40], self.first_unread.line
        return (
            f"{name}: {counted(self.unread, 'value')} of {self.lines:,} could not be read, first {word!r} in {line!r}; "
            f"keep only the number in the group of {pattern!r}, and print it plainly"
        )

    def fault(self, name: str, pattern: str) -> str:
        """Return that a pattern matched names that differ; empty if it did not."""
        if len(self.examples) < 2:
            return ""
        first, second, *_ = self.examples.values()
        return (
            f"{name}: its pattern, {pattern!r}, matched {first.line!r} as well as {second.line!r}; "
            r"begin it with what only one of them has, e.g. (?:^|\s)"
        )


def name_pattern(name: str) -> re.Pattern[str]:
    """Return what finds a metric's name in a line, however its words are joined.

    >>> bool(name_pattern("valid_loss").search("Valid loss -3.2")), bool(name_pattern("acc").search("accuracy 1"))
    (True, False)
    """
    words = [re.escape(word) for word in re.split(r"[\W_]+", name) if word]
    return re.compile(rf"(?<![^\W_])(?:{'[^a-zA-Z0-9]*'.join(words)})(?![^\W_])" if words else r"(?!)", re.IGNORECASE)


def uses_text(patterns: Mapping[str, str], uses: Mapping[str, PatternUse]) -> dict[str, object]:
    """Return for each metric its pattern, on how many lines it matched, and examples, as `sweeper show` has it."""
    none = PatternUse()
    return {
        name: {
            "pattern": pattern,
            "lines": uses.get(name, none).lines,
            "examples": [f"{example.word} in {example.line!r}" for example in uses.get(name, none).examples.values()],
            **_without_number(uses.get(name, none)),
        }
        for name, pattern in patterns.items()
    }


def _without_number(use: PatternUse) -> dict[str, object]:
    if use.not_number is None:
        return {}
    return {"without_number": f"{use.not_numbers}, first {use.not_number.word} in {use.not_number.line!r}"}


def _name_before(match: re.Match[str], text: str) -> str:
    """Return the part of a longer name that a match leaves out; empty where it begins with a name, or has none."""
    start = match.start()
    if not text[start : start + 1].isidentifier():
        return ""
    found = NAME_BEFORE.search(text[max(start - SHOWN, 0) : start])
    return DIGITS.sub("#", found.group()) if found else ""
