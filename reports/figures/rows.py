"""Figures of named rows: labels at the left, marks on one scale, numbers at the right; on a phone below each other."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from reports.figures.lettering import SIZE, SMALL, text_width, widest, wrapped
from reports.figures.panel import GAP, Panel, room_below
from reports.figures.scales import Scale
from reports.figures.sheet import INK, MUTED, RULE, Sheet
from reports.wording import UNKNOWN

LINE: Final = 9.6  # points from one line of a label to the next
PADDING: Final = 2.6  # above and below a row
MARK: Final = 11.0  # the height of a row's marks on a phone
LABELS: Final = 0.42  # the most of a figure's width that labels take
NUMBERS: Final = 0.4  # and numbers
BETWEEN: Final = 9.0  # points between two columns of numbers
DEPTH: Final = 8.0  # of a label that belongs to the one above
SEMICOLON: Final = 3.0  # points: its width
PAGE: Final = 590.0  # points: the height of a figure that fits on a printed page with its title and caption
UNIT: Final = Scale(low=0.0, high=1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A row's texts: its label, and at its right columns of numbers, or a line with a smaller one below it.

    Attributes:
        cells: the numbers of the columns.
        right, below: the two lines.
        colour: of the first line at the right.
        is_heading: whether it has no marks, but names the rows below.
    """

    label: str
    cells: tuple[str, ...] = ()
    right: str = ""
    below: str = ""
    bold: bool = False
    depth: int = 0
    colour: str = INK
    is_heading: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Rows that were laid out: the panel of their marks, and the middle and the ends of each that is no heading."""

    panel: Panel
    middles: tuple[float, ...]
    spans: tuple[tuple[float, float], ...]

    def vertical(self, value: float, *, colour: str = INK, width: float = 0.7) -> None:
        """Draw a line at a value through the marks of all rows, but not through their texts."""
        x = float(self.panel.across([value])[0])
        for top, bottom in self.spans:
            self.panel.sheet.line((x, top), (x, bottom), colour=colour, width=width)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """The columns of rows: how wide labels and numbers are, and how many lines a label may take.

    Attributes:
        heads: of the columns of numbers.
    """

    labels: float
    cells: tuple[float, ...]
    rights: float
    lines: int
    heads: tuple[str, ...] = ()

    @property
    def numbers(self) -> float:
        """The width of everything at the right."""
        return self.rights + sum(width + BETWEEN for width in self.cells)


def table_for(
    sheet: Sheet, rows: Sequence[Row], *, heads: tuple[str, ...] = (), lines: int = 2, most: float = LABELS
) -> Table:
    """Return columns that fit some rows.

    Args:
        lines: of a label at most.
        most: the share of the width that labels may take.
    """
    named = [row for row in rows if not row.is_heading]
    wanted = max((text_width(row.label, bold=row.bold) + DEPTH * row.depth for row in named), default=0.0)
    columns = list(zip(*(row.cells for row in named if row.cells), strict=True)) or [() for _ in heads]
    cells = tuple(
        max(widest(column, SMALL), text_width(head, SMALL))
        for column, head in zip(columns, heads or [""] * len(columns), strict=True)
    )
    rights = max(widest([row.right for row in named], SIZE), widest([row.below for row in named], SMALL))
    share = 1.0 if sheet.is_narrow else most
    rights = min(rights, NUMBERS * sheet.width) + (GAP if rights else 0.0)
    return Table(labels=min(wanted + 1.0, share * sheet.width), cells=cells, rights=rights, lines=lines, heads=heads)


def rows_height(sheet: Sheet, rows: Sequence[Row], table: Table) -> float:
    """Return how high `draw_rows` draws rows without their heads."""
    return sum(_height(sheet, row, table) for row in rows)


def draw_rows(sheet: Sheet, top: float, rows: Sequence[Row], x: Scale, table: Table | None = None) -> Rows:
    """Write the texts of rows from a height on, and light lines between them; the marks are drawn by the caller."""
    table = table or table_for(sheet, rows)
    middles, spans = [], []
    left = 0.0 if sheet.is_narrow else table.labels + GAP
    right = sheet.width if sheet.is_narrow else sheet.width - table.numbers
    y = _write_heads(sheet, table, top)
    top = y
    for row in rows:
        _write(sheet, row, y, table)
        y += _height(sheet, row, table)
        sheet.line((0.0, y), (sheet.width, y), colour=RULE, width=0.5)
        if not row.is_heading:
            begin = y - PADDING - MARK if sheet.is_narrow else y - _height(sheet, row, table)
            middles.append((y + begin) / 2 - (PADDING / 2 if sheet.is_narrow else 0.0))
            spans.append((begin, y - (PADDING if sheet.is_narrow else 0.0)))
    inside = 5.0 if sheet.is_narrow else GAP
    panel = Panel(
        sheet=sheet, left=left + inside, top=top, width=right - left - 2 * inside, height=y - top, x=x, y=UNIT
    )
    return Rows(panel=panel, middles=tuple(middles), spans=tuple(spans))


def finish_rows(laid: Rows, *, texts: Sequence[str] | None = None) -> float:
    """Draw the axis below rows; return where it ends."""
    laid.panel.bottom_axis(texts=texts)
    return laid.panel.bottom + room_below()


def split(heights: Sequence[float], room: float) -> list[range]:
    """Return which rows, by their heights, go to which part, so that each part fits and all are about as long."""
    total = sum(heights)
    parts = max(1, -(-int(total) // int(room)))
    found: list[range] = []
    start, used, done = 0, 0.0, 0.0
    for place, height in enumerate(heights):
        if used and (used + height > room or done + height / 2 > total * (len(found) + 1) / parts):
            found.append(range(start, place))
            start, used = place, 0.0
        used += height
        done += height
    return [*found, range(start, len(heights))]


def _lines(sheet: Sheet, row: Row, table: Table) -> list[str]:
    room = sheet.width if row.is_heading or sheet.is_narrow else table.labels
    return wrapped(row.label, room - DEPTH * row.depth + 0.5, most=table.lines, bold=row.bold)


def _height(sheet: Sheet, row: Row, table: Table) -> float:
    lines = len(_lines(sheet, row, table))
    if row.is_heading:
        return lines * LINE + 3 * PADDING
    if not sheet.is_narrow:
        return max(lines, len(_beside(row, table)), 1) * LINE + 2 * PADDING
    return (lines + len(_under(sheet, row, table))) * LINE + MARK + 2 * PADDING


def _fits_beside(sheet: Sheet, row: Row, table: Table) -> bool:
    """Return whether the numbers fit on the last line of the label, on a phone."""
    used = text_width(_lines(sheet, row, table)[-1], bold=row.bold) + DEPTH * row.depth
    return used + text_width(_number(row, table)) + 8.0 <= sheet.width


def _number(row: Row, table: Table) -> str:
    """Return the numbers of a row in one line, for a phone: those of columns with their heads, but the first's."""
    if not row.cells:
        return row.right
    first, *others = row.cells
    heads = table.heads[1:] or ("",) * len(others)
    known = [(head, cell) for head, cell in zip(heads, others, strict=True) if cell not in ("", UNKNOWN)]
    return "; ".join([first, *(f"{head} {cell}".strip() for head, cell in known)])


def _write_heads(sheet: Sheet, table: Table, top: float) -> float:
    """Write the heads of the columns of numbers; return where they end."""
    if sheet.is_narrow or not table.heads:
        return top
    for head, right in zip(table.heads, _edges(sheet, table), strict=True):
        sheet.text((right, top + SMALL), head, size=SMALL, anchor="end", colour=MUTED)
    return top + LINE + 1.0


def _edges(sheet: Sheet, table: Table) -> list[float]:
    """Return where each column of numbers ends."""
    found, right = [], sheet.width
    for width in reversed(table.cells):
        found.append(right)
        right -= width + BETWEEN
    return found[::-1]


def _write(sheet: Sheet, row: Row, top: float, table: Table) -> None:
    lines = _lines(sheet, row, table)
    first = top + PADDING * (2 if row.is_heading else 1) + LINE * 0.78
    spare = 0.0 if sheet.is_narrow or row.is_heading else _height(sheet, row, table) - 2 * PADDING - len(lines) * LINE
    for place, line in enumerate(lines):
        sheet.text((DEPTH * row.depth, first + spare / 2 + place * LINE), line, bold=row.bold)
    if sheet.is_narrow:
        _write_below(sheet, row, first + (len(lines) - 1) * LINE, table)
    elif not row.is_heading:
        _write_beside(sheet, row, top + PADDING + LINE * 0.78, table)


def _write_beside(sheet: Sheet, row: Row, first: float, table: Table) -> None:
    lines = _beside(row, table)
    extra = _height(sheet, row, table) - 2 * PADDING
    y = first + (extra - max(len(lines), 1) * LINE) / 2
    for cell, right in zip(row.cells, _edges(sheet, table), strict=False):
        sheet.text((right, y), cell, size=SMALL, anchor="end", bold=row.bold)
    for place, (line, size, colour) in enumerate(lines):
        sheet.text((sheet.width, y + place * LINE), line, size=size, anchor="end", colour=colour)


def _beside(row: Row, table: Table) -> list[tuple[str, float, str]]:
    """Return the lines at the right of a row's marks, with their size and colour: broken, and never cut."""
    found = [(line, SIZE, row.colour) for line in _broken(row.right, table.numbers - GAP, SIZE)]
    return found + [(line, SMALL, MUTED) for line in _broken(row.below, table.numbers - GAP, SMALL)]


def _under(sheet: Sheet, row: Row, table: Table) -> list[tuple[str, float, str]]:
    """Return the lines below a label on a phone, with their size and colour: numbers are broken, and never cut."""
    number, found = _number(row, table), []
    if number and not _fits_beside(sheet, row, table):
        size = SIZE if text_width(number) <= sheet.width else SMALL
        found += [(line, size, row.colour) for line in _broken(number, sheet.width, size)]
    return found + [(line, SMALL, MUTED) for line in _broken(row.below, sheet.width, SMALL)]


def _broken(text: str, width: float, size: float) -> list[str]:
    """Return a text of several parts as lines: broken between parts, and within those that are too long."""
    if text_width(text, size) <= width + 0.5:
        return [text] if text else []
    lines: list[str] = []
    for part in text.split("; "):
        longer = f"{lines[-1]}; {part}" if lines else part
        if lines and text_width(longer, size) <= width - SEMICOLON:
            lines[-1] = longer
        else:
            end = wrapped(part, width - SEMICOLON, size, most=len(part) + 1)
            lines[-1:] = [*(f"{line};" for line in lines[-1:]), *end]
    return lines


def _write_below(sheet: Sheet, row: Row, y: float, table: Table) -> None:
    number = _number(row, table)
    if number and _fits_beside(sheet, row, table):
        sheet.text((sheet.width, y), number, anchor="end", colour=row.colour)
    for place, (line, size, colour) in enumerate(_under(sheet, row, table), 1):
        sheet.text((0.0, y + place * LINE), line, size=size, colour=colour)
