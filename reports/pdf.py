"""The report as a PDF by typst: tagged, PDF/UA-1, with the same figures as the page.

The document goes to the template as JSON, and the template sets strings as text, so that nothing a user wrote can be
markup.
"""

import functools
import json
from dataclasses import asdict
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
import typst

from reports.html import KIND
from reports.sections.blocks import Block, Facts, Listing, Paragraph, Plot, Report, Rulings, Table

STANDARD: Final = "ua-1"
MOST_ROWS: Final = 500  # of a table in print; all of them are in the page and in the CSV beside it
WIDE: Final = 13  # columns of a table from which on its section gets pages on their side


def render_pdf(report: Report, now: datetime, *, kind: str = KIND) -> bytes:
    """The PDF of a report; the same report and time give the same bytes."""
    document = {
        "title": report.title,
        "subtitle": report.subtitle,
        "byline": report.byline,
        "kind": kind,
        "sections": [
            {
                "title": section.title,
                "blocks": [_block(block) for block in section.blocks],
                "wide": any(isinstance(block, Table) and len(block.columns) >= WIDE for block in section.blocks),
            }
            for section in report.sections
        ],
    }
    text = json.dumps(document, ensure_ascii=False)
    return _compile(text, int(now.timestamp()))


def _compile(document: str, timestamp: int) -> bytes:
    compiler = typst.Compiler(_template(), font_paths=_fonts(), sys_inputs={"report": document})
    found = compiler.compile(format="pdf", pdf_standards=STANDARD, timestamp=timestamp)
    assert isinstance(found, bytes)
    return found


@functools.cache
def _template() -> bytes:
    return files("reports").joinpath("templates", "report.typ").read_bytes()


@functools.cache
def _fonts() -> typst.Fonts:
    """Typst's own fonts and matplotlib's, which the figures are measured with: the same on every machine."""
    return typst.Fonts(include_system_fonts=False, font_paths=[Path(mpl.get_data_path()) / "fonts" / "ttf"])


def _block(block: Block) -> dict[str, Any]:
    kind = type(block).__name__.lower()
    match block:
        case Plot():
            drawing = block.drawing
            caption = [asdict(run) for run in block.caption]
            return {"kind": kind, "svg": drawing.svg, "alternative": drawing.alternative, "caption": caption}
        case Table():
            return _table(block)
        case Facts() | Paragraph() | Rulings() | Listing():
            return {"kind": kind, **asdict(block)}
        case _:
            return {"kind": kind, "text": block.text}


def _table(table: Table) -> dict[str, Any]:
    caption = [asdict(run) for run in table.caption]
    if len(table.rows) > MOST_ROWS:
        rest = f" The first {MOST_ROWS} of {len(table.rows)} rows; all are in report.html and figures/{table.name}.csv."
        caption.append({"text": rest, "style": "plain"})
    return {
        "kind": "table",
        "caption": caption,
        "columns": [asdict(column) for column in table.columns],
        "rows": [[cell.text for cell in row] for row in table.rows[:MOST_ROWS]],
    }
