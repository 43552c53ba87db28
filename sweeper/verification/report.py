"""Whether the report in a bundle is the one that its tables give."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from sweeper import __version__
from sweeper.evidence.data.load import StudyData
from sweeper.export.bundle import Manifest
from sweeper.export.bundled import REPORT
from sweeper.verification.findings import Finding

MakeReport = Callable[[StudyData, Path, datetime], object]  # writes the page and its figures into a directory

# A PDF also depends on the version of typst and on the fonts of the machine.
NOT_COMPARED: Final = ".pdf"


def report_is_that_of_the_tables(
    manifest: Manifest, data: StudyData, directory: Path, scratch: Path, make: MakeReport
) -> list[Finding]:
    """Return whether the page and the figures of an unpacked bundle come out again.

    Args:
        scratch: an empty directory, for the report as it comes out.
        make: makes it, as of a time; reports are made above this layer.
    """
    if manifest.sweeper != __version__:
        text = f"not compared, since sweeper {manifest.sweeper} wrote it and this is {__version__}"
        return [Finding(check="report", ok=True, text=text)]
    make(data, scratch, datetime.fromtimestamp(manifest.as_of, UTC))
    wanted, found = _files(scratch), _files(directory / REPORT)
    lines = [f"{REPORT}/{name}: is missing" for name in sorted(wanted.keys() - found.keys())]
    lines += [f"{REPORT}/{name}: is not part of the report" for name in sorted(found.keys() - wanted.keys())]
    lines += [
        f"{REPORT}/{name}: is not what the tables give"
        for name in sorted(wanted.keys() & found.keys())
        if wanted[name] != found[name]
    ]
    if lines:
        return [Finding(check="report", ok=False, text=line) for line in lines]
    text = "the page and its figures are those that the tables give; report.pdf is not compared"
    return [Finding(check="report", ok=True, text=text)]


def _files(directory: Path) -> dict[str, bytes]:
    paths = (path for path in directory.rglob("*") if path.is_file() and path.suffix != NOT_COMPARED)
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in paths}
