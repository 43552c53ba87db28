"""Tables in LaTeX: booktabs alone, no packages for units or for long tables."""

import math
from collections.abc import Sequence
from itertools import groupby
from typing import Final

from reports.paper.content import Amount, Head, Interval, PaperCell, PaperTable, Words
from reports.paper.latex import NONE, amount, escaped

MANY: Final = 5  # columns, which are set smaller
LONGEST: Final = 26  # letters of a column that does not break lines


def latex_table(table: PaperTable) -> str:
    """Return a table as a float with its caption and label."""
    widths = _widths(table)
    columns = "".join(
        rf">{{\raggedright\arraybackslash}}p{{{width:.2f}\linewidth}}" if width else "r" if head.number else "l"
        for head, width in zip(table.heads, widths, strict=True)
    )
    rows = [" & ".join(map(_cell, row)) + r" \\" for row in table.rows]
    notes = " ".join(map(escaped, table.notes))
    under = [rf"\par\smallskip{{\footnotesize\raggedright {notes}\par}}"] if notes else []
    return "\n".join(
        [
            r"\begin{table}[tbp]",
            r"\centering",
            rf"\caption{{{escaped(table.caption)}}}",
            rf"\label{{tab:{table.name}}}",
            r"\par\smallskip",
            r"\footnotesize" if len(table.heads) > MANY else r"\small",
            rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}",
            r"\toprule",
            *_heads(table.heads),
            r"\midrule",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            *under,
            r"\end{table}",
            "",
        ]
    )


def _widths(table: PaperTable) -> list[float]:
    """Return of each column the share of the line that it takes; 0 for its natural width."""
    return [head.share if _longest(table, place) > LONGEST else 0.0 for place, head in enumerate(table.heads)]


def _longest(table: PaperTable, place: int) -> int:
    cells = (row[place] for row in table.rows)
    return max((len(cell.text) for cell in cells if isinstance(cell, Words)), default=0)


def _heads(heads: Sequence[Head]) -> list[str]:
    titles = " & ".join(escaped(head.title) if head.title not in {"n", "p"} else f"${head.title}$" for head in heads)
    if not any(head.group for head in heads):
        return [rf"{titles} \\"]
    above, rules, column = [], [], 1
    for group, members in groupby(heads, key=lambda head: head.group):
        size = len(list(members))
        above.append(rf"\multicolumn{{{size}}}{{c}}{{{escaped(group)}}}" if group else "&".join([""] * size))
        if group:
            rules.append(rf"\cmidrule(lr){{{column}-{column + size - 1}}}")
        column += size
    return [" & ".join(above) + r" \\", " ".join(rules), rf"{titles} \\"]


def _cell(cell: PaperCell) -> str:
    match cell:
        case Words(text=text):
            return escaped(text)
        case Interval(low=low, high=high, unit=unit):
            ends = [amount(end, (high - low) / 2.0, bare=True, sign=True) for end in (low, high)]
            return f"{' to '.join(ends)}{_unit(unit)}"
        case Amount():
            return _amount(cell)


def _amount(cell: Amount) -> str:
    if math.isnan(cell.value):
        return f"{NONE}{_failed(cell)}"
    number = amount(cell.value, cell.half, bare=cell.is_bare, bold=cell.bold, sign=cell.sign)
    marks = rf"\textsuperscript{{{escaped(cell.marks)}}}" if cell.marks else ""
    return f"{number}{_unit(cell.unit)}{marks}{_failed(cell)}"


def _failed(cell: Amount) -> str:
    return f" ({cell.failed})" if cell.failed else ""


def _unit(unit: str) -> str:
    return rf"\,{escaped(unit)}" if unit else ""
