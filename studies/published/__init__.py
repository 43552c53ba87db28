"""Published results on the corpora of studies: marks for figures, each with its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A published result.

    Attributes:
        corpus, model: as text.
        valid, test: perplexities per word; None if they were not published.
        parameters: of the model; None if unknown.
        device_hours: its training time, if the source says.
        source: where it was published.
        read: where it was read: paper, repository, thread, or a leaderboard that repeats others.
        drawn: its name in figures; None if they do not show it.
    """

    corpus: str
    model: str
    test: float
    source: str
    read: str
    valid: float | None = None
    parameters: float | None = None
    device_hours: float | None = None
    drawn: str | None = None


def available() -> tuple[str, ...]:
    """Return the names of the files, e.g. ``ptb``."""
    return tuple(sorted(each.name[:-5] for each in files(__name__).iterdir() if each.name.endswith(".yaml")))


@cache
def marks(name: str) -> tuple[Mark, ...]:
    """Return the marks of one file.

    Raises:
        KeyError: there is no such file.
    """
    if name not in available():
        raise KeyError(name)
    import yaml  # noqa: PLC0415 - only reports with marks need it

    content: Mapping[str, Any] = yaml.safe_load((files(__name__) / f"{name}.yaml").read_text(encoding="utf-8"))
    return tuple(Mark(corpus=content["corpus"], **_numbers(each)) for each in content["marks"])


def _numbers(entry: Mapping[str, Any]) -> dict[str, Any]:
    numbers = ("valid", "test", "parameters", "device_hours")
    return {key: float(value) if key in numbers else value for key, value in entry.items()}
