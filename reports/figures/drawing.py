"""A figure of the report: an SVG that names the trials in it, its data, and its text alternative.

Figures are drawn on matplotlib's `Figure` objects, without pyplot and its state. The same data give the same bytes.
"""

import io
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from reports import wording
from reports.figures import svg

TEXT_WIDTH: Final = 6.5  # inches: the width of a page's text
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
FONT_SIZE: Final = 8.0
SWATCH: Final = 1.8  # points: the least width of a line in a legend
DOT: Final = 3.0  # points: the size of a curve of one value
# Sizes between which axes can compute with values; anything smaller or larger is drawn as if it were that size.
LEAST: Final = 1e-300
MOST: Final = 1e300
STYLE: Final[dict[Any, Any]] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # a $ in a user's name is a dollar sign
    "font.family": ["DejaVu Sans"],
    "font.size": FONT_SIZE,
    "axes.titlesize": FONT_SIZE,
    "axes.labelsize": FONT_SIZE,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": FONT_SIZE - 1,
    "ytick.labelsize": FONT_SIZE - 1,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "text.color": INK,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "legend.fontsize": FONT_SIZE - 1,
    "legend.handlelength": 2.4,
    "path.simplify": True,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A finished figure.

    Attributes:
        name: of its files, e.g. ``cost``.
        title: a few words.
        alternative: its content as text with numbers, for readers who cannot see it.
        svg: the figure; an element with ``data-trial`` shows that trial.
        data: what is drawn, one row per point or interval.
        ghosts: by trial the path, in the figure's coordinates, of trials that it shows only as a band; a page draws
            that of the trial that is marked.
    """

    name: str
    title: str
    alternative: str
    svg: str
    data: pd.DataFrame
    ghosts: Mapping[int, str] = field(default_factory=dict)


@contextmanager
def _unknown_glyphs() -> Iterator[None]:
    """Accept characters that matplotlib's fonts lack: the reader's fonts may have them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+.*missing from font")
        yield


class Canvas:
    """A figure being drawn: matplotlib's, and which trials its points are.

    Use as ``with Canvas("cost", 3.0) as canvas``: matplotlib's settings hold within.
    """

    def __init__(self, name: str, height: float, width: float = TEXT_WIDTH) -> None:
        self.name = name
        self._settings = mpl.rc_context({**STYLE, "svg.hashsalt": name})
        self._settings.__enter__()
        self._reach = np.errstate(over="ignore")  # around an axis that ends near the largest float
        self._reach.__enter__()
        self.figure = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasSVG(self.figure)
        self._points: dict[str, list[int]] = {}
        self._ghosts: list[tuple[Axes, int, NDArray[np.float64]]] = []

    def __enter__(self) -> "Canvas":
        return self

    def __exit__(self, *_: object) -> None:
        self._reach.__exit__(None, None, None)
        self._settings.__exit__(None, None, None)

    def axes(self, rows: int = 1, columns: int = 1, **options: Any) -> list[Axes]:
        """Return panels in a grid, row by row, with light grid lines."""
        found = self.figure.subplots(rows, columns, squeeze=False, **options)
        panels = [panel for row in found for panel in row]
        for panel in panels:
            panel.patch.set_visible(False)
            panel.grid(visible=True)
        self.figure.patch.set_visible(False)
        return panels

    def points(self, axes: Axes, x: ArrayLike, y: ArrayLike, trials: Sequence[int], **options: Any) -> None:
        """Draw points of one style, one per trial; points that an axis cannot show are left out.

        The axes must have their scales already.
        """
        across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        shown = np.isfinite(across) & np.isfinite(up)
        shown &= (across > 0) | (axes.get_xscale() != "log")
        shown &= (up > 0) | (axes.get_yscale() != "log")
        if not shown.any():
            return
        group = f"{svg.POINTS}{len(self._points)}"
        self._points[group] = [trial for trial, there in zip(trials, shown, strict=True) if there]
        axes.plot(across[shown], up[shown], gid=group, **{"linestyle": "", **options})

    def curve(self, axes: Axes, x: ArrayLike, y: ArrayLike, trial: int, **options: Any) -> None:
        """Draw the line of one trial, and a dot for each point that has no neighbor to be joined with."""
        across, up = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        there = np.isfinite(across) & np.isfinite(up)
        joined = there[1:] & there[:-1]
        alone = np.flatnonzero(there & ~np.append(joined, False) & ~np.insert(joined, 0, False))
        dots = {"marker": "o", "markersize": DOT, "markevery": alone.tolist()} if len(alone) else {}
        axes.plot(across, up, gid=f"{svg.CURVE}{trial}", **{**dots, **options})

    def ghost(self, axes: Axes, x: ArrayLike, y: ArrayLike, trial: int) -> None:
        """Draw the line of one trial only once the trial is marked."""
        points = np.column_stack([np.asarray(x, dtype=float), np.asarray(y, dtype=float)])
        self._ghosts.append((axes, trial, drawable(points[np.isfinite(points).all(axis=1)])))

    def legend(self, handles: Sequence[Artist] | None = None, *, columns: int = 6, **options: Any) -> None:
        """Draw the legend above the panels: as many columns as fit the figure, its lines thick enough to tell apart.

        Args:
            handles: by default those of all labelled artists.
            columns: at most.
        """
        named: dict[str, Any] = {} if handles is None else {"handles": list(handles)}
        for number in range(columns, 0, -1):
            found = self.figure.legend(loc="outside upper left", ncols=number, **named, **options)
            with _unknown_glyphs():
                if number == 1 or found.get_window_extent().width <= self.figure.bbox.width:
                    break
            found.remove()
        for line in found.get_lines():
            line.set_linewidth(max(line.get_linewidth(), SWATCH))

    def finish(self, title: str, alternative: str, data: pd.DataFrame) -> Drawing:
        """Return the finished drawing."""
        _keep_within_reach(self.figure)
        with _unknown_glyphs():
            text = io.BytesIO()
            self.figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
        title, alternative = wording.clean(title), wording.clean(alternative)
        shown = svg.finished(text.getvalue(), self.name, self._points, title, alternative)
        return Drawing(
            name=self.name, title=title, alternative=alternative, svg=shown, data=data, ghosts=self._ghost_paths()
        )

    def _ghost_paths(self) -> dict[int, str]:
        height = self.figure.get_figheight() * 72.0
        scale = 72.0 / self.figure.dpi
        paths: dict[int, str] = {}
        for axes, trial, points in self._ghosts:
            placed = axes.transData.transform(points) * scale
            if len(points) == 1:
                x, y = placed[0]
                paths[trial] = f"{paths.get(trial, '')}M{x - DOT / 2:.1f} {height - y:.1f}h{DOT:.1f}"
            if len(points) > 1:
                path = "M" + "L".join(f"{x:.1f} {height - y:.1f}" for x, y in placed)
                paths[trial] = paths.get(trial, "") + path
        return paths


def drawable(values: ArrayLike) -> NDArray[np.float64]:
    """Return values without those that are too small or too large for axes: they become the least and the largest."""
    numbers = np.clip(np.asarray(values, dtype=float), -MOST, MOST)
    small = (numbers != 0) & (np.abs(numbers) < LEAST)
    return np.asarray(np.where(small, np.copysign(LEAST, numbers), numbers))


def _keep_within_reach(figure: Figure) -> None:
    """Make everything that is drawn on a figure's axes drawable."""
    for axes in figure.axes:
        for line in axes.lines:
            line.set_data(*map(drawable, line.get_data()))
        for collection in axes.collections:
            for path in collection.get_paths():
                path.vertices = drawable(path.vertices)
