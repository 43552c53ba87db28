"""Builds a report: the page, the PDF, and its figures and tables as SVG and CSV files."""

import math
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from reports import wording
from reports.rendering.html import KIND, render_html
from reports.rendering.pdf import render_pdf
from reports.sections.blocks import Cell, Report, Table
from reports.sections.comparing import comparison_report
from reports.sections.report import study_report
from sweeper.errors import UsageError
from sweeper.evidence.data.load import StudyData, load
from sweeper.export.csv_text import csv_text

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
        found[f"{FIGURES}/{drawing.name}.csv"] = _frame_csv(drawing.data)
    tables = (block for section in report.sections for block in section.blocks if isinstance(block, Table))
    return found | {f"{FIGURES}/{table.name}.csv": _table_csv(table) for table in tables}


def _frame_csv(frame: pd.DataFrame) -> bytes:
    """Return what a figure draws as CSV: numbers in full, and an empty cell for one that is missing."""
    columns = [[_known(value) for value in frame[name].tolist()] for name in frame.columns]
    return csv_text([str(name) for name in frame.columns], list(zip(*columns, strict=True))).encode()


def _table_csv(table: Table) -> bytes:
    """Return a table's rows as CSV: full numbers where cells have them, else the text."""
    titles = [title for column in table.columns for title in column.data or (column.title,)]
    rows = [
        [value for position, cell in enumerate(row) for value in _data(cell, named=position == 0)] for row in table.rows
    ]
    return csv_text(titles, rows).encode()


def _data(cell: Cell, *, named: bool) -> list[object]:
    """Return a cell for other programs; the first cell of a row is its name, which sorts by something else."""
    values = cell.data or (cell.text if cell.sort is None or named else cell.sort,)
    return [int(each) if isinstance(each, float) and each.is_integer() else _known(each) for each in values]


def _known(value: object) -> object:
    """Return a value, or None for a missing number and for the dash that stands for one on the page."""
    is_missing = value == wording.UNKNOWN or (isinstance(value, float) and math.isnan(value)) or value is pd.NA
    return None if is_missing else value


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
