"""Whether the report in a bundle is the one that its tables give."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sweeper.evidence.data.load import StudyData
from sweeper.export.bundled import REPORT
from sweeper.verification.alike import differing_numbers, same_table, same_text
from sweeper.verification.basis import Basis
from sweeper.verification.findings import Finding, some

MakeReport = Callable[[StudyData, Path, datetime], object]  # writes the page and its figures into a directory
Files = Mapping[str, bytes]

AGAIN: Final = ".again"  # within the unpacked bundle: the report as it comes out again
# A PDF also depends on the fonts of the machine.
NOT_COMPARED: Final = ".pdf"
FIGURE: Final = ".svg"
TABLE: Final = ".csv"
# Tables of claims and of how configurations stand, which other code must give again by what they mean.
MEANT: Final = ("figures/claims", "figures/verdicts", "figures/standings")
SHOWN: Final = 3  # differences of a table that are named


def report_is_that_of_the_tables(
    data: StudyData, as_of: float, directory: Path, make: MakeReport, basis: Basis
) -> list[Finding]:
    """Return whether the page, the figures and the tables of an unpacked bundle's report come out again.

    Args:
        as_of: the time of the report.
        make: makes it, as of a time; reports are made above this layer.
    """
    scratch = directory / AGAIN
    make(data, scratch, datetime.fromtimestamp(as_of, UTC))
    wanted, found = _files(scratch), _files(directory / REPORT)
    if not basis.is_same_code:
        return _by_meaning(wanted, found)
    with_figures = basis.kind == "same"
    lines = list(_differences(wanted, found, with_figures=with_figures))
    if lines:
        return [Finding(check="report", ok=False, text=line) for line in lines]
    parts = "the page, its figures and its tables are" if with_figures else "the page and its tables are"
    text = f"{parts} those that the tables of the study give; report.pdf is not compared"
    return [Finding(check="report", ok=True, text=text)]


def _differences(wanted: Files, found: Files, *, with_figures: bool) -> Iterator[str]:
    yield from (f"{REPORT}/{name}: is missing" for name in sorted(wanted.keys() - found.keys()))
    yield from (f"{REPORT}/{name}: is not part of the report" for name in sorted(found.keys() - wanted.keys()))
    for name in sorted(wanted.keys() & found.keys()):
        if name.endswith(FIGURE) and not with_figures:
            continue
        if not _same(name, wanted[name], found[name]):
            yield f"{REPORT}/{name}: is not what the tables give"


def _same(name: str, wanted: bytes, found: bytes) -> bool:
    """Return whether a file is the same up to rounding, which depends on the processor."""
    if wanted == found:
        return True
    if name.endswith(TABLE):
        return same_table(found, wanted)
    try:
        return same_text(found.decode(), wanted.decode())
    except UnicodeDecodeError:
        return False


def _by_meaning(wanted: Files, found: Files) -> list[Finding]:
    """Return whether the tables of claims and standings have the same numbers by other code, where both have them."""
    names = [name for name in sorted(wanted) if name.endswith(TABLE) and name.startswith(MEANT) and name in found]
    compared = {name: differing_numbers(found[name], wanted[name]) for name in names}
    wrong = [
        Finding(check="report", ok=False, text=f"{REPORT}/{name}: {some(lines, SHOWN)}")
        for name, lines in compared.items()
        if lines
    ]
    same = [name.partition("/")[2] for name, lines in compared.items() if lines == []]
    if wrong:
        return wrong
    text = f"{', '.join(same)}: the same numbers" if same else "none of its tables has the rows that this code gives"
    return [Finding(check="report", ok=True, text=f"{text}; page and figures are not compared", is_note=not same)]


def _files(directory: Path) -> dict[str, bytes]:
    paths = (path for path in directory.rglob("*") if path.is_file() and path.suffix != NOT_COMPARED)
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}
