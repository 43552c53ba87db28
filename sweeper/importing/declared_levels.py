"""The levels of imported runs as a study file declares them, where a tool or a table keeps them in another form.

A table has text, in which the number 4 and the text, or null and the text ``None``, look alike. The study file tells
them apart.
"""

from collections.abc import Mapping
from dataclasses import replace

from sweeper.designs.factor import Factor
from sweeper.designs.levels import Level
from sweeper.importing.cells import level_of
from sweeper.importing.source_runs import Source


def as_declared(source: Source, factors: Mapping[str, Factor]) -> Source:
    """Return a source whose levels are those of a study's factors, as far as they are the same.

    Args:
        factors: by the name of the parameter that has their levels.
    """
    runs = []
    for run in source.runs:
        own = {
            name: declared_level(factor, run.cells[name], run.texts.get(name))
            for name, factor in factors.items()
            if name in run.cells
        }
        runs.append(replace(run, cells={**run.cells, **own}))
    return replace(source, runs=runs)


def declared_level(factor: Factor, level: Level, text: str | None) -> Level:
    """Return the level of a factor that a run has; what was read if it is none of them.

    Args:
        level: as it was read.
        text: what was written, if it was read as something else.
    """
    if text is not None and (level is None or not factor.allows(level)):
        same = _text_among(factor, text)
        if same is not None:
            return same
    if factor.allows(level):
        return factor.canonical(level)
    if isinstance(level, str):  # numbers and words are text beside text
        read = level_of(level)
        return factor.canonical(read) if read is not None and factor.allows(read) else level
    return level


def _text_among(factor: Factor, text: str) -> str | None:
    texts = [level for level in factor.all_levels if isinstance(level, str)]
    return next((level for written in (text, text.strip()) for level in texts if level == written), None)
