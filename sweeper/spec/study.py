"""A study as the other parts of sweeper see it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Study:
    """A checked study file.

    Attributes:
        document: plain JSON values, every default filled in.
        source: the file's text.
        path: the file as the user named it.
    """

    document: dict[str, Any]
    source: str
    path: Path

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.document["study"])
