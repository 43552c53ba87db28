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
#set document(keywords: sys.inputs.origin, date: none)
#image(bytes(sys.inputs.svg), format: "svg", width: float(sys.inputs.width) * 1pt)
"""


def figure_files(drawings: Sequence[Drawing], origin: str) -> dict[str, bytes]:
    """Return each figure at each width, by the name of its file; the same figure always gives the same bytes.

    Args:
        origin: from which content of which study they are drawn, which becomes a keyword of each, with its name.
    """
    shown = {
        f"{drawing.name}-{name}": (drawing.at(width * POINTS).svg, width * POINTS)
        for drawing in drawings
        for name, width in WIDTHS.items()
    }
    with fonts_for("".join(text for svg, _ in shown.values() for text in TEXT.findall(svg))) as fonts:
        return {
            f"{name}.pdf": _pdf(
                {"svg": spelled(svg, fonts.missing), "width": f"{width}", "origin": f"{origin} {name}"}, fonts
            )
            for name, (svg, width) in shown.items()
        }


def _pdf(inputs: dict[str, str], fonts: Fonts) -> bytes:
    compiler = typst.Compiler(TEMPLATE, font_paths=fonts.fonts, sys_inputs=inputs)
    found = compiler.compile(format="pdf", timestamp=0)
    assert isinstance(found, bytes)
    return found
