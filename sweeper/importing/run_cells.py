"""What runs keep as parameters, as levels: sections flattened, text read, and each name's levels of one kind."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from sweeper.importing.cells import alike, levels_and_texts
from sweeper.importing.sections import flattened
from sweeper.importing.source_runs import SourceRun


def with_levels(runs: Iterable[SourceRun], whole: Collection[str] = ()) -> list[SourceRun]:
    """Return runs whose cells, as their tool keeps them, are levels.

    Args:
        whole: names of parameters whose mappings are levels.
    """
    every = list(runs)
    cells = [levels_and_texts(each) for each in flattened([run.cells for run in every], whole=whole)]
    return with_kinds(
        replace(run, cells=levels, texts=texts) for run, (levels, texts) in zip(every, cells, strict=True)
    )


def with_kinds(runs: Iterable[SourceRun]) -> list[SourceRun]:
    """Return runs whose levels of one name are of one kind."""
    every = list(runs)
    names = list(dict.fromkeys(name for run in every for name in run.cells))
    columns = {name: alike(run.cells.get(name) for run in every) for name in names}
    return [replace(run, cells={name: columns[name][index] for name in run.cells}) for index, run in enumerate(every)]
