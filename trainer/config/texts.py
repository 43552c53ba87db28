"""The files of a corpus, and what can be checked of them without reading them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from trainer.config.model import TrainerConfig
from trainer.config.wording import Problem

PARTS: Final = ("train", "valid", "test")
# The file names of a part; the first is ours, the others are those of the published archives.
FILE_NAMES: Final[Mapping[str, tuple[str, ...]]] = {
    "ptb": ("{part}.txt", "ptb.{part}.txt"),
    "wikitext-2": ("{part}.txt", "wiki.{part}.tokens"),
    "wikitext-103": ("{part}.txt", "wiki.{part}.tokens"),
    "folder": ("{part}.txt",),
}


def part_file(folder: Path, corpus: str, part: str) -> Path | None:
    """Return the file of a part, or None if the directory has none."""
    candidates = (folder / name.format(part=part) for name in FILE_NAMES[corpus])
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def text_problems(config: TrainerConfig) -> list[Problem]:
    """Return a problem for every empty file in `data.folder`.

    A directory that does not exist here is no problem: it may exist where the trials run.
    """
    if config.data.folder is None:
        return []
    corpus = config.data.corpus.removesuffix("-replica")
    files = [part_file(Path(config.data.folder), corpus, part) for part in PARTS] if corpus in FILE_NAMES else []
    return [
        Problem(("data", "folder"), f"{file} is empty. Fill it, or use another directory.")
        for file in files
        if file is not None and file.stat().st_size == 0
    ]
