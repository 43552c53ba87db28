"""Whether steps were lost where a program's file was cut while it ran."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Cuts:
    """Tells a program that goes back to an earlier step, and may cut its file for that, from lines that were lost.

    Lines are lost if whoever emptied a file did so between two readings: the step that comes next is then above the
    last one that was read, and nobody knows which steps were between them.
    """

    _last: int | None = None  # the highest step
    _pending: bool = False  # no step has come since the file was cut
    _hole: tuple[int, int] | None = None

    def cut(self) -> None:
        """Take that the file was cut."""
        self._pending = self._last is not None

    def add(self, step: int | None, *, resumes: bool = False) -> None:
        """Take a step that was read.

        Args:
            resumes: the program has said from which step it resumes.
        """
        if self._pending and not resumes and step is not None and self._last is not None and step > self._last:
            self._hole = self._hole or (self._last, step)
        self._pending = False
        if step is not None:
            self._last = step if self._last is None else max(self._last, step)

    def loss(self, path: Path) -> str | None:
        """Return how lines of a file may have been lost; None if there is no sign of that."""
        if self._hole is None and not self._pending:
            return None
        last, following = self._hole or (self._last, None)
        after = "nothing followed" if following is None else f"step {following} followed"
        return (
            f"{path} was cut while the program wrote to it, and after step {last} {after}: what was between may be "
            "lost. Cut that file only where the program goes back to an earlier step"
        )
