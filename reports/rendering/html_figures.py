"""Figures inside a page, in the page's colours, so that they suit its light and its dark theme."""

import re
from typing import Final

from markupsafe import Markup, escape

from reports.figures import drawing as look
from reports.figures.drawing import Drawing

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


def inline_svg(drawing: Drawing) -> Markup:
    """Return the figure as an element of a page, with its text alternative as its label."""
    text = DESCRIBED.sub("", drawing.svg)
    text = COLOUR.sub(lambda found: f'"var({VARIABLES[found[1]]})"' if found[1] in VARIABLES else found[0], text)
    head, rest = text.split(">", 1)
    head = re.sub(r' (?:width|height|font-family)="[^"]*"', "", head)
    label = escape(drawing.alternative)
    return Markup(f'{head} class="figure" data-figure="{escape(drawing.name)}" aria-label="{label}">{rest.strip()}')  # noqa: S704 - our drawing
