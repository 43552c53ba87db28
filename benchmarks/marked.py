"""Tables in pages that are written by hand around them: each stands between two markers."""

from pathlib import Path
from typing import Final

from sweeper.files import write_atomically

STATISTICS: Final = Path(__file__).parents[1] / "docs" / "statistics.md"


def replace_between(path: Path, begin: str, end: str, text: str) -> None:
    """Put a text between two markers of a page; a page without them stays as it is."""
    page = path.read_text(encoding="utf-8")
    if begin not in page:
        return
    before, _, rest = page.partition(begin)
    write_atomically(path, f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}".encode())
