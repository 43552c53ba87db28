"""Collect the mistakes of one file, each with its position."""

from dataclasses import dataclass, field

from sweeper.errors import Mistake
from sweeper.spec.yaml_source import Source
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import dotted


@dataclass(slots=True)
class ErrorCollector:
    """The mistakes found so far. What is invalid by itself is reported once, and not again by checks of other parts."""

    source: Source
    found: list[Mistake] = field(default_factory=list)
    _paths: set[KeyPath] = field(default_factory=set)
    _sealed: frozenset[KeyPath] = frozenset()

    def add(self, path: KeyPath, message: str, *, at_key: bool = False, shown_as: KeyPath | None = None) -> None:
        """Add a mistake.

        Args:
            message: what is wrong; characters that cannot be printed are escaped.
            path: where it is; if the file does not have it, the nearest part around it is shown.
            at_key: show the position of the key, not that of the value.
            shown_as: the path to print instead.
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

    def add_of_other_file(self, mistake: Mistake, path: KeyPath) -> None:
        """Add a mistake in a file that this one names at a path."""
        self.found.append(mistake)
        self._paths.add(path)

    def seal(self) -> None:
        """Ignore further mistakes at or within the paths that have one."""
        self._sealed = frozenset(self._paths)

    def blames(self, path: KeyPath) -> bool:
        """Return whether there is a mistake at or within a path."""
        return any(known[: len(path)] == path for known in self._paths)
