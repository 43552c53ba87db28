"""The report as a PDF by typst: tagged, PDF/UA-1, with the same figures as the page.

The document goes to the template as JSON, and the template sets strings as text, so nothing that a user wrote can
become markup.
"""

import functools
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Final

import typst

from reports.rendering.html import KIND
from reports.rendering.pdf_fonts import Fonts, code_point, fonts_for, installed_fonts, spelled
from reports.sections.blocks import Block, Facts, Listing, Paragraph, Plot, Report, Rulings, Section, Table

STANDARD: Final = "ua-1"
MOST_ROWS: Final = 500  # of a table in print; the page and the CSV file have all of them
WIDE: Final = 13  # columns of a table from which its section is printed in landscape
UNSEEN: Final = "alternative"
MOST_EXAMPLES: Final = 3

Json = dict[str, object]
log = logging.getLogger(__name__)


def render_pdf(
    report: Report, now: datetime, *, kind: str = KIND, installed: Callable[[], Iterable[Path]] = installed_fonts
) -> bytes:
    """Return the PDF of a report; the same report, time and fonts give the same bytes.

    Args:
        installed: fonts of this machine, used only if ours lack a character.
    """
    document: Json = {
        "title": report.title,
        "subtitle": report.subtitle,
        "byline": report.byline,
        "kind": kind,
        "sections": [
            {
                "title": section.title,
                "appendix": section.appendix,
                "blocks": [_block(block) for block in _printed(section)],
                "wide": any(isinstance(block, Table) and len(block.columns) >= WIDE for block in _printed(section)),
            }
            for section in report.sections
        ],
    }
    with fonts_for(json.dumps(_shown(document), ensure_ascii=False), installed) as fonts:
        text = json.dumps(_readable(document, fonts.missing), ensure_ascii=False)
        return _compile(text, fonts, int(now.timestamp()))


def _compile(document: str, fonts: Fonts, timestamp: int) -> bytes:
    compiler = typst.Compiler(_template(), font_paths=fonts.fonts, sys_inputs={"report": document})
    found = compiler.compile(format="pdf", pdf_standards=STANDARD, timestamp=timestamp)
    assert isinstance(found, bytes)
    return found


def _readable(document: Json, missing: frozenset[str]) -> Json:
    """Return the document with characters that no font has spelled out, a note about them, and its original title."""
    note = ""
    if missing:
        examples = ", ".join(f"[{code_point(each)}]" for each in sorted(missing)[:MOST_EXAMPLES])
        note = f"No installed font has some of the characters, which are shown as code points: {examples}"
        note += f" and {len(missing) - MOST_EXAMPLES} more" if len(missing) > MOST_EXAMPLES else ""
        log.warning("report.pdf: %s. Install a font that has them, or read report.html.", note)
        note += ". They are in report.html."
    found = {key: _spelled(value, missing) for key, value in document.items()}
    return {**found, "name": document["title"], "note": note}


def _shown(value: object) -> object:
    """Return what is printed of a document: everything but the text alternatives."""
    if isinstance(value, dict):
        return {key: _shown(item) for key, item in value.items() if key != UNSEEN}
    return [_shown(item) for item in value] if isinstance(value, list | tuple) else value


def _spelled(value: object, missing: frozenset[str]) -> object:
    if isinstance(value, str):
        return spelled(value, missing)
    if isinstance(value, dict):
        return {key: item if key == UNSEEN else _spelled(item, missing) for key, item in value.items()}
    return [_spelled(item, missing) for item in value] if isinstance(value, list | tuple) else value


@functools.cache
def _template() -> bytes:
    return files("reports").joinpath("templates", "report.typ").read_bytes()


def _printed(section: Section) -> list[Block]:
    """Return the blocks of a section that are printed: all but folded tables, which lie beside the report."""
    return [block for block in section.blocks if not (isinstance(block, Table) and block.folded)]


def _block(block: Block) -> Json:
    kind = type(block).__name__.lower()
    match block:
        case Plot():
            drawing = block.drawing
            caption = [asdict(run) for run in block.caption]
            return {
                "kind": kind,
                "title": drawing.title,
                "svg": drawing.svg,
                "alternative": drawing.alternative,
                "caption": caption,
            }
        case Table():
            return _table(block)
        case Facts() | Paragraph() | Rulings() | Listing():
            return {"kind": kind, **asdict(block)}
        case _:
            return {"kind": kind, "text": block.text}


def _table(table: Table) -> Json:
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
