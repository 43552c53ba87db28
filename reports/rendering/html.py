"""The report as one HTML file that loads nothing: it contains its styles, its script and its figures.

A content-security policy allows the page's own style and script, by their hashes, and refuses everything else.
"""

import base64
import functools
import hashlib
import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reports.figures import sheet as look
from reports.figures.drawing import Drawing
from reports.figures.sheet import Picture
from reports.sections.blocks import Block, Plot, Report, Table

STATIC_ROWS: Final = 1000  # rows of a table in the page itself; a script adds the others on demand
KIND: Final = "Report of a study"
APART: Final = "S"  # before the number of a table that is not printed
# Figures take the page's colours, so that they suit its light and its dark theme.
VARIABLES: Final = {
    look.INK: "--ink",
    look.MUTED: "--muted",
    look.RULE: "--rule",
    look.PAPER: "--paper",
    look.BLUE: "--blue",
    look.ORANGE: "--orange",
    look.GREEN: "--green",
    look.PURPLE: "--purple",
    look.SKY: "--sky",
    look.YELLOW: "--yellow",
    "#ffffff": "--paper",
}
COLOUR: Final = re.compile(r'"(#[0-9a-f]{6})"')
DESCRIBED: Final = re.compile(r"<(title|desc)>.*?</\1>", re.DOTALL)


def render_html(report: Report, *, kind: str = KIND, live: str | None = None) -> str:
    """Return the page of a report.

    Args:
        kind: the line above the title.
        live: the version of a running study, of which the page then asks its server for a newer one; None for a page
            that stays as it is.
    """
    environment = _environment()
    css, javascript = _asset("page.css"), _asset("page.js")
    live_javascript = "" if live is None else _asset("live.js")
    return environment.get_template("page.html.j2").render(
        report=report,
        kind=kind,
        policy=_policy(css, javascript, live_javascript),
        live=live,
        live_javascript=Markup(live_javascript),  # noqa: S704 - our own file
        css=Markup(css),  # noqa: S704 - our own file
        javascript=Markup(javascript),  # noqa: S704 - our own file
        numbered=_numbered(report),
        static_rows=STATIC_ROWS,
        trials_json=_json({str(trial): label for trial, label in report.trials.items()}),
        ghosts_json=_json(_ghosts(report)),
    )


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("reports", "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {
        "wide": _wide,
        "narrow": _narrow,
        "sort_value": _sort_value,
        "rest_json": _rest_json,
        "breakable": _breakable,
    }
    return environment


@functools.cache
def _asset(name: str) -> str:
    loader = _environment().loader
    assert loader is not None
    return loader.get_source(_environment(), name)[0].strip()


def _policy(css: str, javascript: str, live_javascript: str) -> str:
    def hashed(text: str) -> str:
        return "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"

    scripts = " ".join(hashed(text) for text in (javascript, live_javascript) if text)
    asking = "connect-src 'self'; " if live_javascript else ""
    return (
        f"default-src 'none'; style-src {hashed(css)}; script-src {scripts}; img-src data:; {asking}"
        "base-uri 'none'; form-action 'none'"
    )


def _numbered(report: Report) -> list[Mapping[str, object]]:
    """Return the sections with their blocks' kinds, and the numbers of figures and tables throughout the report.

    Tables that are not printed are numbered apart, so that the others have the same numbers in print.
    """
    counts = Counter[tuple[str, str]]()

    def entry(block: Block) -> tuple[str, Block, str]:
        kind = type(block).__name__.lower()
        if not isinstance(block, Plot | Table):
            return kind, block, ""
        before = APART if isinstance(block, Table) and block.folded else ""
        counts[kind, before] += 1
        return kind, block, f"{before}{counts[kind, before]}"

    return [
        {
            "anchor": section.anchor,
            "title": section.title,
            "appendix": section.appendix,
            "blocks": [entry(block) for block in section.blocks],
        }
        for section in report.sections
    ]


def _ghosts(report: Report) -> dict[str, dict[str, str]]:
    """Return by figure and trial the paths that it draws on request."""
    pictures = {
        name: picture
        for drawing in report.drawings()
        for name, picture in ((drawing.name, drawing.wide), (f"{drawing.name}-narrow", drawing.narrow))
    }
    return {
        name: {str(trial): path for trial, path in picture.ghosts.items()}
        for name, picture in pictures.items()
        if picture.ghosts
    }


def _wide(drawing: Drawing) -> Markup:
    """Return the figure for wide windows as an element of a page, with its text alternative as its label."""
    return _element(drawing, drawing.wide, drawing.name, "wide")


def _narrow(drawing: Drawing) -> Markup:
    """Return the figure for phones."""
    return _element(drawing, drawing.narrow, f"{drawing.name}-narrow", "narrow")


def _element(drawing: Drawing, picture: Picture, name: str, width: str) -> Markup:
    text = DESCRIBED.sub("", picture.svg)
    text = COLOUR.sub(lambda found: f'"var({VARIABLES[found[1]]})"' if found[1] in VARIABLES else found[0], text)
    head, rest = text.split(">", 1)
    head = re.sub(r' (?:width|height|font-family)="[^"]*"', "", head)
    label = escape(drawing.alternative)
    return Markup(f'{head} class="figure {width}" data-figure="{escape(name)}" aria-label="{label}">{rest.strip()}')  # noqa: S704 - our drawing


def _breakable(text: str) -> Markup:
    """Return text that may break after underscores."""
    return Markup("_<wbr>").join(text.split("_"))


def _sort_value(value: float | str) -> str:
    return f"{value:.9g}" if isinstance(value, float) else str(value)


def _rest_json(table: Table) -> Markup:
    """Return the rows that are not in the page itself: trial, texts, and the values by which they sort."""
    trials = table.trials or (None,) * len(table.rows)
    return _json(
        [
            [trial, [cell.text for cell in row], [_plain(cell.sort) for cell in row]]
            for trial, row in zip(trials[STATIC_ROWS:], table.rows[STATIC_ROWS:], strict=True)
        ]
    )


def _plain(value: float | str | None) -> float | str | None:
    return float(f"{value:.9g}") if isinstance(value, float) and math.isfinite(value) else value if value else None


def _json(value: object) -> Markup:
    """Return JSON for a script element: no character in it can end the element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    for character, code in (
        ("<", "\\u003c"),
        (">", "\\u003e"),
        ("&", "\\u0026"),
        ("\u2028", "\\u2028"),
        ("\u2029", "\\u2029"),
    ):
        text = text.replace(character, code)
    return Markup(text)  # noqa: S704 - escaped above
