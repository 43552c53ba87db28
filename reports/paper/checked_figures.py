"""Whether the figures in a paper are those of a study: of its present content, unchanged, and under their names."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from reports.paper.checksums import Recorded, is_as_written, written_as
from reports.paper.figures import WIDTHS

OURS: Final = tuple(f"-{width}" for width in WIDTHS)  # how our files are called, without suffix


@dataclass(frozen=True, slots=True)
class Shown:
    """A figure of a study in a paper.

    Attributes:
        place: where it is included.
        content: the hash of the content that it is drawn from; empty if the file does not say so.
        name: of the figure, as the file says; empty if it does not.
    """

    place: str
    file: Path
    content: str
    name: str
    data: bytes


def figures_of(
    figures: Sequence[tuple[str, str]], places: Sequence[Path], prefix: str, recorded: Recorded
) -> Iterator[Shown | tuple[str, Path]]:
    """Yield the figures of a study in a paper, and the place and the file of those that are missing.

    Args:
        figures: the names that are included, with their places.
        places: the directories in which LaTeX looks for them.
        prefix: of the study's macros, which its figures contain.
    """
    origin = re.compile(rf"\b{prefix} (?P<content>[0-9a-f]{{64}})(?: (?P<name>[a-z0-9-]+))?".encode())
    for name, place in figures:
        files = [(folder / each) for folder in places for each in (name, f"{name}.pdf")]
        file = next((each for each in files if each.is_file()), None)
        if file is None:
            lost = next((each for each in files if each.resolve() in recorded), None)
            if lost is not None:
                yield place, lost
            continue
        data = file.read_bytes()
        match = origin.search(data)
        if match is not None:
            yield Shown(place, file, match["content"].decode(), (match["name"] or b"").decode(), data)
        elif file.resolve() in recorded:
            yield Shown(place, file, "", "", data)


def fault_of(figure: Shown, study: str, content: str, recorded: Recorded) -> str | None:
    """Return what is wrong with a figure; None if nothing is.

    Args:
        study: its name.
        content: the hash of its content now.
    """
    is_whole = is_as_written(figure.file, figure.data, recorded)
    other = written_as(figure.file, figure.data, recorded)
    if is_whole is False and other is not None:
        return f"has the figure {Path(other).stem} in place of its own"
    if figure.name and figure.file.stem != figure.name and figure.file.stem.endswith(OURS):
        return f"has the figure {figure.name} in place of its own"
    if figure.content not in ("", content):
        return f"drawn from an earlier content of {study}"
    if is_whole is False:
        return "is not as `sweeper report` wrote it"
    return None
