"""Collects the mistakes of one file, each at its place."""

from dataclasses import dataclass, field

from sweeper.errors import Mistake
from sweeper.spec.yaml_source import KeyPath, Source, dotted


@dataclass(slots=True)
class ErrorCollector:
    """The mistakes found so far. What is wrong by itself is told once, and not again by the checks between sections."""

    source: Source
    found: list[Mistake] = field(default_factory=list)
    _paths: set[KeyPath] = field(default_factory=set)
    _sealed: frozenset[KeyPath] = frozenset()

    def add(self, path: KeyPath, message: str, *, at_key: bool = False, shown_as: KeyPath | None = None) -> None:
        """Note a mistake.

        Args:
            message: made one line of printable characters.
            path: where it is; the nearest part around it if the file does not have that.
            at_key: show the key's place instead of the value's.
            shown_as: the path to name, if it is another one.
        """
        if any(path[:end] in self._sealed for end in range(1, len(path) + 1)):
            return
        message = "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in message)
        mistake = self.source.mistake(path, message, at_key=at_key)
        if shown_as is not None:
            mistake = Mistake(mistake.file, mistake.line, mistake.column, dotted(shown_as), message)
        if mistake not in self.found:
            self.found.append(mistake)
            self._paths.add(path)

    def seal(self) -> None:
        """Take no more mistakes at or within the paths that are wrong already."""
        self._sealed = frozenset(self._paths)

    def blames(self, path: KeyPath) -> bool:
        """Whether something at or within a path is wrong already."""
        return any(known[: len(path)] == path for known in self._paths)
