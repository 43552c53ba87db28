"""The mistakes in a source, all at once: one line each, the first few of many."""

from typing import Final

from sweeper.errors import UsageError

MOST_NAMED: Final = 10


def first_line(error: Exception) -> str:
    """Return the first line of another library's error, without its full stop: a remedy follows it."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(". ")


class Faults:
    """Mistakes, in the order in which they are found."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._more = 0

    def add(self, line: str) -> None:
        """Add a mistake: its place, its value and its remedy."""
        if len(self._lines) < MOST_NAMED:
            self._lines.append(line)
        else:
            self._more += 1

    def check(self) -> None:
        """Raise a `UsageError` with all of them if there are any."""
        if not self._lines:
            return
        total = f"{len(self._lines) + self._more} mistakes in all; the first {MOST_NAMED} are shown."
        raise UsageError("\n".join([*self._lines, *([total] if self._more else [])]))
