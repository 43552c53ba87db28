"""The figures of a report as vector PDF, drawn anew for the width of a column and of a page of a paper."""

import re
from collections.abc import Sequence
from typing import Final

import typst

from reports.figures.drawing import Drawing
from reports.rendering.pdf_fonts import Fonts, fonts_for, spelled

POINTS: Final = 72.0  # an inch
WIDTHS: Final = {"column": 3.25, "page": 6.75}  # inches
TEXT: Final = re.compile(r">([^<]+)<")
TEMPLATE: Final = b"""
#set page(width: auto, height: auto, margin: 0pt, fill: none)
#set text(font: "DejaVu Sans")
#set document(keywords: sys.inputs.origin)
#image(bytes(sys.inputs.svg), format: "svg", width: float(sys.inputs.width) * 1pt)
"""


def figure_files(drawings: Sequence[Drawing], origin: str, timestamp: int) -> dict[str, bytes]:
    """Return each figure at each width, by the name of its file.

    Args:
        origin: from which content of which study they are drawn, which becomes a keyword of each.
    """
    shown = {
        f"{drawing.name}-{name}.pdf": (drawing.at(width * POINTS).svg, width * POINTS)
        for drawing in drawings
        for name, width in WIDTHS.items()
    }
    with fonts_for("".join(text for svg, _ in shown.values() for text in TEXT.findall(svg))) as fonts:
        return {
            name: _pdf({"svg": spelled(svg, fonts.missing), "width": f"{width}", "origin": origin}, fonts, timestamp)
            for name, (svg, width) in shown.items()
        }


def _pdf(inputs: dict[str, str], fonts: Fonts, timestamp: int) -> bytes:
    compiler = typst.Compiler(TEMPLATE, font_paths=fonts.fonts, sys_inputs=inputs)
    found = compiler.compile(format="pdf", timestamp=timestamp)
    assert isinstance(found, bytes)
    return found
