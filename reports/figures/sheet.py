"""An SVG being drawn: lines, areas, points and text, in points from its upper left corner.

Nothing in it is styled by attribute or stylesheet, since a page's content-security policy refuses both; `data-trial`
names the trials of points and lines.
"""

import html
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from reports import wording
from reports.figures.lettering import SIZE

WIDE: Final = 468.0  # points: the width of a page's text
NARROW: Final = 234.0  # the width of a column, and of a phone
INK: Final = "#1c1c1b"
MUTED: Final = "#6a6a68"
RULE: Final = "#e2dfd8"
PAPER: Final = "#fffefd"
# Okabe and Ito's palette, distinguishable with every common colour blindness.
BLUE: Final = "#0072b2"
ORANGE: Final = "#d55e00"
GREEN: Final = "#009e73"
PURPLE: Final = "#b5578f"
SKY: Final = "#56b4e9"
YELLOW: Final = "#c98a00"
SERIES: Final = (BLUE, ORANGE, GREEN, PURPLE, SKY, YELLOW)
FONTS: Final = "DejaVu Sans, Verdana, sans-serif"
DOT: Final = "h.01"  # of a path: with round ends it is a dot; without any length, not every program draws it
Anchor = Literal["start", "middle", "end"]
Marker = Literal["circle", "square", "diamond", "up", "down", "cross", "bar", "dash"]
Point = tuple[float, float]
LINES: Final[frozenset[Marker]] = frozenset({"cross", "bar", "dash"})  # markers without an inside


@dataclass(frozen=True, slots=True, kw_only=True)
class Style:
    """How points look: a marker of a colour; open ones are filled with the paper's."""

    marker: Marker = "circle"
    colour: str = BLUE
    size: float = 2.2  # points: half its width
    is_open: bool = False
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Picture:
    """A drawn SVG; `ghosts` has by trial the path of trials that it shows only as a band."""

    svg: str
    ghosts: Mapping[int, str] = field(default_factory=dict)


class Sheet:
    """A sheet of paper of some width, on which a figure is drawn from top to bottom."""

    def __init__(self, name: str, width: float = WIDE) -> None:
        self.name, self.width = name, width
        self.ghosts: dict[int, str] = {}
        self._parts: list[str] = []
        self._defined: dict[str, str] = {}

    @property
    def is_narrow(self) -> bool:
        """Whether there is no room for columns beside each other."""
        return self.width < 1.4 * NARROW

    def line(
        self, start: Point, end: Point, *, colour: str = INK, width: float = 0.8, dashes: str = "", round_: bool = False
    ) -> None:
        """Draw a straight line."""
        (x1, y1), (x2, y2) = start, end
        ends = ' stroke-linecap="round"' if round_ else ""
        self._parts.append(
            f'<path d="M{_n(x1)} {_n(y1)}L{_n(x2)} {_n(y2)}" fill="none"{_stroke(colour, width, dashes)}{ends}/>'
        )

    def curve(
        self,
        points: Iterable[Point],
        *,
        colour: str = INK,
        width: float = 0.9,
        dashes: str = "",
        opacity: float = 1.0,
        trial: int | None = None,
        clip: str = "",
    ) -> None:
        """Draw a line through points, broken where one is not finite, and a dot where a point has no neighbor.

        Args:
            trial: whose curve it is.
            clip: what `clipping` returned.
        """
        path = path_of(points)
        if not path:
            return
        named = "" if trial is None else f' data-trial="{trial}"'
        faint = "" if opacity == 1.0 else f' opacity="{_n(opacity)}"'
        ends = ' stroke-linecap="round"' if DOT in path else ""
        wide = max(width, 2.6) if path.count("M") == path.count(DOT) else width  # nothing but dots
        self._parts.append(f'<path d="{path}" fill="none"{_stroke(colour, wide, dashes)}{faint}{named}{clip}{ends}/>')

    def area(self, points: Sequence[Point], *, colour: str, opacity: float, clip: str = "") -> None:
        """Fill the area within points."""
        if len(points) > 2:
            path = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points) + "Z"
            self._parts.append(f'<path d="{path}" fill="{colour}" fill-opacity="{_n(opacity)}"{clip}/>')

    def box(
        self, corner: Point, size: Point, *, colour: str, opacity: float = 1.0, edge: str = "", dashes: str = ""
    ) -> None:
        """Fill a rectangle."""
        (x, y), (width, height) = corner, size
        around = _stroke(edge, 0.8, dashes) if edge else ""
        faint = "" if opacity == 1.0 else f' fill-opacity="{_n(opacity)}"'
        self._parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(max(width, 0.0))}" height="{_n(max(height, 0.0))}" '
            f'fill="{colour}"{faint}{around}/>'
        )

    def dots(self, points: Iterable[Point], style: Style, trials: Iterable[int] | None = None) -> None:
        """Draw points of one style; `trials` names the trial of each."""
        names = itertools.repeat("") if trials is None else (f' data-trial="{trial}"' for trial in trials)
        shape = self._shape(style)
        uses = [
            f'<use href="#{shape}" x="{_n(x)}" y="{_n(y)}"{named}/>'
            for (x, y), named in zip(points, names, strict=False)
            if math.isfinite(x) and math.isfinite(y)
        ]
        if not uses:
            return
        is_line = style.marker in LINES
        fill = "none" if is_line else PAPER if style.is_open else style.colour
        width = 1.3 if is_line else 0.9 if style.is_open else 0.4
        edge = style.colour if is_line or style.is_open else PAPER
        faint = "" if style.opacity == 1.0 else f' opacity="{_n(style.opacity)}"'
        self._parts.append(f'<g fill="{fill}"{_stroke(edge, width)}{faint}>{"".join(uses)}</g>')

    def text(
        self,
        place: Point,
        text: str,
        *,
        size: float = SIZE,
        colour: str = INK,
        anchor: Anchor = "start",
        bold: bool = False,
        halo: bool = False,
    ) -> None:
        """Write a line of text; `place` is where its base line starts, is centred or ends.

        Args:
            halo: whether a rim of the paper's colour keeps it apart from what it is written over.
        """
        x, y = place
        side = "" if anchor == "start" else f' text-anchor="{anchor}"'
        weight = ' font-weight="bold"' if bold else ""
        rim = f' paint-order="stroke" stroke="{PAPER}" stroke-width="2.2"' if halo else ""
        shown = _escaped(text)
        self._parts.append(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" fill="{colour}"{side}{weight}{rim}>{shown}</text>'
        )

    def clipping(self, corner: Point, size: Point) -> str:
        """Return an attribute that keeps what has it within a rectangle."""
        (x, y), (width, height) = corner, size
        key = f"clip {_n(x)} {_n(y)} {_n(width)} {_n(height)}"
        name = f"{self.name}-c{len(self._defined)}"
        if key not in self._defined:
            rect = f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}"/>'
            self._defined[key] = f'<clipPath id="{name}">{rect}</clipPath>'
        name = self._defined[key].split('"')[1]
        return f' clip-path="url(#{name})"'

    def ghost(self, points: Iterable[Point], trial: int) -> None:
        """Keep the line of a trial, which a page draws only once the trial is marked."""
        self.ghosts[trial] = self.ghosts.get(trial, "") + path_of(points, digits=1).replace(DOT, "h3")

    def finished(self, height: float, title: str, alternative: str) -> Picture:
        """Return the picture, of a height, with its title and its text alternative."""
        size = f"{_n(self.width)} {_n(height)}"
        across, up = size.split()
        defined = f"<defs>{''.join(self._defined.values())}</defs>" if self._defined else ""
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{across}pt" height="{up}pt" viewBox="0 0 {size}" '
            f'font-family="{FONTS}" stroke-linejoin="round" role="img">'
        )
        named = f"<title>{_escaped(title)}</title><desc>{_escaped(alternative)}</desc>"
        return Picture(f"{head}{named}{defined}{''.join(self._parts)}</svg>\n", dict(self.ghosts))

    def _shape(self, style: Style) -> str:
        """Return the id of a marker, which is defined once."""
        key = f"{style.marker} {_n(style.size)}"
        if key not in self._defined:
            name = f"{self.name}-m{len(self._defined)}"
            self._defined[key] = f'<path id="{name}" d="{_marker(style.marker, style.size)}"/>'
        return self._defined[key].split('"')[1]


def _escaped(text: str) -> str:
    """Return text that a figure shows, which a user may have written."""
    return html.escape(wording.clean(text), quote=False)


def path_of(points: Iterable[Point], digits: int = 2) -> str:
    """Return points as the path of a line: points that are not finite break it, and a lone one becomes a dot."""
    runs: list[list[str]] = [[]]
    for x, y in points:
        if math.isfinite(x) and math.isfinite(y):
            runs[-1].append(f"{_n(x, digits)} {_n(y, digits)}")
        elif runs[-1]:
            runs.append([])
    return "".join(f"M{'L'.join(run)}" if len(run) > 1 else f"M{run[0]}{DOT}" for run in runs if run)


def _stroke(colour: str, width: float, dashes: str = "") -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f' stroke="{colour}" stroke-width="{_n(width)}"{dashed}'


def _marker(marker: Marker, r: float) -> str:
    """Return the path of a marker of half a width about the origin."""
    paths: dict[Marker, str] = {
        "circle": f"M{_n(-r)} 0A{_n(r)} {_n(r)} 0 1 1 {_n(r)} 0A{_n(r)} {_n(r)} 0 1 1 {_n(-r)} 0Z",
        "square": f"M{_n(-0.9 * r)} {_n(-0.9 * r)}h{_n(1.8 * r)}v{_n(1.8 * r)}h{_n(-1.8 * r)}Z",
        "diamond": f"M0 {_n(-1.25 * r)}L{_n(1.25 * r)} 0L0 {_n(1.25 * r)}L{_n(-1.25 * r)} 0Z",
        "up": f"M0 {_n(-1.15 * r)}L{_n(1.1 * r)} {_n(0.95 * r)}H{_n(-1.1 * r)}Z",
        "down": f"M0 {_n(1.15 * r)}L{_n(1.1 * r)} {_n(-0.95 * r)}H{_n(-1.1 * r)}Z",
        "cross": f"M{_n(-r)} {_n(-r)}L{_n(r)} {_n(r)}M{_n(-r)} {_n(r)}L{_n(r)} {_n(-r)}",
        "bar": f"M0 {_n(-r)}V{_n(r)}",
        "dash": f"M{_n(-r)} 0H{_n(r)}",
    }
    return paths[marker]


def _n(value: float, digits: int = 2) -> str:
    """Format a coordinate: few digits, and none that say nothing."""
    text = f"{value:.{digits}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
