"""Tables in Markdown, with the same numbers and marks as in LaTeX."""

import math
import re
from typing import Final

from reports import wording
from reports.paper.content import Amount, Head, Interval, PaperCell, PaperTable, Words
from reports.paper.digits import digits

MARKUP: Final = re.compile(r"([\\`*_{}\[\]<>|#~$])")


def markdown_table(table: PaperTable) -> str:
    """Return a table with its caption above and its notes below."""
    heads = " | ".join(_head(head) for head in table.heads)
    rules = " | ".join("---:" if head.number else "---" for head in table.heads)
    rows = [f"| {' | '.join(map(_cell, row))} |" for row in table.rows]
    notes = ["", *(_text(note) for note in table.notes)] if table.notes else []
    return "\n".join([f"**{_text(table.caption)}**", "", f"| {heads} |", f"| {rules} |", *rows, *notes, ""])


def _head(head: Head) -> str:
    return _text(f"{head.group}, {head.title}" if head.group else head.title)


def _cell(cell: PaperCell) -> str:
    match cell:
        case Words(text=text):
            return _text(text)
        case Interval(low=low, high=high, unit=unit):
            half = (high - low) / 2.0
            return f"{_number(low, half, sign=True)} to {_number(high, half, sign=True)}{unit}"
        case Amount():
            return _amount(cell)


def _amount(cell: Amount) -> str:
    failed = f" ({cell.failed})" if cell.failed else ""
    if math.isnan(cell.value):
        return f"{wording.UNKNOWN}{failed}"
    number = _number(cell.value, cell.half, sign=cell.sign, bold=cell.bold, with_half=not cell.is_bare)
    return f"{number}{cell.unit}{cell.marks}{failed}"


def _number(value: float, half: float, *, sign: bool, bold: bool = False, with_half: bool = False) -> str:
    if math.isinf(value):
        return "\u2212\u221e" if value < 0 else "\u221e"
    found = digits(value, half)
    text = f"+{found.value}" if sign and value > 0 and float(found.value) != 0 else found.value
    text = text.replace("-", "\u2212")
    text = f"**{text}**" if bold else text
    if with_half and found.half:
        text = f"{text} \u00b1 {found.half}"
    if found.power:
        power = f"10^{found.power}".replace("-", "\u2212")
        text = f"({text}) \u00d7 {power}" if with_half and found.half else f"{text} \u00d7 {power}"
    return text


def _text(text: str) -> str:
    return MARKUP.sub(r"\\\1", wording.clean(text))
