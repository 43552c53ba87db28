"""Corpora of the built-in trainer that a study needs and that are not where its trials would look for them.

Only directories and names of files are looked at: the trainer itself reads the texts, and checks their MD5.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from sweeper.designs.factor import Factor
from sweeper.designs.kinds import PromoteDesign
from sweeper.designs.levels import Configuration, Level, distinct, same_level
from sweeper.designs.paths import apply_levels, get_path
from sweeper.planning.idle import rows_of
from sweeper.spec.configurations import baseline_config, factors_in
from sweeper.spec.phase import Phase
from sweeper.spec.study import Study
from trainer.config.texts import VARIABLE, expected_files, missing_text, published, usual_directories
from trainer.config.wording import Path as KeyPath

CORPUS: Final = "data.corpus"
FOLDER: Final = "data.folder"
VOCABULARY: Final = "data.vocabulary_corpus"


def missing_corpora(study: Study, directory: Path, environment: Mapping[str, str]) -> Iterator[tuple[KeyPath, str]]:
    """Yield every corpus that is not there, once, with the option or the level that names it.

    Args:
        directory: where trials run.
        environment: the variables that they inherit.
    """
    if not study.trial.is_trainer:
        return
    base = environment.get(VARIABLE)  # a study cannot set it
    root = Path() if directory == Path.cwd() else directory  # where messages need not name it
    told: set[str] = set()
    for index, phase in enumerate(study.phases):
        for row in _rows(study, phase):
            for option, message in _missing(study, phase, row, root, base):
                if message not in told:
                    told.add(message)
                    yield _position(study, index, row, option), message


def _rows(study: Study, phase: Phase) -> Sequence[Configuration]:
    """Return configurations of a phase in which all its corpora occur, reduced to the factors that choose a corpus."""
    source = phase
    while isinstance(source.design, PromoteDesign):
        source = next(each for each in study.phases if each.name == source.design.phase)
    names = [name for name, factor in study.factors.items() if any(path.startswith("data.") for path in factor.paths)]
    rows = rows_of(source, factors_in(study, source)) if names else [{}]
    return distinct({name: row[name] for name in names if name in row} for row in rows)


def _missing(study: Study, phase: Phase, row: Configuration, root: Path, base: str | None) -> Iterator[tuple[str, str]]:
    config = apply_levels(baseline_config(study, phase), study.factors, row)
    folder = get_path(config, FOLDER)
    for option in (CORPUS, VOCABULARY):
        corpus = get_path(config, option)
        own = folder if option == CORPUS and isinstance(folder, str) else None
        if isinstance(corpus, str) and (missing := missing_text(corpus, own, root=root, base=base)):
            yield (option if own is None else FOLDER), f"{missing}. {_remedy(option, corpus, own, root, base)}"


def _remedy(option: str, corpus: str, folder: str | None, root: Path, base: str | None) -> str:
    name, files = published(corpus), expected_files(corpus)
    if folder is not None:
        return f"Use the directory that holds {files}."
    first = root / usual_directories(name, base)[0]
    target = "" if first.parent == Path("data") else f" --folder {first.parent}"
    remedy = "Add the file" if first.is_dir() else f"Fetch it (sweeper data fetch {name}{target})"
    by_folder = f", or {FOLDER} to the one that holds {files}" if option == CORPUS else ""
    return f"{remedy}, or set ${VARIABLE} to the directory that contains {name}{by_folder}."


def _position(study: Study, index: int, row: Configuration, option: str) -> KeyPath:
    """Return where the study file names a corpus: at a factor's level, in a phase's config or in that of the study."""
    for name, factor in study.factors.items():
        if option in factor.paths and name in row:
            return ("factors", name, *_level_position(factor, row[name]))
    path = tuple(option.split("."))
    if get_path(study.phases[index].config, option) is not None:
        return ("phases", index, "config", *path)
    return ("trial", "config", *path)


def _level_position(factor: Factor, level: Level) -> KeyPath:
    if factor.groups is not None:
        return ("levels", str(level))
    found = (number for number, each in enumerate(factor.levels or ()) if same_level(each, level))
    return next((("levels", number) for number in found), ())
