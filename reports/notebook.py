"""Studies for notebooks: tables as pandas frames, verdicts and figures as in the report. Nothing is written.

::

    import sweeper

    study = sweeper.open("sqlite:///sweeper.db").study("quickstart")
    study.trials()                            # one row per trial
    study.claims()                            # one row per claim, with its verdict
    study.figure("perplexity_vs_compute")     # shown by Jupyter

Each call reads the store again, so you can look at a study while it runs.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pandas as pd

from reports.figures.drawing import Drawing
from reports.sections.blocks import Plot, Section
from reports.sections.context import Context, make_context
from reports.sections.costs import costs
from reports.sections.learning import learning
from reports.sections.report import ORDER
from sweeper.errors import UsageError
from sweeper.evidence.data.load import load
from sweeper.evidence.sequential.verdicts import claims_table
from sweeper.files import write_atomically
from sweeper.store.reading import reader
from sweeper.store.reading.reader import Table

FIGURES: Final = {"perplexity_vs_compute": "cost", "learning_curves": "learning-curves"}  # ours: the report's names
Write = Callable[[Context], Section | None]
_SOURCES: Final[dict[str, Write]] = {"cost": costs, "learning-curves": learning}  # drawn without the rest of the report


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of the report, which a notebook displays.

    Attributes:
        name: as in the report's directory, e.g. ``cost``.
        alternative: its content as text.
        data: what is drawn, one row per point or interval.
    """

    name: str
    title: str
    alternative: str
    svg: str = field(repr=False)
    data: pd.DataFrame = field(repr=False)

    def _repr_svg_(self) -> str:
        """Return what Jupyter shows."""
        return self.svg

    def save(self, path: str | Path) -> Path:
        """Write it as an SVG file and return the file's path.

        Raises:
            UsageError: the path does not end in .svg.
        """
        target = Path(path)
        if target.suffix != ".svg":
            raise UsageError(f"{target}: figures are SVG. Use a file name that ends in .svg.")
        write_atomically(target, self.svg.encode())
        return target


@dataclass(frozen=True, slots=True)
class StudyView:
    """One study of a store; each method reads it again."""

    store: str = field(repr=False)
    name: str

    def trials(self) -> pd.DataFrame:
        """Return one row per trial: the columns of ``sweeper export --table trials``."""
        with reader.connect(self.store) as connection:
            study = reader.study(connection, self.name)
            return _frame(reader.trial_table(study, reader.trials(connection, study.id)))

    def curves(self, metric: str | None = None) -> pd.DataFrame:
        """Return one row per measurement, by trial and step.

        Args:
            metric: the study's own by default.

        Raises:
            UsageError: no trial reported the metric; the message lists those that were reported.
        """
        with reader.connect(self.store) as connection:
            study = reader.study(connection, self.name)
            found = _frame(reader.measurements(connection, study.id, metric or study.metric))
            if metric is not None and not len(found):
                names = ", ".join(reader.metrics(connection, study.id)) or "none yet"
                raise UsageError(f"metric {metric!r}: no trial of {self.name} reported it. Reported: {names}.")
        numbers = dict.fromkeys(("tokens", "device_seconds", "flops", "value"), float)  # NaN where unknown
        return found.drop(columns="metric").astype(numbers)

    def claims(self) -> pd.DataFrame:
        """Return one row per claim, with its verdict and interval: the columns of ``export --table claims``."""
        return _frame(claims_table(load(self.store, self.name)))

    def figure(self, name: str) -> Figure:
        """Return a figure of the report: ``perplexity_vs_compute``, ``learning_curves``, or a file name in the report.

        Raises:
            UsageError: the report does not have such a figure, or not yet; the message lists those that it has.
        """
        wanted = FIGURES.get(name, name)
        context = make_context(load(self.store, self.name), datetime.now(UTC))
        only: Sequence[Write] = [_SOURCES[wanted]] if wanted in _SOURCES else ORDER
        for drawing in _drawings(context, only):
            if drawing.name == wanted:
                return Figure(drawing.name, drawing.title, drawing.alternative, drawing.svg, drawing.data)
        there = {drawing.name for drawing in _drawings(context, ORDER)}
        names = sorted(there | {ours for ours, theirs in FIGURES.items() if theirs in there})
        raise UsageError(
            f"figure {name!r}: {self.name} has no such figure now. It has: {', '.join(names) or 'none yet'}."
        )


@dataclass(frozen=True, slots=True)
class Store:
    """A store of studies, opened read-only."""

    url: str = field(repr=False)

    def studies(self) -> tuple[str, ...]:
        """Return the names of its studies, the newest last."""
        with reader.connect(self.url) as connection:
            return tuple(study.name for study in reader.studies(connection))

    def study(self, name: str) -> StudyView:
        """Return one study.

        Raises:
            UsageError: there is no study of that name; the message lists those that there are.
        """
        with reader.connect(self.url) as connection:
            return StudyView(self.url, reader.study(connection, name).name)


def open_store(url: str) -> Store:
    """Open a store by its URL.

    Raises:
        StoreError: there is no store, or it cannot be read; the message says what to do.
    """
    with reader.connect(url):
        return Store(url)


def _drawings(context: Context, sections: Sequence[Write]) -> Iterator[Drawing]:
    for write in sections:
        section = write(context)
        for block in section.blocks if section is not None else ():
            if isinstance(block, Plot):
                yield block.drawing


def _frame(table: Table) -> pd.DataFrame:
    """Return a table as a frame; integers beside nulls stay integers, and levels of several kinds stay as they are."""
    frame = pd.DataFrame(list(table.rows), columns=list(table.columns))
    for place, name in enumerate(table.columns):
        values = [row[place] for row in table.rows]
        if None in values and {type(value) for value in values} == {int, type(None)}:
            frame[name] = pd.array(values, dtype="Int64")
    return frame
