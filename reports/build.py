"""Builds a report: the page, the PDF, what a paper takes from it, and its figures and tables as SVG and CSV files."""

import math
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd

from reports import wording
from reports.paper.kit import latex_files, markdown, source_of
from reports.paper.tables import Source
from reports.rendering.html import KIND, render_html
from reports.rendering.pdf import render_pdf
from reports.sections.blocks import Cell, Report, Table
from reports.sections.comparing import comparison_report
from reports.sections.context import make_context
from reports.sections.report import study_report
from sweeper.errors import UsageError
from sweeper.evidence.data.collecting import collector_paused
from sweeper.evidence.data.load import StudyData, load
from sweeper.export.csv_text import csv_text

FIGURES = "figures"
PAPER = "paper"
TRIALS = "trials.csv"


@collector_paused()
def build_report(
    store: str, study: str, directory: Path, *, formats: Sequence[str] = ("html", "pdf"), now: datetime
) -> list[Path]:
    """Write the report of a study in a store.

    Args:
        store: its URL.
        directory: created if it does not exist; files of an earlier report are replaced.
        formats: html, pdf, tex, md.
        now: when the report is made.

    Returns:
        The report's files, in the order of the formats.

    Raises:
        UsageError: there is no such study, or the directory cannot be written to.
        StoreError: there is no such store.
    """
    return build_from(load(store, study), directory, formats=formats, now=now)


@collector_paused()
def build_from(
    data: StudyData, directory: Path, *, formats: Sequence[str] = ("html", "pdf"), now: datetime
) -> list[Path]:
    """Write the report of a loaded study, wherever it was read from."""
    context = make_context(data, now)
    report = study_report(data, now, context)
    source = source_of(data, context.verdicts, context.standings) if {"tex", "md"} & set(formats) else None
    return write_report(report, directory, formats=formats, now=now, source=source)


@collector_paused()
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
    report: Report,
    directory: Path,
    *,
    formats: Sequence[str],
    now: datetime,
    kind: str = KIND,
    source: Source | None = None,
) -> list[Path]:
    """Write a report's files: all are rendered before the first is written, and each is replaced atomically.

    Args:
        source: what tex and md are made from; None for a report that has neither.
    """
    files, shown = _figure_files(report), list[str]()
    for form in formats:
        rendered = _rendered(report, form, now, kind, source)
        if form == "tex":
            rendered[f"{PAPER}/{TRIALS}"] = files.get(f"{FIGURES}/{TRIALS}", b"")
        files |= rendered
        shown += [name for name in rendered if not name.endswith((".pdf", ".csv", ".sha256")) or form == "pdf"]
    _write(directory, files)
    return [directory / name for name in shown]


def _rendered(report: Report, form: str, now: datetime, kind: str, source: Source | None) -> dict[str, bytes]:
    match form:
        case "html":
            return {"report.html": render_html(report, kind=kind).encode()}
        case "pdf":
            return {"report.pdf": render_pdf(report, now, kind=kind)}
        case "tex" if source is not None:
            files = latex_files(source, report.drawings())
            return {f"{PAPER}/{name}": content for name, content in files.items()}
        case "md" if source is not None:
            return {"tables.md": markdown(source).encode()}
        case _:
            raise UsageError(f"--format {form}: is for one study. Use html or pdf to compare two, or name one study.")


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
        for name, content in contents.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_bytes(content)
            temporary.replace(path)
    except OSError as error:
        raise UsageError(
            f"{directory}: cannot be written to: {error.strerror}. Choose another directory with --out."
        ) from error
