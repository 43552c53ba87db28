"""Builds a report: the page, the PDF, and its figures and tables as SVG and CSV files."""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from reports.rendering.html import KIND, render_html
from reports.rendering.pdf import render_pdf
from reports.sections.blocks import Cell, Report, Table
from reports.sections.comparing import comparison_report
from reports.sections.report import study_report
from sweeper.errors import UsageError
from sweeper.evidence.data.load import StudyData, load

FIGURES = "figures"


def build_report(
    store: str, study: str, directory: Path, *, formats: Sequence[str] = ("html", "pdf"), now: datetime
) -> list[Path]:
    """Write the report of a study in a store.

    Args:
        store: its URL.
        directory: created if it does not exist; files of an earlier report are replaced.
        formats: html, pdf or both.
        now: when the report is made.

    Returns:
        The report's files, in the order of the formats.

    Raises:
        UsageError: there is no such study, or the directory cannot be written to.
        StoreError: there is no such store.
    """
    return build_from(load(store, study), directory, formats=formats, now=now)


def build_from(
    data: StudyData, directory: Path, *, formats: Sequence[str] = ("html", "pdf"), now: datetime
) -> list[Path]:
    """Write the report of a loaded study, wherever it was read from."""
    return write_report(study_report(data, now), directory, formats=formats, now=now)


def build_comparison(
    store: str,
    studies: tuple[str, str],
    directory: Path,
    *,
    formats: Sequence[str] = ("html", "pdf"),
    now: datetime,
) -> list[Path]:
    """Write the report that compares two studies of a store; the rest is as in `build_report`.

    Raises:
        UsageError: as `build_report`, or the studies have different metrics.
        StoreError: there is no such store.
    """
    first, second = (load(store, study) for study in studies)
    report = comparison_report(first, second, now)
    return write_report(report, directory, formats=formats, now=now, kind="Two studies compared")


def write_report(
    report: Report, directory: Path, *, formats: Sequence[str], now: datetime, kind: str = KIND
) -> list[Path]:
    """Write a report's files: all are rendered before the first is written, and each is replaced atomically."""
    rendered: dict[str, bytes] = {}
    if "html" in formats:
        rendered["report.html"] = render_html(report, kind=kind).encode()
    if "pdf" in formats:
        rendered["report.pdf"] = render_pdf(report, now, kind=kind)
    _write(directory, {**_figure_files(report), **rendered})
    return [directory / f"report.{name}" for name in formats]


def _figure_files(report: Report) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for drawing in report.drawings():
        found[f"{FIGURES}/{drawing.name}.svg"] = drawing.svg.encode()
        found[f"{FIGURES}/{drawing.name}.csv"] = drawing.data.to_csv(index=False, lineterminator="\n").encode()
    tables = (block for section in report.sections for block in section.blocks if isinstance(block, Table))
    return found | {f"{FIGURES}/{table.name}.csv": _table_csv(table) for table in tables}


def _table_csv(table: Table) -> bytes:
    """Return a table's rows as CSV: full numbers where cells have them, else the text."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([title for column in table.columns for title in column.data or (column.title,)])
    for row in table.rows:
        writer.writerow([value for position, cell in enumerate(row) for value in _data(cell, named=position == 0)])
    return text.getvalue().encode()


def _data(cell: Cell, *, named: bool) -> list[float | int | str | None]:
    """Return a cell for other programs; the first cell of a row is its name, which sorts by something else."""
    values = cell.data or (cell.text if cell.sort is None or named else cell.sort,)
    return [int(each) if isinstance(each, float) and each.is_integer() else each for each in values]


def _write(directory: Path, contents: Mapping[str, bytes]) -> None:
    try:
        (directory / FIGURES).mkdir(parents=True, exist_ok=True)
        for name, content in contents.items():
            path = directory / name
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_bytes(content)
            temporary.replace(path)
    except OSError as error:
        raise UsageError(
            f"{directory}: cannot be written to: {error.strerror}. Choose another directory with --out."
        ) from error
