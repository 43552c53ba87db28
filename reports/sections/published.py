"""Published results of other models, each with its source, apart from the study's own trials."""

from reports import wording
from reports.sections.blocks import Cell, Column, Table, plain
from reports.sections.context import Context
from studies.published import Mark


def published_table(context: Context) -> Table | None:
    """Return the published results that the study names; None if it names none."""
    if not context.marks:
        return None
    return Table(
        name="published",
        caption=plain(
            "Published perplexities per word of other models, for comparison. The figure shows the test values of "
            "those marked as drawn by dashed lines. Read in: where the value was read, the source itself or a "
            "leaderboard."
        ),
        columns=(
            Column(title="Corpus"),
            Column(title="Model"),
            Column(title="Validation", number=True),
            Column(title="Test", number=True),
            Column(title="Parameters", number=True),
            Column(title="Drawn"),
            Column(title="Source"),
            Column(title="Read in"),
        ),
        rows=tuple(_row(mark) for mark in context.marks),
    )


def _row(mark: Mark) -> tuple[Cell, ...]:
    return (
        Cell(mark.corpus),
        Cell(mark.model),
        _perplexity(mark.valid),
        _perplexity(mark.test),
        Cell(wording.si(mark.parameters), mark.parameters),
        Cell("yes" if mark.drawn else "no"),
        Cell(mark.source),
        Cell(mark.read),
    )


def _perplexity(value: float | None) -> Cell:
    return Cell(wording.UNKNOWN) if value is None else Cell(wording.perplexity(value), value)
