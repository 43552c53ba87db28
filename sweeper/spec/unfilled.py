"""What `sweeper init` could not know and left for the user to fill in, wherever a study file still has it."""

from collections.abc import Iterator, Mapping
from typing import Final

from sweeper.spec import yaml_source
from sweeper.spec.study import Study
from trainer.config.wording import Path as KeyPath
from trainer.config.wording import dotted

CHANGE_ME: Final = "CHANGE_ME"


def unfilled_lines(study: Study) -> tuple[str, ...]:
    """Return the values of a study, and of its config's file, that are still to be filled in, each with its place."""
    source = yaml_source.parse(study.source, str(study.path)) if study.source and study.path is not None else None
    found = dict(_places({} if source is None else source.data, ()))
    found |= {
        path: value for path, value in _places(study.trial.config, ("trial", "config")) if not _has(found, path[2:])
    }
    return tuple(
        str(source.mistake(path, text)) if source is not None else f"{dotted(path)}: {text}"
        for path, value in found.items()
        for text in [f"{value[:60]!r} is still to be filled in. Write a value of your own."]
    )


def unfilled_remarks(study: Study) -> tuple[str, ...]:
    """Return the remarks of a study file that ask for a change."""
    if study.path is None:
        return ()
    return tuple(
        f"{study.path}:{number}: the remark {line.partition('#')[2].strip()[:60]!r} is still there. Change what it is "
        "about, and delete it."
        for number, line in enumerate(study.source.splitlines(), 1)
        if CHANGE_ME in line.partition("#")[2] and CHANGE_ME not in line.partition("#")[0]
    )


def _has(found: Mapping[KeyPath, str], end: KeyPath) -> bool:
    """Return whether a value of the config is one that the study file has itself, in place of a file or in `set`."""
    return any(path[:2] == ("trial", "config") and path[-len(end) :] == end for path in found)


def _places(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if isinstance(value, str):
        if CHANGE_ME in value:
            yield path, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if CHANGE_ME in key:
                yield (*path, key), key
            yield from _places(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _places(inner, (*path, index))
