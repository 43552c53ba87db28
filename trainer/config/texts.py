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

VARIABLE: Final = "SWEEPER_DATA"
REPLICA: Final = "wikitext-2-replica"


def published(corpus: str) -> str:
    """Return the corpus whose files a corpus is read from: itself, as a rule."""
    return "wikitext-2" if corpus == REPLICA else corpus


def expected_files(corpus: str) -> str:
    """Return the usual names of a corpus's files, as text."""
    return ", ".join(FILE_NAMES[published(corpus)][0].format(part=part) for part in PARTS)


def usual_directories(corpus: str, base: str | None) -> list[Path]:
    """Return the directories in which a published corpus is looked for, in order.

    Args:
        base: $SWEEPER_DATA; None or empty if it is not set.
    """
    own = [Path(base) / corpus] if base else []
    return [*own, Path("data") / corpus, Path("../shared/data") / corpus]


def missing_text(corpus: str, folder: str | None, *, root: Path, base: str | None) -> str:
    """Return what is missing of a corpus, by the names of its files alone; empty for nothing.

    Args:
        folder: `data.folder`; None for the usual directories.
        root: the directory that relative paths start from.
        base: $SWEEPER_DATA.
    """
    name = published(corpus)
    if name not in FILE_NAMES:
        return ""
    candidates = [root / each for each in (usual_directories(name, base) if folder is None else [folder])]
    found = next((each for each in candidates if each.is_dir()), None)
    if found is None and folder is not None:
        return f"'{folder}' is not a directory"
    if found is None:
        what = f"'{corpus}'" if name == corpus else f"'{corpus}' is read from {name}, which"
        return f"{what} was not found in {', '.join(map(str, candidates))}"
    parts = PARTS[1:] if corpus == REPLICA else PARTS
    absent = [part for part in parts if part_file(found, name, part) is None]
    if not absent or (name == "folder" and absent == list(PARTS)):  # then any text in it is read
        return ""
    return f"{found} has {absent_names(name, absent[0])}"


def absent_names(corpus: str, part: str) -> str:
    """Return the names that the file of a part may have, as a directory lacks them."""
    names = [name.format(part=part) for name in FILE_NAMES[corpus]]
    return f"{'neither ' if len(names) > 1 else 'no '}{' nor '.join(names)}"


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
